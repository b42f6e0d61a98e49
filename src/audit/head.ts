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
  return (
    Object.keys(value).length === 5 &&
    typeof value['village'] === 'string' &&
    typeof value['node'] === 'string' &&
    Number.isSafeInteger(value['seq']) &&
    typeof value['hash'] === 'string' &&
    Number.isSafeInteger(value['at_ms'])
  );
}
