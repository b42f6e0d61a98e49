import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { readReport, reportOf, usageKey } from '../../protocols/usage/index.ts';
import { UsageVillage } from '../support/usage-village.ts';
import { verifies } from '../support/verifies.ts';

const vectors = JSON.parse(readFileSync(new URL('../../protocols/usage/vectors.json', import.meta.url), 'utf8'));
const bytes = (text: string) => new TextEncoder().encode(text);
const saying = (seq: number, calls: number) => bytes(`{"v":1,"seq":${seq},"counts":{"${vectors.key}":${calls}}}`);
const MINUTE = 60_000;

/** Calls that node `at` admits when it is asked `times` at once. */
function admitted(village: UsageVillage, at: number, times: number, perMinute = 100): number {
  let count = 0;
  for (let call = 0; call < times; call += 1) {
    const limit = { perMinute, nowMs: village.nowMs };
    if (village.nodes[at]?.share.take(vectors.agent, vectors.tool, limit) === 0) count += 1;
  }
  return count;
}

test('the bytes stay as they are', () => {
  expect(usageKey(vectors.agent, vectors.tool)).toBe(vectors.key);
  expect(new TextDecoder().decode(reportOf(1_800_000_000_000, [[vectors.key, 3]]))).toBe(vectors.report);
  expect(readReport(bytes(vectors.report))).toEqual({ v: 1, seq: 1_800_000_000_000, counts: { [vectors.key]: 3 } });
  expect(new TextDecoder().decode(reportOf(1_800_000_000_001, []))).toBe(vectors.empty);
});

verifies('usage/R1', 'what is no report is neither used nor passed on', () => {
  const village = new UsageVillage(2, 10);
  const many = Object.fromEntries(Array.from({ length: 513 }, (_, at) => [at.toString(16).padStart(16, '0'), 1]));
  const bad = [
    'nothing',
    '[]',
    '{"v":2,"seq":1,"counts":{}}',
    '{"v":1,"seq":1,"counts":{},"more":1}',
    '{"v":1,"seq":1,"seq":2,"counts":{}}',
    '{"v":1,"seq":-1,"counts":{}}',
    '{"v":1,"seq":1,"counts":{"short":1}}',
    `{"v":1,"seq":1,"counts":{"${vectors.key}":0}}`,
    `{"v":1,"seq":1,"counts":{"${vectors.key}":1.5}}`,
    `{"v":1,"seq":1,"counts":{"${vectors.key}":1000001}}`,
    JSON.stringify({ v: 1, seq: 1, counts: many }),
    `{"v":1,"seq":1,"counts":{}}${' '.repeat(24 * 1024)}`,
  ];
  for (const text of bad) expect(village.deliver('node-1', bytes(text)), text.slice(0, 60)).toEqual([false]);
  expect(village.nodes[0]?.reports.of('gossip.refused')).toHaveLength(bad.length);
  expect(village.deliver('node-1', saying(1, 5))).toEqual([true]);
});

verifies('usage/R2', 'a report replaces what its node said before, and nobody else’s', () => {
  const village = new UsageVillage(3, 10);
  village.deliver('node-1', saying(1, 60));
  village.deliver('node-2', saying(1, 40));
  expect(admitted(village, 0, 1)).toBe(1);
  expect(admitted(village, 0, 20)).toBe(0);
  village.deliver('node-1', saying(2, 10));
  village.run(1_000);
  expect(admitted(village, 0, 20)).toBeGreaterThan(0);
});

verifies('usage/R3', 'what comes late or again changes nothing', () => {
  const village = new UsageVillage(2, 10);
  village.deliver('node-1', saying(7, 100));
  expect(village.deliver('node-1', saying(7, 1))).toEqual([false]);
  expect(village.deliver('node-1', saying(6, 1))).toEqual([false]);
  admitted(village, 0, 9);
  village.run(1_000);
  expect(admitted(village, 0, 20)).toBe(0);
  village.run(66_000);
  expect(village.deliver('node-1', saying(6, 1))).toEqual([true]);
});

verifies('usage/R4', 'what a node said is forgotten when it says no more', () => {
  const village = new UsageVillage(3, 10);
  village.deliver('node-1', saying(1, 100));
  admitted(village, 0, 10);
  village.run(50_000);
  expect(admitted(village, 0, 10)).toBeLessThanOrEqual(1);
  village.run(70_000);
  village.deliver('node-2', saying(1, 1));
  expect(admitted(village, 0, 50)).toBeGreaterThan(20);
});

verifies('usage/R5', 'a node tells of the calls that it admitted', () => {
  const village = new UsageVillage(2, 10);
  const count = admitted(village, 0, 200);
  village.run(200);
  expect(village.said).toHaveLength(1);
  expect(readReport(village.said[0]?.data ?? bytes(''))?.counts).toEqual({ [vectors.key]: count });
});

