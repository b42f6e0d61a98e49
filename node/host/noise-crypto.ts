import { createCipheriv, createDecipheriv, createSecretKey, type KeyObject } from 'node:crypto';
import type { ICryptoInterface } from '@chainsafe/libp2p-noise';
import { asCrypto, defaultCrypto } from '@chainsafe/libp2p-noise/crypto';

const CIPHER = 'chacha20-poly1305';
const TAG = { authTagLength: 16 } as const;
/** Up to here the WebAssembly cipher costs less than setting up the native one. */
const SMALL_BYTES = 400;

const keys = new WeakMap<Uint8Array, KeyObject>();

/** Node takes about 14 µs to make a key of raw bytes, each time: more than the cipher itself takes for what one write holds. */
function keyOf(bytes: Uint8Array): KeyObject {
  let key = keys.get(bytes);
  if (key === undefined) {
    key = createSecretKey(bytes);
    keys.set(bytes, key);
  }
  return key;
}

type Bytes = Parameters<ICryptoInterface['chaCha20Poly1305Encrypt']>[0];

/** Noise's own cryptography, but for how it ciphers messages of more than a few hundred bytes. */
export const noiseCrypto: ICryptoInterface = {
  ...defaultCrypto,

  chaCha20Poly1305Encrypt(plaintext: Bytes, nonce, ad, key) {
    if (plaintext.byteLength < SMALL_BYTES) return asCrypto.chaCha20Poly1305Encrypt(plaintext, nonce, ad, key);
    const cipher = createCipheriv(CIPHER, keyOf(key), nonce, TAG);
    if (ad.byteLength > 0) cipher.setAAD(ad, { plaintextLength: plaintext.byteLength });
    const text = cipher.update(plaintext.subarray());
    cipher.final(); // a stream cipher keeps nothing back
    return Buffer.concat([text, cipher.getAuthTag()], text.length + TAG.authTagLength);
  },

  /** Throws when the tag does not fit. */
  chaCha20Poly1305Decrypt(ciphertext: Bytes, nonce, ad, key, into) {
    if (ciphertext.byteLength < SMALL_BYTES) return asCrypto.chaCha20Poly1305Decrypt(ciphertext, nonce, ad, key, into);
    const bytes = ciphertext.subarray();
    const end = bytes.length - TAG.authTagLength;
    const decipher = createDecipheriv(CIPHER, keyOf(key), nonce, TAG);
    if (ad.byteLength > 0) decipher.setAAD(ad, { plaintextLength: end });
    decipher.setAuthTag(bytes.subarray(end));
    const text = decipher.update(bytes.subarray(0, end));
    decipher.final();
    return text;
  },
};
