import { describe, expect, test } from 'vitest';
import { parseStrictJson } from '../../../src/kernel/index.ts';

describe('strict JSON', () => {
  test.each([
    ['{}', {}],
    ['{"a":{"a":1},"b":[{"a":1},{"a":2}]}', { a: { a: 1 }, b: [{ a: 1 }, { a: 2 }] }],
    ['{"a":"\\"b\\":\\\\"}', { a: '"b":\\' }],
    [' { "a" : 1 } ', { a: 1 }],
    ['"a"', 'a'],
  ])('%s is read', (text, value) => {
    expect(parseStrictJson(text)).toEqual(value);
  });

  test.each([
    '{"a":1,"a":1}',
    '{"a":1,"b":{"c":1,"c":2}}',
    '[{"a":1},{"b":1,"b":1}]',
    '{"a":1,"\\u0061":2}',
    '{"a" :1,"a"\n:2}',
    '{"__proto__":1,"__proto__":2}',
    '{"a":1',
    "{'a':1}",
    '',
  ])('%s is refused', (text) => {
    expect(parseStrictJson(text)).toBeUndefined();
  });

  test.each([['['], ['{"a":']])(
    'nesting of %s is read to a depth of 256 and refused beyond, however much there is',
    (open) => {
      const close = open === '[' ? ']' : '}';
      const nested = (depth: number) =>
        `${open.repeat(depth)}${depth === 0 ? '' : open === '[' ? '' : '1'}${close.repeat(depth)}`;
      expect(parseStrictJson(nested(256))).toBeDefined();
      for (const depth of [257, 3_000, 100_000]) expect(parseStrictJson(nested(depth))).toBeUndefined();
    },
  );
});