verifies('usage/R6', 'calls are told of soon, not each alone, and until they are a minute old', () => {
  const village = new UsageVillage(2, 10);
  village.run(1_000, () => void admitted(village, 0, 1, 10_000));
  expect(village.said.length).toBeGreaterThanOrEqual(4);
  expect(village.said.length).toBeLessThanOrEqual(7);
  const before = village.said.length;
  village.run(3 * MINUTE);
  expect(village.said.length - before).toBeGreaterThanOrEqual(10);
  expect(village.said.length - before).toBeLessThanOrEqual(16);
  expect(readReport(village.said.at(-1)?.data ?? bytes(''))?.counts).toEqual({});
});

verifies('usage/R6', 'of more keys than a report holds the busiest are told', () => {
  const village = new UsageVillage(2, 10);
  const limit = { perMinute: 1_000, nowMs: village.nowMs };
  for (let tool = 0; tool < 600; tool += 1) village.nodes[0]?.share.take('sage', `tool-${tool}`, limit);
  for (let call = 0; call < 5; call += 1) village.nodes[0]?.share.take('sage', 'tool-599', limit);
  village.run(200);
  const { counts = {} } = readReport(village.said[0]?.data ?? bytes('')) ?? {};
  expect(Object.keys(counts)).toHaveLength(512);
  expect(counts[usageKey('sage', 'tool-599')]).toBe(6);
});

verifies('usage/R7', 'a flood of reports is not looked at', () => {
  const village = new UsageVillage(2, 10);
  const passed = Array.from({ length: 1_000 }, (_, seq) => village.deliver('node-1', saying(seq + 1, 1))[0]);
  expect(passed.filter(Boolean)).toHaveLength(60);
  village.run(MINUTE);
  expect(village.deliver('node-1', saying(5_000, 1))).toEqual([true]);
});

verifies('usage/R8', 'a node that claims everything leaves others their floor', () => {
  const village = new UsageVillage(10, 10);
  let calls = 0;
  village.run(MINUTE, () => {
    if (village.nowMs % 1_000 === 0) village.deliver('node-9', saying(village.nowMs, 1_000_000));
    calls += admitted(village, 0, 1, 1_000);
  });
  expect(calls).toBeGreaterThanOrEqual(5);
  expect(calls).toBeLessThanOrEqual(120);
});

test.each([
  [100, 20],
  [100, 200],
  [300, 200],
  [50, 100],
])('ten nodes that all ask at once keep a limit of %i a minute within a fifth, %i ms apart', (perMinute, delayMs) => {
  const village = new UsageVillage(10, delayMs);
  const times: number[] = [];
  village.run(3 * MINUTE, () => {
    for (let at = 0; at < 10; at += 1) {
      for (let call = admitted(village, at, 3, perMinute); call > 0; call -= 1) times.push(village.nowMs);
    }
  });
  const most = mostInAMinute(times);
  process.stdout.write(`ten nodes, ${perMinute} a minute, ${delayMs} ms apart: at most ${most} in any minute\n`);
  expect(most).toBeLessThanOrEqual(1.2 * perMinute);
  expect(times.length).toBeGreaterThan(2.2 * perMinute);
});

test('one node after the other, the limit is one', () => {
  const village = new UsageVillage(10, 50);
  const times: number[] = [];
  village.run(2 * MINUTE, () => {
    const at = Math.floor(village.nowMs / 700) % 10;
    for (let call = admitted(village, at, 2, 100); call > 0; call -= 1) times.push(village.nowMs);
  });
  expect(mostInAMinute(times)).toBeLessThanOrEqual(120);
  expect(times.length).toBeGreaterThan(150);
});

test('cut off, each part holds the limit for itself', () => {
  const village = new UsageVillage(2, 10);
  village.isCut = true;
  const times: number[] = [];
  village.run(MINUTE, () => {
    for (let call = admitted(village, 0, 5, 100); call > 0; call -= 1) times.push(village.nowMs);
  });
  expect(times.length).toBeLessThanOrEqual(100);
  expect(times.length).toBeGreaterThan(80);
});

test('an agent of one node, and a village of one, are not kept waiting', () => {
  const alone = new UsageVillage(1, 10);
  expect(admitted(alone, 0, 1_000)).toBe(1_000);
  const village = new UsageVillage(3, 10);
  const limit = { perMinute: 10, nowMs: village.nowMs };
  const waits = Array.from({ length: 50 }, () => village.nodes[0]?.share.take('local@abcdefgh', 'x', limit));
  expect(new Set(waits)).toEqual(new Set([0]));
  village.run(1_000);
  expect(village.said).toHaveLength(0);
});

function mostInAMinute(times: readonly number[]): number {
  let most = 0;
  let from = 0;
  times.forEach((time, at) => {
    while ((times[from] ?? time) <= time - MINUTE) from += 1;
    most = Math.max(most, at - from + 1);
  });
  return most;
}
