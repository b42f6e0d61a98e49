import { base58btc } from 'multiformats/bases/base58';

// Identity multihash (00 24) of the protobuf PublicKey { type: Ed25519 (08 01), data: 32 bytes (12 20) }.
const PREFIX = Uint8Array.of(0x00, 0x24, 0x08, 0x01, 0x12, 0x20);
const ID_LENGTH = 52;

/** The raw 32-byte Ed25519 key inside a PeerId (`12D3KooW…`); undefined when `id` is not the one spelling of such an id. */
export function publicKeyOfPeerId(id: string): Uint8Array | undefined {
  if (id.length !== ID_LENGTH) return undefined;
  let bytes: Uint8Array;
  try {
    bytes = base58btc.decode(`z${id}`);
  } catch {
    return undefined;
  }
  if (bytes.length !== PREFIX.length + 32 || PREFIX.some((byte, index) => bytes[index] !== byte)) return undefined;
  const key = bytes.slice(PREFIX.length);
  return peerIdOfPublicKey(key) === id ? key : undefined;
}

/** The PeerId (`12D3KooW…`) of a raw 32-byte Ed25519 key. */
export function peerIdOfPublicKey(raw: Uint8Array): string {
  if (raw.length !== 32) throw new TypeError('an Ed25519 public key has 32 bytes');
  const bytes = new Uint8Array(PREFIX.length + 32);
  bytes.set(PREFIX);
  bytes.set(raw, PREFIX.length);
  return base58btc.encode(bytes).slice(1);
}
