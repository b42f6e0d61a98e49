import fc from 'fast-check';
import { expect, test } from 'vitest';
import { alternativesOf, requiredBy } from '../../../src/threat/required.ts';
import { Sieve } from '../../../src/threat/sieve.ts';

test.each([
  [/\bdrop\s+table\b/i, [['drop'], ['table']]],
  [/colou?r/, [['color', 'colour']]],
  [/(?:ba|z)?sh\b/, [['sh', 'bash', 'zsh']]],
  [
    /['"]\s*(?:or|and)/,
    [
      ["'", '"'],
      ['or', 'and'],
    ],
  ],
  [/a{2}b*c/, [['aa'], ['c']]],
  [/x(?!never)(?<!before)y/, [['xy']]],
  [/\x41\u0042\n/, [['ab\n']]],
  [/é/, [['\x7f']]],
  [/kiss/iu, [['kiss', '\x7f']]],
  [/\w+|word/, []],
  [/(?:word)?/, []],
  [/[^a]/, []],
])('%s matches nothing without %j', (pattern, required) => {
  expect(requiredBy(pattern).map((strings) => strings.toSorted())).toEqual(
    required.map((strings) => strings.toSorted()),
  );
});

test('an expression falls into its alternatives, unless it refers to what it caught', () => {
  expect(alternativesOf(/one|t(?:wo|oo)|[|]/i)).toEqual([/one/i, /t(?:wo|oo)/i, /[|]/i]);
  expect(alternativesOf(/(a)\1|b/)).toEqual([/(a)\1|b/]);
});

const RULES = [
  /\bignore\b[^.]{0,20}\binstructions?\b/i,
  /['"`]\s*(?:or|and|\|\|)\s*\d/i,
  /(?:\.\.[\\/]){2}|%2e%2e/i,
  /\$\{?IFS|\0/,
  /[^\x20-\x7e]{2}|[\u0400-\u04ff]k/iu,
  /\b(\w{1,3})=\1\b/,
  /x{3,5}|^[a-c]{2}$/,
].map((pattern) => ({ pattern }));
const PIECES = [
  'Ignore',
  'all',
  'instruction',
  "'",
  '"',
  ' or ',
  '||',
  '1',
  '..',
  '/',
  '\\',
  '%2E',
  '${IFS',
  '\0',
  'K',
  'ж',
  '\u212a',
  'ſ',
  'a=a',
  'x',
  'b',
  ' ',
  '.',
];

test('what matches is among the candidates, in the order of the rules, whatever was read before', () => {
  const sieve = new Sieve(RULES);
  let matched = 0;
  const text = fc.oneof(
    fc.array(fc.constantFrom(...PIECES), { maxLength: 12 }).map((pieces) => pieces.join('')),
    fc.string({ unit: 'binary', maxLength: 30 }),
  );
  fc.assert(
    fc.property(text, (value) => {
      const candidates = sieve.candidates(value);
      const found = [...new Set(candidates.filter(({ pattern }) => pattern.test(value)).map(({ rule }) => rule))];
      matched += found.length;
      expect(found).toEqual(RULES.filter(({ pattern }) => pattern.test(value)));
    }),
    { numRuns: 1_000, seed: 5 },
  );
  expect(matched).toBeGreaterThan(150);
});

test('of an ordinary sentence nothing is tried', () => {
  const sentence = 'The report is done; please have a look before Friday, since two tests were slow.';
  expect(new Sieve(RULES.filter(({ pattern }) => requiredBy(pattern).length > 0)).candidates(sentence)).toEqual([]);
});
