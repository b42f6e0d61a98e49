import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { DeadlineWheel } from '../../../node/router/deadline-wheel.ts';

const TICK_MS = 16;

function told(wheel: DeadlineWheel, atMs: number, log: number[]) {
  return wheel.add(atMs, { onDeadline: () => log.push(atMs) });
}

describe('a wheel of deadlines', () => {
  test('a deadline comes due within a tick of its time and never before', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 0, max: 60_000 }), { maxLength: 50 }),
        fc.array(fc.integer({ min: 1, max: 9_000 }), { minLength: 1, maxLength: 30 }),
        (times, steps) => {
          const wheel = new DeadlineWheel(0);
          const log: number[] = [];
          for (const atMs of times) told(wheel, atMs, log);
          let now = 0;
          for (const step of steps) {
            now += step;
            wheel.advance(now);
            expect(log.every((atMs) => atMs <= now)).toBe(true);
            expect(times.filter((atMs) => atMs + TICK_MS <= now).length).toBeLessThanOrEqual(log.length);
          }
          wheel.advance(60_000 + TICK_MS);
          wheel.advance(120_000);
          expect([...log].sort()).toEqual([...times].sort());
          expect(wheel.size).toBe(0);
        },
      ),
    );
  });

  test('a cancelled deadline never comes, and cancelling twice is cancelling', () => {
    const wheel = new DeadlineWheel(0);
    const log: number[] = [];
    const first = told(wheel, 100, log);
    told(wheel, 100, log);
    first.cancel();
    first.cancel();
    expect(wheel.size).toBe(1);
    wheel.advance(200);
    expect(log).toEqual([100]);
  });

  test('one that is cancelled by another of the same moment does not come', () => {
    const wheel = new DeadlineWheel(0);
    const log: string[] = [];
    const second: { cancel(): void }[] = [];
    wheel.add(50, {
      onDeadline: () => {
        log.push('first');
        second[0]?.cancel();
      },
    });
    second.push(wheel.add(50, { onDeadline: () => log.push('second') }));
    wheel.advance(100);
    expect(log).toEqual(['first']);
  });

  test('one that is past when added comes at the next advance, and one at no finite time not at all', () => {
    const wheel = new DeadlineWheel(10_000);
    const log: number[] = [];
    told(wheel, 5, log);
    told(wheel, Number.POSITIVE_INFINITY, log);
    expect(log).toEqual([]);
    wheel.advance(10_000 + 2 * TICK_MS);
    expect(log).toEqual([5]);
    wheel.advance(10_000_000);
    expect(wheel.size).toBe(1);
  });

  test('a wheel left alone for hours catches up at once', () => {
    const wheel = new DeadlineWheel(0);
    const log: number[] = [];
    for (let atMs = 0; atMs < 100_000; atMs += 100) told(wheel, atMs, log);
    wheel.advance(36_000_000);
    expect(log.length).toBe(1000);
  });
});
