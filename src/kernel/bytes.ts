/** UTF-8 bytes of `text`. */
export function utf8(text: string): Uint8Array {
  return Buffer.from(text, 'utf8');
}

/** Text of UTF-8 `bytes`; malformed input throws, so that two spellings never read alike. */
export function text(bytes: Uint8Array): string {
  return strict.decode(bytes);
}
const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Lower-case hex digits. By way of one buffer: a short array that is asked for its own buffer gets one, outside the heap. */
export function toHex(bytes: Uint8Array): string {
  if (bytes.length > scratch.length) return Buffer.from(bytes).toString('hex');
  scratch.set(bytes, 0);
  return scratch.toString('hex', 0, bytes.length);
}
const scratch = Buffer.alloc(64);

export function toBase64Url(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64url');
}

/** Bytes of an unpadded base64url string, or undefined when it is not the one canonical spelling of its bytes. */
export function fromBase64Url(value: string): Uint8Array | undefined {
  const bytes = Buffer.from(value, 'base64url');
  return bytes.toString('base64url') === value ? bytes : undefined;
}
