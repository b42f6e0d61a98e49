import { sha256Hex, text } from '../kernel/index.ts';
import type { AuditEntry } from './entry.ts';
import { encodeEntry } from './line.ts';

/** What stands before the first entry: it binds the chain to this village and this node. 64 hex digits. */
export function genesisHash(villageId: string, nodeId: string): string {
  return sha256Hex(`village-audit/1\n${villageId}\n${nodeId}`);
}

/** SHA-256 of the previous hash (its 64 hex digits, as ASCII) followed by the line's UTF-8 bytes; 64 hex digits. */
export function linkHash(previousHash: string, line: string): string {
  return sha256Hex(previousHash + line);
}

export interface SealedEntry {
  /** What is stored and exported, in UTF-8: the entry's line with `hash` as its last member. One line, one JSON object. */
  readonly record: Uint8Array;
  readonly hash: string;
}

const HASH_DIGITS = 64;
const SEAL = ',"hash":"';
/** Longer than any bounded entry but those full of escapes. */
let scratch = Buffer.allocUnsafe(32 * 1024);

/** The entry's bytes are laid out once, hashed where they lie and copied out: every audited call pays for this. */
export function sealEntry(previousHash: string, entry: AuditEntry): SealedEntry {
  const line = encodeEntry(entry);
  const room = HASH_DIGITS + 3 * line.length + SEAL.length + HASH_DIGITS + 2;
  if (scratch.length < room) scratch = Buffer.allocUnsafe(room);
  scratch.write(previousHash, 0, 'latin1');
  const end = HASH_DIGITS + scratch.write(line, HASH_DIGITS);
  const hash = sha256Hex(scratch.subarray(0, end));
  const stop = end - 1 + scratch.write(`${SEAL}${hash}"}`, end - 1, 'latin1');
  return { record: Buffer.from(scratch.subarray(HASH_DIGITS, stop)), hash };
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
