import fc from 'fast-check';
import { expect, test } from 'vitest';
import { fuzz, summaryOf, type Target } from '../../fuzz/target.ts';

/** A target of which an input takes so many turns of the event loop. */
const slow = (turns: number): Target<number> => ({
  name: 'slow',
  input: fc.nat(),
  mustSee: [],
  holds: async (_input, seen) => {
    for (let turn = 0; turn < turns; turn += 1) await new Promise(setImmediate);
    seen('tried');
  },
});

test('a target that comes to too few inputs in its time is given more of it, and says how many it saw', async () => {
  const fuzzed = await fuzz(slow(1), { seed: 1, forMs: 1, fewestRuns: 300 });
  expect(fuzzed.failure).toBeUndefined();
  expect(fuzzed.runs).toBeGreaterThanOrEqual(300);
  expect(summaryOf(fuzzed)).toBe(`ok     slow: ${fuzzed.runs} inputs (${fuzzed.runs} tried)`);
});

test('one that comes to too few all the same has failed', async () => {
  const fuzzed = await fuzz(slow(10), { seed: 1, forMs: 1, fewestRuns: 1_000_000, longestMs: 20 });
  expect(fuzzed.failure).toBe(`${fuzzed.runs} inputs are too few to say anything; 1000000 are wanted`);
  expect(summaryOf(fuzzed)).toMatch(/^FAILED slow: /);
});

test('what is found among the inputs that came late is a failure too', async () => {
  let runs = 0;
  const breaks: Target<number> = {
    ...slow(1),
    holds: () => {
      runs += 1;
      if (runs > 200) throw new Error('broken at last');
    },
  };
  const fuzzed = await fuzz(breaks, { seed: 1, forMs: 0, fewestRuns: 300 });
  expect(fuzzed.failure).toContain('broken at last');
});
