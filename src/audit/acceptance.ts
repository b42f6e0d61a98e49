import { openJws, publicKeyOfPeerId, readJws } from '../kernel/index.ts';
import type { AuditEntry } from './entry.ts';

export const AUDIT_ACCEPTANCE_TYPE = 'village-audit-acceptance+jws';
/** The `method` of the entry that carries an acceptance, as its `content`. */
export const ACCEPTED_LOSS = 'audit.restored';
const MAX_ACCEPTANCE_BYTES = 2048;

/**
 * What a witness signs with its node key when its operator takes the word of another node's for it that its log was put back from a copy: what
 * the witness held of the entries `from` to `to` counts no longer. `hash` is what it held of `to`.
 */
export type AuditAcceptance = {
  readonly village: string;
  readonly node: string;
  readonly witness: string;
  readonly from: number;
  readonly to: number;
  readonly hash: string;
  readonly at_ms: number;
};

/** Undefined: nothing that a witness signed about the log of `nodeId` in this village. */
export function verifyAcceptance(
  jws: string,
  owner: { readonly villageId: string; readonly nodeId: string },
): AuditAcceptance | undefined {
  const read = readJws(jws, MAX_ACCEPTANCE_BYTES);
  const witness = typeof read === 'string' ? undefined : read.payload['witness'];
  const key = typeof witness === 'string' ? publicKeyOfPeerId(witness) : undefined;
  if (key === undefined || witness === owner.nodeId) return undefined; // nobody accepts what it lost itself
  const opened = openJws(jws, { typ: AUDIT_ACCEPTANCE_TYPE, key, maxBytes: MAX_ACCEPTANCE_BYTES });
  if (opened.kind === 'refused') return undefined;
  const { village, node, from, to, hash, at_ms: atMs } = opened.payload;
  const fits =
    Object.keys(opened.payload).length === 7 &&
    village === owner.villageId &&
    node === owner.nodeId &&
    typeof hash === 'string' &&
    [from, to, atMs].every((number) => Number.isSafeInteger(number));
  return fits ? (opened.payload as AuditAcceptance) : undefined;
}

/** The acceptance that `entry` puts on record; undefined: none, or none that holds. */
export function acceptanceIn(
  { kind, method, content }: Pick<AuditEntry, 'kind' | 'method' | 'content'>,
  owner: { readonly villageId: string; readonly nodeId: string },
): AuditAcceptance | undefined {
  if (kind !== 'administration' || method !== ACCEPTED_LOSS || content === undefined) return undefined;
  try {
    const { acceptance } = JSON.parse(content) as { acceptance?: unknown };
    return typeof acceptance === 'string' ? verifyAcceptance(acceptance, owner) : undefined;
  } catch {
    return undefined;
  }
}
