import { randomBytes } from 'node:crypto';
import { pureJsCrypto } from '@chainsafe/libp2p-noise';
import { describe, expect, test } from 'vitest';
import { noiseCrypto } from '../../../node/host/noise-crypto.ts';

const key = randomBytes(32);
const nonce = randomBytes(12);
const NOTHING = new Uint8Array();
const SIZES = [0, 1, 64, 383, 384, 399, 400, 401, 415, 416, 2_500, 65_519];
const flat = (bytes: { subarray(): Uint8Array }): string => Buffer.from(bytes.subarray()).toString('hex');

describe('the cipher of Noise', () => {
  test.each(SIZES)('of %i bytes is what the reference makes, with and without what it authenticates beside', (size) => {
    const text = randomBytes(size);
    for (const ad of [NOTHING, randomBytes(32)]) {
      const ours = noiseCrypto.chaCha20Poly1305Encrypt(text, nonce, ad, key);
      expect(flat(ours)).toBe(flat(pureJsCrypto.chaCha20Poly1305Encrypt(text, nonce, ad, key)));
    }
  });

  test.each(SIZES)('reads %i bytes of the reference', (size) => {
    const text = randomBytes(size);
    for (const ad of [NOTHING, randomBytes(32)]) {
      const sealed = Buffer.from(pureJsCrypto.chaCha20Poly1305Encrypt(text, nonce, ad, key).subarray());
      expect(flat(noiseCrypto.chaCha20Poly1305Decrypt(sealed, nonce, ad, key))).toBe(text.toString('hex'));
    }
  });

  test.each([100, 5_000])('refuses %i bytes of which one was changed, or that another key sealed', (size) => {
    const sealed = Buffer.from(noiseCrypto.chaCha20Poly1305Encrypt(randomBytes(size), nonce, NOTHING, key).subarray());
    const other = randomBytes(32);
    expect(() => noiseCrypto.chaCha20Poly1305Decrypt(Buffer.from(sealed), nonce, NOTHING, other)).toThrow();
    for (const at of [0, size, size + 15]) {
      const changed = Buffer.from(sealed);
      changed[at] = (changed[at] as number) ^ 1;
      expect(() => noiseCrypto.chaCha20Poly1305Decrypt(changed, nonce, NOTHING, key)).toThrow();
    }
    expect(() => noiseCrypto.chaCha20Poly1305Decrypt(sealed.subarray(0, 10), nonce, NOTHING, key)).toThrow();
  });
});
