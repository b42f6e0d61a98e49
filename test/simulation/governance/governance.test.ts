import { describe, expect, test } from 'vitest';
import { MUTANTS } from './mutants.ts';
import { simulate, THEME_NAMES } from './run.ts';

const SEEDS = 377;
/** Seeds in one test: a test that fails names them, and `violation` the one. */
const BATCH = 29;

const totals = new Map<string, number>();
let epochs = 0;
let evidence = 0;

describe('a village of three voters, two others, and bad luck', () => {
  test.each(Array.from({ length: SEEDS / BATCH }, (_, index) => index * BATCH))(
    'keeps every invariant after every step (29 seeds from %i)',
    (first) => {
      for (let seed = first; seed < first + BATCH; seed += 1) {
        const { violation, counts, ended } = simulate(seed);
        expect(violation, `replay with simulate(${seed})`).toBeUndefined();
        for (const [what, often] of counts) totals.set(what, (totals.get(what) ?? 0) + often);
        epochs += ended?.epochs ?? 0;
        evidence += ended?.evidence ?? 0;
      }
    },
  );

  test('has been through what matters', () => {
    const often = (what: string): number => totals.get(what) ?? 0;
    expect(often('commit')).toBeGreaterThan(1000);
    expect(often('changed vote after support')).toBeGreaterThan(5);
    expect(often('rival proposals')).toBeGreaterThan(100);
    expect(often('commit slot-conflict')).toBeGreaterThan(20);
    expect(often('crash between storing and sending')).toBeGreaterThan(20);
    expect(often('restore from an older copy')).toBeGreaterThan(5);
    expect(often('partition')).toBeGreaterThan(50);
    expect(often('equivocation contradict')).toBeGreaterThan(20);
    expect(often('fence')).toBeGreaterThan(20);
    expect(often('fence without one voter')).toBeGreaterThan(2);
    expect(often('voter replaced')).toBeGreaterThan(0);
    expect(often('override suppress')).toBeGreaterThan(10);
    expect(often('hold')).toBeGreaterThan(20);
    expect(often('commit on an overlay entry')).toBeGreaterThan(20);
    expect(often('forgery removal') + often('forgery removal with help')).toBeGreaterThan(5);
    for (const what of ['forged', 'signed by another', 'foreign', 'replayed', 'respelled', 'oversized'])
      expect(often(`lie ${what}`), what).toBeGreaterThan(5);
    expect(often('commit of another epoch')).toBeGreaterThan(0);
    expect(often('call made')).toBeGreaterThan(50);
    expect(often('call interrupted')).toBeGreaterThan(0);
    expect(epochs).toBeGreaterThan(10);
    expect(evidence).toBeGreaterThan(50);
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
