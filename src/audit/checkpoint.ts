import { openJws } from '../kernel/index.ts';

export const AUDIT_CHECKPOINT_TYPE = 'village-audit-checkpoint+jws';
const MAX_CHECKPOINT_BYTES = 1024;

/** What a node signs when it leaves out what is too old: its log begins after entry `seq`, whose hash was `hash`. */
export type AuditCheckpoint = {
  readonly village: string;
  readonly node: string;
  readonly seq: number;
  readonly hash: string;
  readonly at_ms: number;
  /** How old entries became before they were left out. */
  readonly days: number;
};

/** Undefined: not one that `issuerKey` signed for this village and node. */
export function verifyCheckpoint(
  jws: string,
  expected: { readonly issuerKey: Uint8Array; readonly villageId: string; readonly nodeId: string },
): AuditCheckpoint | undefined {
  const opened = openJws(jws, { typ: AUDIT_CHECKPOINT_TYPE, key: expected.issuerKey, maxBytes: MAX_CHECKPOINT_BYTES });
  if (opened.kind === 'refused') return undefined;
  const { village, node, seq, hash, at_ms: atMs, days } = opened.payload;
  const fits =
    Object.keys(opened.payload).length === 6 &&
    village === expected.villageId &&
    node === expected.nodeId &&
    typeof hash === 'string' &&
    [seq, atMs, days].every((number) => Number.isSafeInteger(number));
  return fits ? (opened.payload as AuditCheckpoint) : undefined;
}
