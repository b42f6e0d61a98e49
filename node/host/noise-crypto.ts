import { createCipheriv, createDecipheriv, createSecretKey, type KeyObject } from 'node:crypto';
import type { ICryptoInterface } from '@chainsafe/libp2p-noise';
import { asCrypto, defaultCrypto } from '@chainsafe/libp2p-noise/crypto';

const CIPHER = 'chacha20-poly1305';
const TAG = { authTagLength: 16 } as const;
/** Up to here the WebAssembly cipher costs less than setting up the native one. */
const SMALL_BYTES = 400;

/** Before a message on a stream stands its length. */
const LENGTH_BYTES = 2;

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

const NONE = { framed: Buffer.alloc(0), sealed: new Uint8Array() };
/** What was sealed last, with room for its length. */
let latest: { readonly framed: Buffer; readonly sealed: Uint8Array } = NONE;

/** A sealed message as it goes on a stream: copied, unless it is what was sealed last. To be asked for once. */
export function behindLength(sealed: Uint8Array): Buffer {
  let { framed } = latest;
  if (sealed !== latest.sealed) {
    framed = Buffer.allocUnsafe(LENGTH_BYTES + sealed.length);
    framed.set(sealed, LENGTH_BYTES);
  }
  latest = NONE;
  framed.writeUInt16BE(sealed.length, 0);
  return framed;
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
    const framed = Buffer.allocUnsafe(LENGTH_BYTES + text.length + TAG.authTagLength);
    framed.set(text, LENGTH_BYTES);
    framed.set(cipher.getAuthTag(), LENGTH_BYTES + text.length);
    latest = { framed, sealed: framed.subarray(LENGTH_BYTES) };
    return latest.sealed;
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
