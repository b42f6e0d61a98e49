import { fromBase64Url, text, utf8, verifyEd25519 } from '../kernel/index.ts';

export const AUDIT_HEAD_TYPE = 'village-audit-head+jws';
const MAX_HEAD_CHARS = 4096;

/** What a node signs about its own log: entry `seq` and all before it are fixed by `hash`. Carried as a compact JWS (EdDSA). */
export interface AuditHead {
  readonly village: string;
  readonly node: string;
  readonly seq: number;
  readonly hash: string;
  readonly at_ms: number;
}

/** The head inside `jws`, or undefined when it is not one signed by `issuerKey` (raw Ed25519, 32 bytes) for this village and node. */
export function verifyHead(
  jws: string,
  expected: { readonly issuerKey: Uint8Array; readonly villageId: string; readonly nodeId: string },
): AuditHead | undefined {
  if (jws.length > MAX_HEAD_CHARS) return undefined;
  const parts = jws.split('.');
  const [header, payload, signature] = parts.map(fromBase64Url);
  if (parts.length !== 3 || header === undefined || payload === undefined || signature === undefined) return undefined;
  const signed = utf8(jws.slice(0, jws.lastIndexOf('.')));
  if (!verifyEd25519(expected.issuerKey, signed, signature)) return undefined;
  const protectedHeader = parseObject(header);
  const algorithm = protectedHeader?.['alg'];
  if (protectedHeader?.['typ'] !== AUDIT_HEAD_TYPE || (algorithm !== 'EdDSA' && algorithm !== 'Ed25519'))
    return undefined;
  if (Object.hasOwn(protectedHeader, 'crit') || Object.hasOwn(protectedHeader, 'b64')) return undefined;
  const head = parseObject(payload);
  if (head === undefined || !isHead(head)) return undefined;
  return head.village === expected.villageId && head.node === expected.nodeId ? head : undefined;
}

function isHead(value: Record<string, unknown>): value is Record<string, unknown> & AuditHead {
  return (
    typeof value['village'] === 'string' &&
    typeof value['node'] === 'string' &&
    Number.isSafeInteger(value['seq']) &&
    typeof value['hash'] === 'string' &&
    Number.isSafeInteger(value['at_ms'])
  );
}

function parseObject(bytes: Uint8Array): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text(bytes));
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : undefined;
  } catch {
    return undefined;
  }
}
