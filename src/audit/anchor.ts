import { type JwsPayload, openJws, publicKeyOfPeerId, readJws, sha256Hex } from '../kernel/index.ts';
import { type AuditHead, verifyHead } from './head.ts';

export const AUDIT_ANCHOR_TYPE = 'village-audit-anchor+jws';
const MAX_ANCHOR_BYTES = 2048;

/** What a witness signs with its node key: at `at_ms` by its clock it held `head` (SHA-256 of its JWS) of the log of `node`. */
export type AuditAnchor = {
  readonly village: string;
  readonly node: string;
  readonly seq: number;
  readonly hash: string;
  readonly head: string;
  readonly witness: string;
  readonly at_ms: number;
};

/** The head as its node signed it, and the witness's word for it. Compact JWSs. */
export interface Anchored {
  readonly head: string;
  readonly anchor: string;
}

export interface VerifiedAnchor {
  readonly head: AuditHead;
  readonly witness: string;
  /** When the witness saw it, by its clock; Unix milliseconds. */
  readonly atMs: number;
}

export function anchorOf(
  head: { readonly jws: string; readonly head: AuditHead },
  by: { readonly witness: string; readonly atMs: number },
): AuditAnchor {
  const { village, node, seq, hash } = head.head;
  return { village, node, seq, hash, head: sha256Hex(head.jws), witness: by.witness, at_ms: by.atMs };
}

/** Undefined: the head is not this node's, or not what the witness signed. A witness is believed for its own key, whoever brings it. */
export function verifyAnchor(
  { head: jws, anchor }: Anchored,
  owner: { readonly issuerKey: Uint8Array; readonly villageId: string; readonly nodeId: string },
): VerifiedAnchor | undefined {
  const head = verifyHead(jws, owner);
  const read = readJws(anchor, MAX_ANCHOR_BYTES);
  if (head === undefined || typeof read === 'string') return undefined;
  const witness = read.payload['witness'];
  const key = typeof witness === 'string' ? publicKeyOfPeerId(witness) : undefined;
  if (key === undefined || witness === owner.nodeId) return undefined; // nobody is a witness of itself
  const opened = openJws(anchor, { typ: AUDIT_ANCHOR_TYPE, key, maxBytes: MAX_ANCHOR_BYTES });
  if (opened.kind === 'refused') return undefined;
  const payload = opened.payload;
  return isAnchorOf(payload, { ...head, jws }) ? { head, witness: witness as string, atMs: payload.at_ms } : undefined;
}

function isAnchorOf(payload: JwsPayload, head: AuditHead & { readonly jws: string }): payload is AuditAnchor {
  return (
    Object.keys(payload).length === 7 &&
    payload['village'] === head.village &&
    payload['node'] === head.node &&
    payload['seq'] === head.seq &&
    payload['hash'] === head.hash &&
    payload['head'] === sha256Hex(head.jws) &&
    Number.isSafeInteger(payload['at_ms'])
  );
}
