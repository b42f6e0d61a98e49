import { expect, test } from 'vitest';
import { SharedUsage } from '../../../src/routing/index.ts';

test('a million agents leave as many as it remembers, here and as others tell', () => {
  const usage = new SharedUsage();
  for (let agent = 0; agent < 1_000_000; agent += 1) {
    usage.take(`agent-${agent}`, { perMinute: 10, nodes: 3, nowMs: 1 });
  }
  for (let node = 0; node < 3_000; node += 1) usage.heard(`node-${node}`, new Map([[`key-${node}`, 1]]), 1);
  expect(usage.size.own).toBeLessThanOrEqual(20_000);
  expect(usage.size.others).toBeLessThanOrEqual(1_024);
  expect(usage.told(1)).toHaveLength(512);
});

test('what is a minute old is over, and no sooner', () => {
  const usage = new SharedUsage();
  const take = (nowMs: number) => usage.take('x', { perMinute: 4, nodes: 2, nowMs });
  expect([take(0), take(0), take(0), take(0)]).toEqual([0, 0, 0, 0]);
  expect(take(59_999)).toBeGreaterThan(0);
  expect(take(66_000)).toBe(0);
});
