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
  const word = openAnchor(anchor);
  return head !== undefined && word !== undefined && isOf(word, { ...head, jws })
    ? { head, witness: word.witness, atMs: word.at_ms }
    : undefined;
}

/**
 * What a witness signed, for who has no key of the node whose log it is about. Undefined: it is not signed by the node that it names as
 * witness. Whether that node belongs to the village is not said by it.
 */
export function openAnchor(anchor: string): AuditAnchor | undefined {
  const read = readJws(anchor, MAX_ANCHOR_BYTES);
  if (typeof read === 'string') return undefined;
  const witness = read.payload['witness'];
  const key = typeof witness === 'string' ? publicKeyOfPeerId(witness) : undefined;
  if (key === undefined) return undefined;
  const opened = openJws(anchor, { typ: AUDIT_ANCHOR_TYPE, key, maxBytes: MAX_ANCHOR_BYTES });
  return opened.kind !== 'refused' && isAnchor(opened.payload) ? opened.payload : undefined;
}

function isAnchor(payload: JwsPayload): payload is AuditAnchor {
  return (
    Object.keys(payload).length === 7 &&
    ['village', 'node', 'hash', 'head', 'witness'].every((name) => typeof payload[name] === 'string') &&
    Number.isSafeInteger(payload['seq']) &&
    Number.isSafeInteger(payload['at_ms']) &&
    payload['witness'] !== payload['node'] // nobody is a witness of itself
  );
}

function isOf(word: AuditAnchor, head: AuditHead & { readonly jws: string }): boolean {
  return (
    word.village === head.village &&
    word.node === head.node &&
    word.seq === head.seq &&
    word.hash === head.hash &&
    word.head === sha256Hex(head.jws)
  );
}
