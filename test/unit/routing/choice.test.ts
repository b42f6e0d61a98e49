import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Breaker, chooseReplica, Load } from '../../../src/routing/index.ts';

interface Candidate {
  readonly local: boolean;
  readonly cost: number;
  readonly out?: boolean;
}
const remote = (cost: number): Candidate => ({ local: false, cost });
const local = (cost: number): Candidate => ({ local: true, cost });
const out = (candidate: Candidate): Candidate => ({ ...candidate, out: true });

function choose(candidates: readonly Candidate[], chance: number): number {
  const field = {
    count: candidates.length,
    local: candidates.findIndex((one) => one.local),
    usable: (index: number) => candidates[index]?.out !== true,
    cost: (index: number) => candidates[index]?.cost ?? Number.NaN,
  };
  return chooseReplica(field, chance);
}

describe('chooseReplica', () => {
  test('has nothing to choose from none and no choice with one', () => {
    expect(choose([], 0.5)).toBe(-1);
    expect(choose([remote(9)], 0.99)).toBe(0);
    expect(choose([out(remote(9))], 0.99)).toBe(-1);
  });

  test('takes the cheaper of two', () => {
    expect(choose([remote(9), remote(1)], 0)).toBe(1);
    expect(choose([remote(1), remote(9)], 0.99)).toBe(0);
  });

  test('takes the local one when it costs the same, and another when that is cheaper', () => {
    expect(choose([local(2), remote(2)], 0)).toBe(0);
    expect(choose([local(3), remote(2)], 0)).toBe(1);
  });

  test('takes one as well as the other when they differ by less than an eighth', () => {
    const alike = [remote(11), remote(10)];
    expect([choose(alike, 0), choose(alike, 0.99)]).toEqual([0, 1]);
    expect(choose([local(11), remote(10)], 0.5)).toBe(0);
    expect(choose([local(12), remote(10)], 0.5)).toBe(1);
  });

  test('never takes one that may not be asked, and takes the last that may', () => {
    fc.assert(
      fc.property(
        fc.array(fc.boolean(), { minLength: 1, maxLength: 12 }),
        fc.double({ min: 0, max: 0.999999, noNaN: true }),
        (usable, chance) => {
          const chosen = choose(
            usable.map((may) => (may ? remote(2) : out(remote(1)))),
            chance,
          );
          expect(chosen === -1 ? false : usable[chosen]).toBe(usable.includes(true));
        },
      ),
    );
  });

  test('never takes one of three or more that is dearer than all others by more than an eighth, whatever chance says', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.integer({ min: 1, max: 1e6 }), { minLength: 3, maxLength: 9 }),
        fc.double({ min: 0, max: 0.999999, noNaN: true }),
        (costs, chance) => {
          const chosen = choose(costs.map(remote), chance);
          const others = costs.filter((_, index) => index !== chosen);
          expect(costs[chosen]).toBeLessThanOrEqual(Math.max(...others) * 1.125);
        },
      ),
    );
  });

  test('reaches every replica but the dearest, so that none is starved', () => {
    const costs = [1, 2, 3, 4, 5].map(remote);
    const chosen = new Set(Array.from({ length: 200 }, (_, i) => choose(costs, i / 200)));
    expect([...chosen].sort()).toEqual([0, 1, 2, 3]);
  });
});

describe('Load', () => {
  test('costs its average answer time for every call it would then have', () => {
    const load = new Load(10);
    expect(load.cost()).toBe(10);
    load.begin();
    expect(load.cost()).toBe(20);
    load.end(20);
    expect(load.ewmaMs).toBe(12);
    load.begin();
    load.end(undefined);
    expect(load).toMatchObject({ ewmaMs: 12, inFlight: 0 });
  });
});

describe('Breaker', () => {
  const rules = { failures: 2, openMs: 100, maxOpenMs: 300 };

  test('opens after failures in a row, and a success between them starts the count anew', () => {
    const breaker = new Breaker(rules);
    breaker.failed(0);
    breaker.succeeded();
    breaker.failed(0);
    expect(breaker.allows(0)).toBe(true);
    breaker.failed(0);
    expect(breaker.state).toBe('open');
    expect(breaker.allows(99)).toBe(false);
  });

  test('lets one trial through when its time is over, and closes when that succeeds', () => {
    const breaker = new Breaker(rules);
    breaker.failed(0);
    breaker.failed(0);
    expect(breaker.allows(100)).toBe(true);
    breaker.begin(100);
    expect(breaker.state).toBe('half-open');
    expect(breaker.allows(101)).toBe(false);
    breaker.succeeded();
    expect(breaker.allows(102)).toBe(true);
    expect(breaker.state).toBe('closed');
  });

  test('stays open twice as long after each failed trial, up to its limit', () => {
    const breaker = new Breaker(rules);
    breaker.failed(0);
    breaker.failed(0);
    breaker.begin(100);
    breaker.failed(110);
    expect([breaker.allows(309), breaker.allows(310)]).toEqual([false, true]);
    breaker.begin(310);
    breaker.failed(310);
    expect([breaker.allows(609), breaker.allows(610)]).toEqual([false, true]);
  });
});
