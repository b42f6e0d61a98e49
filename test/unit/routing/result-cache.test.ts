import { describe, expect, test } from 'vitest';
import { ResultCache } from '../../../src/routing/index.ts';

const bytes = (length: number) => Buffer.alloc(length, 'x');

function keep(
  cache: ResultCache,
  key: string,
  {
    server = 's',
    target = 't',
    nodeId = '',
    length = 1,
    untilMs = 1_000,
    nowMs = 0,
    reading = cache.begin(server),
  } = {},
) {
  cache.keep(reading, key, { result: { body: bytes(length), untilMs, target, nodeId }, nowMs });
  cache.end(reading);
}
const has = (cache: ResultCache, ...keys: string[]) => keys.map((key) => cache.find(key, 0) !== undefined);

describe('a kept result', () => {
  test('is given out until its time, and then is gone', () => {
    const cache = new ResultCache();
    keep(cache, 'k');
    expect([cache.find('k', 999), cache.find('k', 1_000), cache.size, cache.bytes]).toEqual([
      bytes(1),
      undefined,
      0,
      0,
    ]);
  });

  test('that was used longest ago makes room, by number and by size', () => {
    const cache = new ResultCache({ maxEntries: 3, maxBytes: 10_000, maxEntryBytes: 5_000 });
    for (const key of ['a', 'b', 'c']) keep(cache, key);
    cache.find('a', 0);
    keep(cache, 'd');
    expect(has(cache, 'a', 'b', 'c', 'd')).toEqual([true, false, true, true]);
    keep(cache, 'large', { length: 5_000 });
    keep(cache, 'larger', { length: 4_500 });
    expect(has(cache, 'large', 'larger')).toEqual([false, true]);
    expect(cache.bytes).toBeLessThanOrEqual(10_000);
    keep(cache, 'too large', { length: 5_001 });
    expect(has(cache, 'too large')).toEqual([false]);
  });

  test('takes the place of the one before it', () => {
    const cache = new ResultCache();
    keep(cache, 'k', { length: 1 });
    keep(cache, 'k', { length: 2 });
    expect([cache.find('k', 0)?.length, cache.size]).toEqual([2, 1]);
  });
});

describe('a change', () => {
  test('drops what is kept of that server and nothing of another, but for what it excepts', () => {
    const cache = new ResultCache();
    keep(cache, 'a', { target: 'one' });
    keep(cache, 'b', { target: 'other' });
    keep(cache, 'c', { server: 'z' });
    cache.changed('s', { except: 'one' });
    expect(has(cache, 'a', 'b', 'c')).toEqual([true, false, true]);
    cache.changed('s');
    expect(has(cache, 'a', 'b', 'c')).toEqual([false, false, true]);
  });

  test('keeps out what was being read, however it is timed', () => {
    const cache = new ResultCache();
    const reading = cache.begin('s');
    const other = cache.begin('s');
    cache.end(other);
    cache.changed('s');
    expect(cache.isCurrent(reading, 0)).toBe(false);
    keep(cache, 'k', { reading });
    expect(has(cache, 'k')).toEqual([false]);
    keep(cache, 'k');
    expect(has(cache, 'k')).toEqual([true]);
  });

  test('that may go on keeps out what is read until then', () => {
    const cache = new ResultCache();
    cache.changed('s', { unsettledUntilMs: 100 });
    keep(cache, 'early', { nowMs: 99 });
    keep(cache, 'late', { nowMs: 100 });
    expect(has(cache, 'early', 'late')).toEqual([false, true]);
  });
});

test('of a node that cannot be heard nothing is kept, nor what was being read', () => {
  const cache = new ResultCache();
  const reading = cache.begin('s');
  keep(cache, 'a', { nodeId: 'n' });
  keep(cache, 'b');
  cache.forgetNode('n');
  keep(cache, 'c', { nodeId: 'n', reading });
  expect(has(cache, 'a', 'b', 'c')).toEqual([false, true, false]);
});

test('many servers that are asked once leave as many results as may be kept', () => {
  const cache = new ResultCache({ maxEntries: 10, maxBytes: 10_000, maxEntryBytes: 100 });
  for (let n = 0; n < 1_000; n += 1) keep(cache, `k${n}`, { server: `s${n}` });
  expect(cache.size).toBe(10);
});
