import { type JwsPayload, openJws } from '../kernel/index.ts';

export const AUDIT_HEAD_TYPE = 'village-audit-head+jws';
const MAX_HEAD_BYTES = 4096;

/** What a node signs about its own log: entry `seq` and all before it are fixed by `hash`. Carried as a compact JWS. */
export type AuditHead = {
  readonly village: string;
  readonly node: string;
  readonly seq: number;
  readonly hash: string;
  readonly at_ms: number;
  /** In one made for a witness: what the log now holds where the head stands that the witness saw last. */
  readonly since?: { readonly seq: number; readonly hash: string };
};

/** The head inside `jws`, or undefined when it is not one signed by `issuerKey` (raw Ed25519, 32 bytes) for this village and node. */
export function verifyHead(
  jws: string,
  expected: { readonly issuerKey: Uint8Array; readonly villageId: string; readonly nodeId: string },
): AuditHead | undefined {
  const opened = openJws(jws, { typ: AUDIT_HEAD_TYPE, key: expected.issuerKey, maxBytes: MAX_HEAD_BYTES });
  if (opened.kind === 'refused' || !isHead(opened.payload)) return undefined;
  const head = opened.payload;
  return head.village === expected.villageId && head.node === expected.nodeId ? head : undefined;
}

function isHead(value: JwsPayload): value is AuditHead {
  const since = value['since'];
  return (
    Object.keys(value).length === (since === undefined ? 5 : 6) &&
    typeof value['village'] === 'string' &&
    typeof value['node'] === 'string' &&
    Number.isSafeInteger(value['seq']) &&
    typeof value['hash'] === 'string' &&
    Number.isSafeInteger(value['at_ms']) &&
    (since === undefined || isPlace(since))
  );
}

function isPlace(value: unknown): boolean {
  if (typeof value !== 'object' || value === null || Object.keys(value).length !== 2) return false;
  const { seq, hash } = value as Record<string, unknown>;
  return Number.isSafeInteger(seq) && typeof hash === 'string';
}
