import { sha256Hex } from './hash.ts';

// Most of what is hashed is small: one buffer serves it all, since hashing is over before the next begins.
const scratch = Buffer.alloc(16 * 1024);

/** SHA-256 of `salt` followed by `body` (text: its UTF-8), as 64 hex digits. Equal bodies do not show as equal under other salts. */
export function saltedSha256Hex(salt: Uint8Array, body: Uint8Array | string): string {
  if (typeof body !== 'string') {
    const bytes = roomFor(salt.length + body.length);
    bytes.set(salt, 0);
    bytes.set(body, salt.length);
    return sha256Hex(bytes.subarray(0, salt.length + body.length));
  }
  // A UTF-16 unit is at most three bytes of UTF-8: what surely fits is not measured first.
  const small = salt.length + body.length * 3 <= scratch.length;
  const bytes = small ? scratch : Buffer.allocUnsafe(salt.length + Buffer.byteLength(body));
  bytes.set(salt, 0);
  return sha256Hex(bytes.subarray(0, salt.length + bytes.write(body, salt.length)));
}

function roomFor(count: number): Buffer {
  return count <= scratch.length ? scratch : Buffer.allocUnsafe(count);
}
