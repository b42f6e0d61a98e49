import { createPrivateKey, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import {
  canonicalJson,
  fromBase64Url,
  type JwsPayload,
  sha256,
  signingInput,
  toBase64Url,
} from '../../src/kernel/index.ts';

/** An Ed25519 private key as a JWK (RFC 8037). */
export interface PrivateJwk {
  readonly kty: 'OKP';
  readonly crv: 'Ed25519';
  readonly x: string;
  readonly d: string;
}

/** An Ed25519 key pair that signs. What it holds leaves it only by `exportJwk` and `seed`. */
export class SigningKey {
  /** The public key, base64url: as the constitution writes it. */
  readonly x: string;
  /** The public key, 32 raw bytes. */
  readonly publicKey: Uint8Array;
  /** RFC 7638 thumbprint. */
  readonly kid: string;
  readonly keyObject: KeyObject;
  readonly #d: string;

  private constructor(jwk: PrivateJwk) {
    this.keyObject = createPrivateKey({ key: { ...jwk }, format: 'jwk' });
    this.x = jwk.x;
    this.#d = jwk.d;
    this.publicKey = Buffer.from(jwk.x, 'base64url');
    this.kid = thumbprint(jwk.x);
  }

  static generate(): SigningKey {
    const { x = '', d = '' } = generateKeyPairSync('ed25519').privateKey.export({ format: 'jwk' });
    return new SigningKey({ kty: 'OKP', crv: 'Ed25519', x, d });
  }

  /** The key in a JWK; undefined when it is no Ed25519 private key or its two halves do not belong together. */
  static fromJwk(value: unknown): SigningKey | undefined {
    if (typeof value !== 'object' || value === null) return undefined;
    const { kty, crv, x, d } = value as Partial<Record<keyof PrivateJwk, unknown>>;
    if (kty !== 'OKP' || crv !== 'Ed25519' || typeof x !== 'string' || typeof d !== 'string') return undefined;
    if (fromBase64Url(x)?.length !== 32 || fromBase64Url(d)?.length !== 32) return undefined;
    // Node takes `x` on trust: the public half is worked out again from the secret one.
    const derived = createPrivateKey({
      key: Buffer.concat([PKCS8_PREFIX, Buffer.from(d, 'base64url')]),
      format: 'der',
      type: 'pkcs8',
    });
    return derived.export({ format: 'jwk' }).x === x ? new SigningKey({ kty, crv, x, d }) : undefined;
  }

  /** 64 bytes. */
  sign(message: Uint8Array): Uint8Array {
    return sign(null, message, this.keyObject);
  }

  /** A compact JWS with a canonical payload. */
  signJws(typ: string, payload: JwsPayload): string {
    const input = signingInput({ alg: 'EdDSA', typ }, payload);
    return `${input}.${toBase64Url(this.sign(Buffer.from(input, 'latin1')))}`;
  }

  exportJwk(): PrivateJwk {
    return { kty: 'OKP', crv: 'Ed25519', x: this.x, d: this.#d };
  }

  /** The 32 secret bytes from which libp2p makes the same key. */
  seed(): Uint8Array {
    return Buffer.from(this.#d, 'base64url');
  }
}

// PKCS #8 of an Ed25519 key is this constant followed by the 32 secret bytes (RFC 8410).
const PKCS8_PREFIX = Buffer.from('302e020100300506032b657004220420', 'hex');

function thumbprint(x: string): string {
  return toBase64Url(sha256(canonicalJson({ crv: 'Ed25519', kty: 'OKP', x })));
}
