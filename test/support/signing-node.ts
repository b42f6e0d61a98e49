import { createPrivateKey, createPublicKey, sign } from 'node:crypto';
import { peerIdOfPublicKey, signingInput } from '../../src/kernel/index.ts';

export interface SigningNode {
  readonly nodeId: string;
  sign(typ: string, payload: Readonly<Record<string, unknown>>): string;
}

// PKCS #8 of an Ed25519 key is this constant followed by the 32 bytes of the seed (RFC 8410).
const PKCS8_PREFIX = Buffer.from('302e020100300506032b657004220420', 'hex');

/** A node's identity from a seed of 32 equal bytes: the same in every run. */
export function signingNode(seedByte: number): SigningNode {
  const der = Buffer.concat([PKCS8_PREFIX, Buffer.alloc(32, seedByte)]);
  const key = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' });
  const { x } = createPublicKey(key).export({ format: 'jwk' });
  return {
    nodeId: peerIdOfPublicKey(Buffer.from(x as string, 'base64url')),
    sign: (typ, payload) => {
      const input = signingInput({ alg: 'EdDSA', typ }, payload);
      return `${input}.${sign(null, Buffer.from(input), key).toString('base64url')}`;
    },
  };
}
