import { createPublicKey, type KeyObject } from 'node:crypto';
import { join } from 'node:path';
import { type JwsPayload, peerIdOfPublicKey } from '../../src/kernel/index.ts';
import { IdentityError } from './identity-error.ts';
import { readPrivateFile, writePrivateFile } from './key-files.ts';
import { SigningKey } from './signing-key.ts';

/** The two keys of a node: who it is to its peers, and what signs for the agents it speaks for. Never the same key. */
export interface NodeKeys {
  /** PeerId of the node key. */
  readonly nodeId: string;
  /** The 32 secret bytes of the node key, for libp2p. */
  readonly peerSeed: Uint8Array;
  /** The issuer's public key, 32 raw bytes. */
  readonly issuerKey: Uint8Array;
  /** The issuer's public key, base64url. */
  readonly issuerX: string;
  /** RFC 7638 thumbprint of the issuer's key. */
  readonly issuerKid: string;
  /** The issuer's private key, for jose. */
  readonly issuer: KeyObject;
  readonly issuerPublic: KeyObject;
  /** A compact JWS by the node's key: credentials, tickets, descriptors. */
  signAsNode(typ: string, payload: JwsPayload): string;
  /** A compact JWS by the issuer's key: delegations, revocations. */
  signAsIssuer(typ: string, payload: JwsPayload): string;
}

/**
 * The keys in DATA/keys. `create` makes the ones that are missing; without it KEY_MISSING.
 * Errors: KEY_EXPOSED, KEY_MALFORMED, KEY_UNREADABLE.
 */
export function openNodeKeys(dataDir: string, options: { readonly create: boolean }): NodeKeys {
  const node = open(join(dataDir, 'keys', 'node.key'), options.create);
  const issuer = open(join(dataDir, 'keys', 'issuer.jwk'), options.create);
  return {
    nodeId: peerIdOfPublicKey(node.publicKey),
    peerSeed: node.seed(),
    issuerKey: issuer.publicKey,
    issuerX: issuer.x,
    issuerKid: issuer.kid,
    issuer: issuer.keyObject,
    issuerPublic: createPublicKey(issuer.keyObject),
    signAsNode: (typ, payload) => node.signJws(typ, payload),
    signAsIssuer: (typ, payload) => issuer.signJws(typ, payload),
  };
}

function open(path: string, create: boolean): SigningKey {
  const known = readKeyFile(path);
  if (known !== undefined) return known;
  if (!create)
    throw new IdentityError('KEY_MISSING', `${path} is not there`, { hint: 'is this the right data folder?' });
  const made = SigningKey.generate();
  writeKeyFile(path, made);
  return made;
}

/** The key in a file; undefined: no such file. Errors: KEY_EXPOSED, KEY_MALFORMED, KEY_UNREADABLE. */
export function readKeyFile(path: string): SigningKey | undefined {
  const content = readPrivateFile(path);
  if (content === undefined) return undefined;
  const key = SigningKey.fromJwk(parse(content));
  if (key === undefined) {
    throw new IdentityError('KEY_MALFORMED', `${path} holds no Ed25519 key`, {
      hint: 'put the file back from a backup',
    });
  }
  return key;
}

/** Errors: KEY_EXISTS. */
export function writeKeyFile(path: string, key: SigningKey): void {
  writePrivateFile(path, `${JSON.stringify(key.exportJwk())}\n`, { exclusive: true });
}

function parse(content: string): unknown {
  try {
    return JSON.parse(content);
  } catch {
    return undefined; // what was in the file must not end up in an error
  }
}
