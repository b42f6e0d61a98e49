import { sha256Hex, text } from '../kernel/index.ts';

/** What stands before the first entry: it binds the chain to this village and this node. 64 hex digits. */
export function genesisHash(villageId: string, nodeId: string): string {
  return sha256Hex(`village-audit/1\n${villageId}\n${nodeId}`);
}

/** SHA-256 of the previous hash (its 64 hex digits, as ASCII) followed by the line's UTF-8 bytes; 64 hex digits. */
export function linkHash(previousHash: string, line: string): string {
  return sha256Hex(previousHash + line);
}

/** A stored record taken apart: the line that was hashed, and the hash it claims. Undefined when it is not so framed. */
export function openRecord(record: Uint8Array | string): { readonly line: string; readonly hash: string } | undefined {
  const whole = typeof record === 'string' ? record : strictText(record);
  const match = whole === undefined ? null : TAIL.exec(whole);
  if (whole === undefined || match === null) return undefined;
  return { line: `${whole.slice(0, match.index)}}`, hash: match[1] as string };
}
const TAIL = /,"hash":"([0-9a-f]{64})"\}$/;

function strictText(bytes: Uint8Array): string | undefined {
  try {
    return text(bytes);
  } catch {
    return undefined; // not UTF-8: no line of ours
  }
}
