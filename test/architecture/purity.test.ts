import { describe, expect, test } from 'vitest';
import { filesOf, placesOf } from './sources.ts';

const src = filesOf('src', '.ts');
const protocols = filesOf('protocols', '.ts');

/** What would make two replicas answer differently from the same inputs. */
const IMPURE: readonly (readonly [string, RegExp])[] = [
  ['reads the clock', /\bDate\.now\b|\bnew Date\(\s*\)|\bperformance\b|\bprocess\.hrtime\b/],
  ['rolls dice', /\bMath\.random\b|\brandomBytes\b|\brandomUUID\b|\bgetRandomValues\b|\brandomInt\b/],
  ['reads the machine', /\bprocess\.|\bglobalThis\b/],
  ['waits', /\bset(?:Timeout|Interval|Immediate)\b|\bqueueMicrotask\b|\bAtomics\.wait/],
  ['speaks', /\bconsole\.|\bfetch\(|\bnew WebSocket\b/],
];

/** A protocol gets its deadlines and its chance from its caller. */
const OUTSIDE_A_PROTOCOL: readonly (readonly [string, RegExp])[] = [
  ['reads the clock', /\bDate\.now\b|\bnew Date\(\s*\)/],
  ['rolls dice', /\bMath\.random\b/],
  ['reads the machine', /\bprocess\.(?:env|argv|exit|cwd)\b/],
  ['repeats by itself', /\bsetInterval\b/],
  ['speaks', /\bconsole\.|\bfetch\(/],
];

describe('what decides does not look around', () => {
  test('the walk finds both rings', () => {
    expect(src.length).toBeGreaterThan(10);
    expect(protocols.length).toBeGreaterThan(3);
  });

  test('each pattern recognises what it is for', () => {
    const impure = ['x = Date.now();', 'Math.random()', 'process.env', 'setTimeout(f, 1)', 'console.log(1)'];
    expect(impure.map((line) => IMPURE.some(([, pattern]) => pattern.test(line)))).toEqual(impure.map(() => true));
  });

  test.each(IMPURE)('nothing in src %s', (_what, pattern) => {
    expect(src.flatMap((source) => placesOf(source, pattern))).toEqual([]);
  });

  test.each(OUTSIDE_A_PROTOCOL)('nothing in protocols %s', (_what, pattern) => {
    expect(protocols.flatMap((source) => placesOf(source, pattern))).toEqual([]);
  });
});
