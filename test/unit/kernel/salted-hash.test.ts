import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { saltedSha256Hex } from '../../../src/kernel/index.ts';

const salt = Buffer.from('00112233445566778899aabbccddeeff', 'hex');
const plainly = (...parts: (Uint8Array | string)[]): string => {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return hash.digest('hex');
};

describe('a salted hash', () => {
  test('is that of the salt and the body in one', () => {
    expect(saltedSha256Hex(salt, 'abc')).toBe(plainly(salt, 'abc'));
    expect(saltedSha256Hex(salt, Buffer.from('abc'))).toBe(saltedSha256Hex(salt, 'abc'));
    expect(saltedSha256Hex(salt, 'abc')).not.toBe(saltedSha256Hex(Buffer.alloc(16), 'abc'));
  });

  test.each([0, 1, 5_455, 5_456, 5_457, 16_367, 16_368, 16_369, 100_000])(
    'of %i characters, however wide',
    (length) => {
      for (const character of ['x', 'é', '✓']) {
        const body = character.repeat(length);
        expect(saltedSha256Hex(salt, body)).toBe(plainly(salt, body));
        expect(saltedSha256Hex(salt, Buffer.from(body))).toBe(plainly(salt, body));
      }
    },
  );

  test('keeps nothing of the one before: a shorter body after a longer', () => {
    saltedSha256Hex(salt, 'a much longer body');
    expect(saltedSha256Hex(salt, 'b')).toBe(plainly(salt, 'b'));
  });
});
