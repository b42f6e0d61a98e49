import { describe, expect, test } from 'vitest';
import { peerIdOfPublicKey, publicKeyOfPeerId } from '../../../src/kernel/index.ts';
import { keypair } from '../../support/keypair.ts';

// From libp2p, for the seed 01…01.
const ID = '12D3KooWK99VoVxNE7XzyBwXEzW7xhK7Gpv85r9F3V3fyKSUKPH5';
const KEY = '8a88e3dd7409f195fd52db2d3cba5d72ca6709bf1d94121bf3748801b40f6f5c';

describe('a PeerId', () => {
  test('holds its key', () => {
    expect(Buffer.from(publicKeyOfPeerId(ID) ?? []).toString('hex')).toBe(KEY);
    expect(peerIdOfPublicKey(Buffer.from(KEY, 'hex'))).toBe(ID);
  });

  test('is the one that libp2p makes', () => {
    for (const seed of [0, 3, 77, 255]) {
      const { raw, peerId } = keypair(seed);
      expect(peerIdOfPublicKey(raw)).toBe(peerId);
    }
  });

  test.each([
    ['nothing', ''],
    ['no base58', ID.replace('K', '0')],
    ['one character less', ID.slice(0, -1)],
    ['another first character', `2${ID.slice(1)}`],
    ['an RSA id', 'QmYyQSo1c1Ym7orWxLYvCrM2EmxFTANf8wXmmE7DWjhx5N'],
    ['a CID', 'bafzaajaiaejcbcui4poxicprsx6vfwznhs5f24wkm4e36hmucij7g5eiag2a633m'],
    ['a very long one', '1'.repeat(100_000)],
  ])('is not %s', (_what, id) => {
    expect(publicKeyOfPeerId(id)).toBeUndefined();
  });

  test('is not made of a key of another size', () => {
    expect(() => peerIdOfPublicKey(new Uint8Array(33))).toThrow(TypeError);
  });
});
