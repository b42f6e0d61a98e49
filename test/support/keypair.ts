import { createPrivateKey, sign } from 'node:crypto';
import { publicKeyFromRaw } from '@libp2p/crypto/keys';
import { peerIdFromPublicKey } from '@libp2p/peer-id';

const PKCS8 = Buffer.from('302e020100300506032b657004220420', 'hex');

/** An Ed25519 key from a seed, with JWS, canonical JSON and PeerId made by other code than ours. */
export interface Keypair {
  readonly x: string;
  readonly d: string;
  readonly raw: Uint8Array;
  readonly peerId: string;
  jws(typ: string, payload: object): string;
  /** Any header, any payload text. */
  jwsOf(header: string, payload: string): string;
}

export function keypair(seed: number): Keypair {
  const secret = Buffer.alloc(32, seed);
  const key = createPrivateKey({ key: Buffer.concat([PKCS8, secret]), format: 'der', type: 'pkcs8' });
  const { x = '', d = '' } = key.export({ format: 'jwk' });
  const raw = Buffer.from(x, 'base64url');
  const jwsOf = (header: string, payload: string): string => {
    const input = `${Buffer.from(header).toString('base64url')}.${Buffer.from(payload).toString('base64url')}`;
    return `${input}.${sign(null, Buffer.from(input), key).toString('base64url')}`;
  };
  return {
    x,
    d,
    raw,
    peerId: peerIdFromPublicKey(publicKeyFromRaw(raw)).toString(),
    jws: (typ, payload) => jwsOf(sortedJson({ alg: 'EdDSA', typ }), sortedJson(payload)),
    jwsOf,
  };
}

/** JSON with members sorted at every depth: the list of names orders all objects in it. */
export function sortedJson(value: object): string {
  const names = new Set<string>();
  JSON.stringify(value, (name: string, item: unknown) => {
    names.add(name);
    return item;
  });
  return JSON.stringify(value, [...names].sort());
}
