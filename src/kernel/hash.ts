import { createHash, createPublicKey, hash, type KeyObject, verify } from 'node:crypto';

/** SHA-256 of `data`, as 32 bytes. Deterministic; the only digest the village uses. */
export function sha256(data: Uint8Array | string): Uint8Array {
  return hash('sha256', data, 'buffer');
}

/** SHA-256 of `data`, as 64 lower-case hex digits. */
export function sha256Hex(data: Uint8Array | string): string {
  return hash('sha256', data, 'hex');
}

/** SHA-256 of what comes in pieces. */
export interface RunningHash {
  add(piece: Uint8Array): void;
  /** 64 lower-case hex digits of all pieces; once, at the end. */
  hex(): string;
}

export function runningSha256(): RunningHash {
  const running = createHash('sha256');
  return { add: (piece) => void running.update(piece), hex: () => running.digest('hex') };
}

// SubjectPublicKeyInfo of an Ed25519 key is this constant followed by the 32 raw bytes (RFC 8410).
const SPKI_PREFIX = Buffer.from('302a300506032b6570032100', 'hex');

const MAX_CACHED_KEYS = 1024;
const keys = new Map<string, KeyObject>();

function publicKeyOf(raw: Uint8Array): KeyObject {
  const name = Buffer.from(raw).toString('latin1');
  const known = keys.get(name);
  if (known !== undefined) return known;
  const key = createPublicKey({ key: Buffer.concat([SPKI_PREFIX, raw]), format: 'der', type: 'spki' });
  if (keys.size >= MAX_CACHED_KEYS) keys.delete(keys.keys().next().value as string);
  keys.set(name, key);
  return key;
}

/** Whether `signature` (64 bytes) is the Ed25519 signature of `message` by the raw 32-byte `publicKey`. Never throws. */
export function verifyEd25519(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean {
  if (publicKey.length !== 32 || signature.length !== 64) return false;
  try {
    return verify(null, message, publicKeyOf(publicKey), signature);
  } catch {
    return false;
  }
}
