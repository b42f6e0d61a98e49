import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { canonicalJson, exactCanonicalJson, parseExactJson } from '../../../src/kernel/index.ts';

const spent = (act: () => unknown): number => {
  const from = performance.now();
  act();
  return performance.now() - from;
};
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

  test('of members of one name the last counts, however each is written', () => {
    expect(again('{"a":12345678901234567891,"a":12345678901234567892,"b":1e400,"b":2}')).toBe(
      '{"a":12345678901234567892,"b":2}',
    );
    expect(again(String.raw`{"t":"\"12345678901234567891,\\","n":12345678901234567891}`)).toBe(
      String.raw`{"t":"\"12345678901234567891,\\","n":12345678901234567891}`,
    );
  });

  test('what is read and written again is what JSON.parse and JSON.stringify make of it, wherever a long number stands', () => {
    const value = fc.jsonValue({ maxDepth: 4 });
    fc.assert(
      fc.property(fc.array(value), fc.array(value), (before, after) => {
        const text = JSON.stringify([...before, 'here', ...after]).replace('"here"', '18446744073709551615');
        expect(again(text)).toBe(
          JSON.stringify(JSON.parse(text))
            .replace(',18446744073709552000', ',18446744073709551615')
            .replace('[18446744073709552000', '[18446744073709551615'),
        );
      }),
    );
  });

  test('one long number does not make the rest of the text dear', () => {
    const rest = Array.from({ length: 200_000 }, (_, at) => at % 100).join(',');
    const cost = (text: string) => Math.min(...[1, 2, 3].map(() => spent(() => parseExactJson(text))));
    expect(cost(`[12345678901234567891,${rest}]`)).toBeLessThan(30 * cost(`[1,${rest}]`));
  });

  test('zeros by the hundred thousand are read once', () => {
    const long = (zeros: number) => `0.1${'0'.repeat(zeros)}1`;
    const cost = (zeros: number) => Math.min(...[1, 2, 3].map(() => spent(() => parseExactJson(long(zeros)))));
    expect(cost(80_000)).toBeLessThan(Math.max(8 * cost(20_000), 10));
    expect(again(long(100))).toBe(long(100));
  });

  test('so many as are kept, and no more', () => {
    expect(again('[1e400,1,1e401]')).toBe('[1e400,1,1e401]');
    expect(JSON.stringify(parseExactJson('[1e400,1,1e401]', 2))).toBe('[1e400,1,1e401]');
    expect(() => parseExactJson('[1e400,1,1e401]', 1)).toThrow(RangeError);
  });

  test.each([
    '{12345678901234567891:1}',
    '{12345678901234567891 :1}',
    '["a"12345678901234567891]',
    '[12345678901234567891"a"]',
    '[-]12345678901234567891',
    '[12345678901234567.8.9]',
    '[.12345678901234567891]',
    '"12345678901234567891',
  ])('%j is no JSON, long number or not', (text) => {
    expect(() => JSON.parse(text)).toThrow(SyntaxError);
    expect(() => parseExactJson(text)).toThrow(SyntaxError);
  });

  test.each(['', '{', '[1e400', '0123456789012345678', '12345678901234567890 x', 'NaN'])('%j is no JSON', (text) => {
    expect(() => parseExactJson(text)).toThrow(SyntaxError);
  });
});
