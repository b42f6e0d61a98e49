import fc from 'fast-check';
import { expect, test } from 'vitest';
import { jsonExcess } from '../../../src/kernel/index.ts';

const most = { depth: 1_000, containers: 1_000, names: 1_000 };

test.each([
  ['depth', '[[[]]]', 3],
  ['depth', '{"a":{"b":[]},"c":{"d":{}}}', 3],
  ['containers', '[{},[],{"a":[]}]', 5],
  ['names', '[{"a":1,"b":2},{"a":3,"c":{"b":[]}}]', 3],
  ['names', '{ "a" : 1 , "b" :\t2 , "" : 3 }', 3],
] as const)('counts the %s of %s', (which, text, count) => {
  expect(jsonExcess(text, { ...most, [which]: count })).toBeUndefined();
  expect(jsonExcess(text, { ...most, [which]: count - 1 })).toBe(which);
});

test('what stands in a string is text', () => {
  const text = String.raw`["{\"a\":[[[","\\",":{}[]","\\\"{"]`;
  expect(JSON.parse(text)).toHaveLength(4);
  expect(jsonExcess(text, { depth: 1, containers: 1, names: 0 })).toBeUndefined();
});

test('counts as one who walks the value does', () => {
  const limit = fc.nat({ max: 6 });
  fc.assert(
    fc.property(fc.jsonValue({ maxDepth: 5 }), limit, limit, limit, (value, depth, containers, names) => {
      const found = walked(value);
      const isOver = found.depth > depth || found.containers > containers || found.names.size > names;
      expect(jsonExcess(JSON.stringify(value), { depth, containers, names }) !== undefined).toBe(isOver);
    }),
    { numRuns: 1_000 },
  );
});

test.each(['"', '"\\', '{"a', ']]]]', ':::', '', '{"a":', '\\"\\"'])('ends with %j, which is no JSON', (text) => {
  expect(jsonExcess(text, most)).toBeUndefined();
});

function walked(value: unknown): { depth: number; containers: number; names: Set<string> } {
  if (typeof value !== 'object' || value === null) return { depth: 0, containers: 0, names: new Set() };
  const inner = Object.values(value).map(walked);
  const own = Array.isArray(value) ? [] : Object.keys(value);
  return {
    depth: 1 + Math.max(0, ...inner.map(({ depth }) => depth)),
    containers: 1 + inner.reduce((sum, { containers }) => sum + containers, 0),
    names: new Set([...own, ...inner.flatMap(({ names }) => [...names])]),
  };
}
