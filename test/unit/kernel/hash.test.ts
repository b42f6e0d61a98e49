import { describe, expect, test } from 'vitest';
import { fromBase64Url, sha256, sha256Hex, text, toBase64Url, utf8, verifyEd25519 } from '../../../src/kernel/index.ts';

const hex = (value: string) => Buffer.from(value, 'hex');
// RFC 8032 §7.1, test 2.
const KEY = hex('3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c');
const SIGNATURE = hex(
  '92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00',
);

describe('an Ed25519 signature', () => {
  test('of RFC 8032 verifies, twice', () => {
    expect(verifyEd25519(KEY, hex('72'), SIGNATURE)).toBe(true);
    expect(verifyEd25519(KEY, hex('72'), SIGNATURE)).toBe(true);
  });

  test('does not verify for another message, key or signature', () => {
    expect(verifyEd25519(KEY, hex('73'), SIGNATURE)).toBe(false);
    expect(verifyEd25519(new Uint8Array(32).fill(9), hex('72'), SIGNATURE)).toBe(false);
    expect(verifyEd25519(KEY, hex('72'), SIGNATURE.with(0, 0))).toBe(false);
  });

  test('with the group order added to its second half does not verify', () => {
    const order = 2n ** 252n + 27742317777372353535851937790883648493n;
    const s = BigInt(`0x${Buffer.from(SIGNATURE.subarray(32)).reverse().toString('hex')}`) + order;
    const spelt = Buffer.from(s.toString(16).padStart(64, '0'), 'hex').reverse();
    expect(verifyEd25519(KEY, hex('72'), Buffer.concat([SIGNATURE.subarray(0, 32), spelt]))).toBe(false);
  });

  test.each([
    ['a short key', KEY.subarray(1), SIGNATURE],
    ['no key', new Uint8Array(), SIGNATURE],
    ['a short signature', KEY, SIGNATURE.subarray(1)],
  ])('with %s does not verify', (_what, key, signature) => {
    expect(verifyEd25519(key, hex('72'), signature)).toBe(false);
  });
});

describe('bytes and digests', () => {
  test('SHA-256 is the one of FIPS 180', () => {
    const abc = 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad';
    expect(sha256Hex('abc')).toBe(abc);
    expect(Buffer.from(sha256(utf8('abc'))).toString('hex')).toBe(abc);
  });

  test('base64url has one spelling', () => {
    expect(toBase64Url(Uint8Array.of(251, 255))).toBe('-_8');
    expect(fromBase64Url('-_8')).toEqual(Buffer.from([251, 255]));
    for (const spelling of ['-_8=', '+/8', '-_9', '-_8 ', '-_8\n', '-'])
      expect(fromBase64Url(spelling)).toBeUndefined();
  });

  test('malformed UTF-8 is no text, and a byte order mark is kept', () => {
    expect(() => text(Uint8Array.of(0xff))).toThrow(TypeError);
    expect(text(Uint8Array.of(0xef, 0xbb, 0xbf, 0x61))).toBe('\ufeffa');
  });
});
