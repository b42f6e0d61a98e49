import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { RateLimiter } from '../../../src/routing/index.ts';

const limit = { perMinute: 60, burst: 5 };

describe('a token bucket', () => {
  test('grants its burst at once, then says when the next token comes', () => {
    const limiter = new RateLimiter();
    expect(Array.from({ length: 7 }, () => limiter.take('a', limit, 1000))).toEqual([0, 0, 0, 0, 0, 1000, 1000]);
    expect(limiter.take('a', limit, 1400)).toBe(600);
    expect(limiter.take('a', limit, 2000)).toBe(0);
    expect(limiter.take('a', limit, 2000)).toBe(1000);
  });

  test('keeps what a refused call asked for out of the count', () => {
    const limiter = new RateLimiter();
    for (let i = 0; i < 100; i += 1) limiter.take('a', { perMinute: 60, burst: 1 }, 0);
    expect(limiter.take('a', { perMinute: 60, burst: 1 }, 1000)).toBe(0);
  });

  test('of one key is not another’s', () => {
    const limiter = new RateLimiter();
    const one = { perMinute: 1, burst: 1 };
    expect(limiter.take('a', one, 0)).toBe(0);
    expect(limiter.take('a', one, 0)).toBe(60_000);
    expect(limiter.take('b', one, 0)).toBe(0);
  });

  test('obeys a changed limit at once', () => {
    const limiter = new RateLimiter();
    limiter.take('a', { perMinute: 600, burst: 100 }, 0);
    const lower = { perMinute: 60, burst: 1 };
    expect(limiter.take('a', lower, 0)).toBe(0);
    expect(limiter.take('a', lower, 0)).toBe(1000);
    expect(limiter.take('a', { perMinute: 6000, burst: 100 }, 0)).toBe(10);
  });

  test('brings nothing for the past when its limit is raised', () => {
    const limiter = new RateLimiter();
    limiter.take('a', { perMinute: 60, burst: 1 }, 0);
    expect(limiter.take('a', { perMinute: 6000, burst: 100 }, 60_000)).toBe(0);
    expect(limiter.take('a', { perMinute: 6000, burst: 100 }, 60_000)).toBe(10);
  });

  test('gives nothing for a clock that goes back', () => {
    const limiter = new RateLimiter();
    const one = { perMinute: 60, burst: 1 };
    expect(limiter.take('a', one, 5000)).toBe(0);
    expect(limiter.take('a', one, 0)).toBe(1000);
    expect(limiter.take('a', one, 5999)).toBe(1);
    expect(limiter.take('a', one, 6000)).toBe(0);
  });

  test('never grants more than burst + rate × time in any window', () => {
    const steps = fc.array(fc.integer({ min: 0, max: 4000 }), { minLength: 1, maxLength: 300 });
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 100_000 }),
        fc.integer({ min: 1, max: 50 }),
        steps,
        (perMinute, burst, waits) => {
          const limiter = new RateLimiter();
          const granted: number[] = [];
          let now = 0;
          for (const wait of waits) {
            now += wait / 4;
            while (granted.length < 5000 && limiter.take('a', { perMinute, burst }, now) === 0) granted.push(now);
          }
          for (let first = 0; first < granted.length; first += 7) {
            for (let last = first; last < granted.length; last += 5) {
              // One millisecond more: the clock is read in whole ones.
              const window = (granted[last] as number) - (granted[first] as number) + 1;
              expect(last - first + 1).toBeLessThanOrEqual(burst + (perMinute * window) / 60_000);
            }
          }
        },
      ),
      { numRuns: 60 },
    );
  });

  test('says truly when to come back: not a millisecond sooner, not one later', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 100_000 }),
        fc.integer({ min: 1, max: 20 }),
        fc.nat(10_000),
        (perMinute, burst, startMs) => {
          const rate = { perMinute, burst };
          const after = (ms: number): number => {
            const limiter = new RateLimiter();
            while (limiter.take('a', rate, startMs) === 0);
            return limiter.take('a', rate, startMs + ms);
          };
          const wait = after(0);
          expect(after(wait)).toBe(0);
          if (wait > 1) expect(after(wait - 1)).toBe(1);
        },
      ),
    );
  });

  test('loses no token to a million small steps', () => {
    const limiter = new RateLimiter();
    const rate = { perMinute: 7, burst: 1 };
    let granted = 0;
    for (let now = 0; now < 60_000 * 60; now += 3) if (limiter.take('a', rate, now) === 0) granted += 1;
    expect(granted).toBeGreaterThanOrEqual(7 * 60);
    expect(granted).toBeLessThanOrEqual(7 * 60 + 1);
  });
});

describe('many buckets', () => {
  test('of a million agents stay within bounds', () => {
    const limiter = new RateLimiter({ maxKeys: 1000 });
    for (let i = 0; i < 1_000_000; i += 1) limiter.take(`agent-${i}`, limit, i);
    expect(limiter.size).toBe(1000);
  });

  test('forget a full one first', () => {
    const limiter = new RateLimiter({ maxKeys: 3 });
    const slow = { perMinute: 1, burst: 2 };
    limiter.take('busy', slow, 0);
    limiter.take('busy', slow, 0);
    limiter.take('rested', { perMinute: 60_000, burst: 2 }, 0);
    limiter.take('other', slow, 0);
    limiter.take('newcomer', slow, 1000);
    expect(limiter.size).toBe(3);
    expect(limiter.take('busy', slow, 1000)).toBe(59_000);
    expect(limiter.take('other', slow, 1000)).toBe(0);
    expect(limiter.take('other', slow, 1000)).toBeGreaterThan(0);
  });

  test('forget the fullest where none is full, and the newcomer owes as much', () => {
    const limiter = new RateLimiter({ maxKeys: 2 });
    const slow = { perMinute: 1, burst: 3 };
    for (let i = 0; i < 3; i += 1) limiter.take('spent', slow, 0);
    limiter.take('fuller', slow, 0);
    expect([1, 2, 3].map(() => limiter.take('newcomer', slow, 0))).toEqual([0, 0, 60_000]);
    expect(limiter.take('spent', slow, 0)).toBe(60_000);
  });

  test('bring no fresh tokens to one who invents keys faster than buckets fill', () => {
    const limiter = new RateLimiter({ maxKeys: 100 });
    let granted = 0;
    for (let i = 0; i < 100_000; i += 1)
      if (limiter.take(`made-up-${i}`, { perMinute: 1, burst: 1 }, 0) === 0) granted += 1;
    expect(granted).toBe(100);
  });
});
