import { describe, expect, test } from 'vitest';
import { THEME_NAMES } from './faults.ts';
import { MUTANTS } from './mutants.ts';
import { simulate } from './run.ts';

const SEEDS = 210;
/** Seeds in one test: a test that fails names them, and `violation` the one. */
const BATCH = 21;

const totals = new Map<string, number>();

describe('a village of six that places shards, and bad luck', () => {
  test.each(Array.from({ length: SEEDS / BATCH }, (_, index) => index * BATCH))(
    'keeps every invariant after every step (21 seeds from %i)',
    (first) => {
      for (let seed = first; seed < first + BATCH; seed += 1) {
        const { violation, counts } = simulate(seed);
        expect(violation, `replay with simulate(${seed})`).toBeUndefined();
        for (const [what, often] of counts) totals.set(what, (totals.get(what) ?? 0) + often);
      }
    },
  );

  test.each([
    ['runs in the end', 500],
    ['denied INSUFFICIENT', 30],
    ['refuse INSUFFICIENT', 100],
    ['lost accept', 50],
    ['lost renew', 500],
    ['partition', 200],
    ['suspend', 100],
    ['pause', 200],
    ['node crash', 200],
    ['guards die', 20],
    ['power cut', 50],
    ['owner crash', 100],
    ['crash before the journal is on disk', 20],
    ['wiped disk', 30],
    ['drain', 50],
    ['low power', 10],
    ['reservation promised promised', 20],
    ['placement stopped preempted', 20],
    ['placement stopping lease', 100],
    ['slot suspect it does not renew', 100],
    ['slot suspect its node started again', 30],
    ['slot fenced its lease is over', 50],
    ['slot uncertain no answer to Accept', 3],
    ['slot uncertain started', 100],
    ['placement stopping superseded', 30],
    ['reservation denied STALE_EPOCH', 50],
    ['reservation denied VOTE_REQUIRED', 50],
    ['replay', 50],
    ['vote', 30],
  ])('has been through: %s, over %i times', (what, least) => {
    expect(totals.get(what) ?? 0).toBeGreaterThan(least);
  });

  test('lives the same life again for the same seed', () => {
    expect(simulate(11)).toEqual(simulate(11));
    expect(new Set(THEME_NAMES.map((_, seed) => simulate(seed).theme)).size).toBe(THEME_NAMES.length);
  });

  test.each(MUTANTS)('fails without $where rule $rule (seed $seed)', (mutant) => {
    expect(simulate(mutant.seed, mutant).violation, 'the rule is not needed here any more').toBeDefined();
    expect(simulate(mutant.seed).violation).toBeUndefined();
  });
});
