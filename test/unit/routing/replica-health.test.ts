import { describe, expect, test } from 'vitest';
import { outliersAmong, ReplicaHealth, type Sibling } from '../../../src/routing/index.ts';

const RULES = { failures: 3, openMs: 1_000, maxOpenMs: 30_000 };
const replica = (nowMs = 0) => new ReplicaHealth({ guessMs: 5, rules: RULES, nowMs });
const ok = (tookMs: number) => ({ tookMs, isFault: false });
const FAULT = { tookMs: undefined, isFault: true };

describe('a replica', () => {
  test('seems dear while it is new, less so every second, and as dear as it is after ten', () => {
    const health = replica();
    health.begin(0);
    expect([0, 5_000, 10_000, 60_000].map((now) => health.cost(now))).toEqual([100, 55, 10, 10]);
    health.abandoned();
    expect([0, 500, 1_000].map((now) => health.cost(now))).toEqual([50, 47.75, 45.5]);
  });

  test('begins slowly again after failures had it left alone', () => {
    const health = replica();
    for (let n = 0; n < 3; n += 1) {
      health.begin(20_000);
      health.ended(FAULT, 20_000);
    }
    expect([health.allows(20_999), health.allows(21_000)]).toEqual([false, true]);
    health.begin(21_000);
    health.ended(ok(5), 21_000);
    health.begin(21_000);
    expect([health.cost(21_000), health.cost(31_000)]).toEqual([100, 10]);
  });

  test('is not asked while ejected, each time for twice as long, and begins slowly then', () => {
    const health = replica();
    health.eject(100_000);
    expect([health.allows(104_999), health.allows(105_000)]).toEqual([false, true]);
    health.begin(105_000);
    expect(health.cost(105_000)).toBe(100);
    health.abandoned();
    health.eject(110_000);
    expect([health.allows(119_999), health.allows(120_000)]).toEqual([false, true]);
    health.eject(500_000);
    expect(health.allows(505_000)).toBe(true);
  });

  test('is not blamed for calls that their callers gave up', () => {
    const health = replica();
    for (let n = 0; n < 20; n += 1) {
      health.begin(0);
      health.abandoned();
    }
    expect(health.allows(0)).toBe(true);
    expect(health.standing(0)).toMatchObject({ calls: 0, faults: 0 });
  });

  test('is believed to be slow for ever less, while nobody asks it', () => {
    const health = replica(0);
    health.begin(20_000);
    health.ended(ok(1_005), 20_000);
    const costs = [20_000, 21_000, 25_000, 30_000].map((now) => Math.round(health.cost(now)));
    expect(costs).toEqual([942, 942, 471, 236]);
  });

  test('that was left alone is given one call, and what that says counts more the longer it was', () => {
    const health = replica(0);
    const call = (beganMs: number, tookMs: number) => {
      health.begin(beganMs);
      health.ended(ok(tookMs), beganMs + tookMs);
      return Math.round(health.cost(beganMs + tookMs));
    };
    call(20_000, 1_000);
    expect(Math.round(health.cost(46_000))).toBe(29);
    health.begin(46_000);
    expect(Math.round(health.cost(46_000))).toBe(1_875);
    health.ended(ok(1_000), 47_000);
    expect(Math.round(health.cost(47_000))).toBe(970);
    expect(call(73_000, 10)).toBe(10);
    expect([call(73_010, 110), call(73_120, 110)]).toEqual([30, 46]);
  });

  test('that fails after it was left alone is no cheaper for it', () => {
    const health = replica(0);
    health.begin(20_000);
    health.ended(ok(1_005), 20_000);
    for (const now of [30_000, 40_000]) {
      health.begin(now);
      health.ended(FAULT, now);
      expect(Math.round(health.cost(now))).toBe(942);
    }
  });

  test('is judged by what it did of late', () => {
    const health = replica();
    for (let n = 0; n < 40; n += 1) {
      health.begin(0);
      health.ended(n < 20 ? FAULT : ok(5), 0);
      if (n % 10 === 9) health.decay();
    }
    const { calls, faults } = health.standing(0);
    expect(faults / calls).toBeLessThan(0.25);
  });
});

describe('among siblings', () => {
  const fine: Sibling = { calls: 100, faults: 0, ewmaMs: 10, isEjected: false };
  const faulty = { ...fine, faults: 60 };
  const slow = { ...fine, ewmaMs: 400 };

  test('the one that fails, or is far slower than the others, is an outlier', () => {
    expect(outliersAmong([fine, faulty, fine, fine])).toEqual([1]);
    expect(outliersAmong([fine, fine, slow, fine])).toEqual([2]);
    expect(outliersAmong([fine, slow])).toEqual([1]);
  });

  test('nobody is when all are alike, or when little is known', () => {
    expect(outliersAmong([faulty, faulty, faulty])).toEqual([]);
    expect(outliersAmong([slow, slow, slow])).toEqual([]);
    expect(outliersAmong([fine, { ...faulty, calls: 9, faults: 9 }, fine])).toEqual([]);
    expect(outliersAmong([fine, { ...fine, ewmaMs: 45 }])).toEqual([]);
  });

  test('at most a third is out at a time, the worst first, and of two one', () => {
    expect(outliersAmong([slow, faulty, { ...faulty, faults: 90 }, fine, fine, fine])).toEqual([2, 1]);
    expect(outliersAmong([{ ...slow, isEjected: true }, faulty, fine])).toEqual([]);
    expect(outliersAmong([fine])).toEqual([]);
  });
});
