import { expect, test } from 'vitest';
import { votedCache } from '../../../node/router/voted-cache.ts';
import { votedRouting } from '../../../node/router/voted-routing.ts';
import { Breaker } from '../../../src/routing/index.ts';
import { genesis } from '../../support/small-village.ts';

test('what was decided about routing holds for breakers that stand already', () => {
  let policy = genesis;
  const routing = votedRouting(() => policy);
  const breaker = new Breaker(routing.breaker);
  const failures = (count: number) => {
    for (let failed = 0; failed < count; failed += 1) breaker.failed(0);
    const open = !breaker.allows(0);
    breaker.succeeded();
    return open;
  };
  expect([failures(4), failures(5), routing.maxAttempts]).toEqual([false, true, 3]);
  policy = genesis.withDecision('routing.breaker_failures', 2).withDecision('routing.max_attempts', 1);
  expect([failures(1), failures(2), routing.maxAttempts]).toEqual([false, true, 1]);
  policy = policy.withDecision('routing.breaker_open_ms', 60_000);
  breaker.succeeded();
  breaker.failed(0);
  breaker.failed(0);
  expect([breaker.allows(59_999), breaker.allows(60_000)]).toEqual([false, true]);
});

test('what was decided about reuse holds at once: for how long at most, and whether at all', () => {
  let policy = genesis;
  const maxTtlMs = votedCache(() => policy);
  expect(maxTtlMs()).toBe(3_600_000);
  policy = policy.withDecision('cache.max_ttl_s', 5);
  expect(maxTtlMs()).toBe(5_000);
  policy = policy.withDecision('cache.enabled', false);
  expect(maxTtlMs()).toBe(0);
});
