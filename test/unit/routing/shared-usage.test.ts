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

/** How many of `calls` come through where one node alone is asked, one call each `everyMs`, in a village of `nodes`. */
function alone(calls: number, { perMinute, nodes, everyMs }: { perMinute: number; nodes: number; everyMs: number }) {
  const usage = new SharedUsage();
  let admitted = 0;
  for (let call = 0; call < calls; call += 1) {
    if (usage.take('x', { perMinute, nodes, nowMs: 1_000 + call * everyMs }) === 0) admitted += 1;
  }
  return admitted;
}

test.each([
  { perMinute: 5, nodes: 3, everyMs: 7_000, of: 5 },
  { perMinute: 5, nodes: 10, everyMs: 10_000, of: 5 },
  { perMinute: 10, nodes: 10, everyMs: 5_500, of: 10 },
  // The last share of each node is given out over seconds: others may be about to ask for theirs.
  { perMinute: 50, nodes: 10, everyMs: 1_150, of: 40 },
])('who calls slowly at one of $nodes nodes has the limit of $perMinute a minute', ({ of, ...limit }) => {
  expect(alone(limit.perMinute, limit)).toBeGreaterThanOrEqual(of);
});

test('who is told to wait comes through when it did', () => {
  const usage = new SharedUsage();
  let nowMs = 1_000;
  let admitted = 0;
  let refused = 0;
  while (nowMs < 55_000) {
    const waitMs = usage.take('x', { perMinute: 10, nodes: 10, nowMs });
    if (waitMs === 0) admitted += 1;
    else refused += 1;
    nowMs += Math.max(1, waitMs);
    if (admitted === 10) break;
  }
  expect(admitted).toBe(10);
  expect(refused).toBeLessThanOrEqual(5);
});

test.each([
  { perMinute: 5, nodes: 3, bound: 5 + 5 * 2 },
  { perMinute: 10, nodes: 10, bound: 10 + 5 * 9 },
  { perMinute: 50, nodes: 10, bound: 60 },
  { perMinute: 200, nodes: 10, bound: 240 },
])('nodes that hear of each other after a round hold $perMinute a minute within the bound', (limit) => {
  for (const everyMs of [50, 400, 900, 3_000]) expect(together(limit, everyMs)).toBeLessThanOrEqual(limit.bound);
});

test.each([
  { perMinute: 50, bound: 60 },
  { perMinute: 60, bound: 72 },
  { perMinute: 100, bound: 120 },
  { perMinute: 200, bound: 240 },
])('ten nodes hold $perMinute a minute within the bound where one used most of it before the others come', (limit) => {
  for (const othersAtMs of [6_000, 21_000, 40_000, 54_000])
    expect(together({ ...limit, nodes: 10, othersAtMs }, 50)).toBeLessThanOrEqual(limit.bound);
});

/**
 * What all nodes admit in a minute when each is asked every `everyMs` and hears of the others 400 ms late; all but the first are asked
 * from `othersAtMs` on.
 */
function together(
  { perMinute, nodes, othersAtMs = 0 }: { perMinute: number; nodes: number; othersAtMs?: number },
  everyMs: number,
): number {
  const all = Array.from({ length: nodes }, () => new SharedUsage());
  const words: { at: number; from: number; counts: Map<string, number> }[] = [];
  let admitted = 0;
  for (let nowMs = 1_000; nowMs < 60_000; nowMs += 50) {
    while ((words[0]?.at ?? Infinity) <= nowMs) {
      const word = words.shift() as (typeof words)[number];
      all.forEach((node, index) => index !== word.from && node.heard(`${word.from}`, word.counts, nowMs));
    }
    if ((nowMs - 1_000) % everyMs !== 0) continue;
    all.forEach((node, index) => {
      if (index > 0 && nowMs < othersAtMs) return;
      if (node.take('x', { perMinute, nodes, nowMs }) !== 0) return;
      admitted += 1;
      words.push({ at: nowMs + 350, from: index, counts: new Map(node.told(nowMs)) });
    });
  }
  return admitted;
}
