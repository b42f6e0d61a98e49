import { describe, expect, test } from 'vitest';
import { canonicalJson, exactCanonicalJson, parseExactJson } from '../../../src/kernel/index.ts';

const again = (text: string) => JSON.stringify(parseExactJson(text));

describe('JSON that is written again', () => {
  test.each([
    '12345678901234567890',
    '-9223372036854775808',
    '9007199254740993',
    '1e400',
    '-1e-400',
    '0.12345678901234567890123',
    '{"id":18446744073709551615,"in":[1,{"deep":12345678901234567891}]}',
  ])('keeps the number in %s', (text) => {
    expect(again(text)).toBe(text);
  });

  test.each([
    ['1.0', 1],
    ['1e2', 100],
    ['1.50E+02', 150],
    ['9007199254740991', 9007199254740991],
    ['0.1', 0.1],
    ['100000000000000000000', 1e20],
    ['0e99', 0],
    ['-0.0000000000000000', -0],
    ['1.7976931348623157e308', Number.MAX_VALUE],
  ])('%s, which a double holds, is a plain number', (text, value) => {
    expect(parseExactJson(text)).toBe(value);
  });

  test('digits in strings are text, and names stay names', () => {
    const text = '{"12345678901234567890":"12345678901234567890","__proto__":{"x":1e400}}';
    expect(again(text)).toBe(text);
    expect(Object.getPrototypeOf(parseExactJson(text))).toBe(Object.prototype);
  });

  test('is canonical as the double nearest to it, and not at all where there is none', () => {
    expect(canonicalJson(parseExactJson('{"max":18446744073709551615}'))).toBe('{"max":18446744073709552000}');
    expect(() => canonicalJson(parseExactJson('[1e400]'))).toThrow(TypeError);
  });

  test('stays as it was written where canonical text is to tell values apart', () => {
    const exact = (text: string) => exactCanonicalJson(parseExactJson(text));
    expect(exact('{"z":[1.0,-0],"max":18446744073709551615}')).toBe('{"max":18446744073709551615,"z":[1,0]}');
    expect(exact('[1e400]')).toBe('[1e400]');
    expect(exact('{"a":{"rawJSON":"1e400"}}')).toBe('{"a":{"rawJSON":"1e400"}}');
  });

  test.each(['', '{', '[1e400', '0123456789012345678', '12345678901234567890 x', 'NaN'])('%j is no JSON', (text) => {
    expect(() => parseExactJson(text)).toThrow(SyntaxError);
  });
});
