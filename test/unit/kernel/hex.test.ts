import { expect, test } from 'vitest';
import { toHex } from '../../../src/kernel/index.ts';

test('bytes are spelled in hex, two lower-case digits each, however many there are and wherever they lie', () => {
  expect(toHex(new Uint8Array())).toBe('');
  expect(toHex(new Uint8Array([0, 1, 0x0a, 0xff]))).toBe('00010aff');
  expect(toHex(new Uint8Array([9, 9, 0xab, 0xcd, 9]).subarray(2, 4))).toBe('abcd');
  for (const length of [16, 63, 64, 65, 300])
    expect(toHex(new Uint8Array(length).fill(0xe1))).toBe('e1'.repeat(length));
  expect(toHex(new Uint8Array([1]))).toBe('01');
});
