import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import type { StoreChange } from '../../../node/storage/index.ts';
import { LevelWriter } from '../../../node/storage/level-writer.ts';
import { text, utf8 } from '../../../src/kernel/index.ts';
import { until } from '../../support/until.ts';

const cleanups: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function things() {
  const path = await mkdtemp(join(tmpdir(), 'village-writer-'));
  const writer = await LevelWriter.open(path);
  cleanups.push(async () => {
    await writer.close();
    await rm(path, { recursive: true, force: true });
  });
  const level = writer.sublevel('things');
  const change = (changes: readonly StoreChange[]) => writer.write(level, changes, { sync: false });
  const put = (key: string, value: string) => change([{ type: 'put', key, value: utf8(value) }]);
  const get = async (key: string) => {
    await writer.readable();
    return text((await level.get(key)) as Uint8Array);
  };
  /** LevelDB takes no such change: to the writer it is a write that failed, like any other. */
  const fail = () => change([{ type: 'neither' as 'del', key: 'key' }]);
  return { path, writer, put, get, fail };
}

/** A store that could not be opened anew when it had to be, and cannot be until the disk is `mended`. */
async function closed() {
  const store = await things();
  await store.put('key', 'value');
  await expect(store.fail()).rejects.toThrow();
  const current = join(store.path, 'CURRENT');
  const before = await readFile(current);
  await writeFile(current, 'nonsense\n');
  await expect(store.put('key', 'refused')).rejects.toThrow();
  const failedAt = performance.now();
  const mended = async () => {
    await writeFile(current, before);
    await until(() => performance.now() - failedAt > 110, { what: 'the time after which it is tried again' });
  };
  return { ...store, mended };
}

test('what is asked just as the write before is done is written too', async () => {
  const { put, get } = await things();
  await put('key', 'first');
  await put('key', 'second');
  expect(await get('key')).toBe('second');
});

test('what is asked just as the writes before are refused is refused too, and nothing waits for ever', async () => {
  const { put } = await closed();
  const asked: Promise<string>[] = [];
  for (let turn = 0; turn < 30; turn += 1) {
    asked.push(
      put('key', String(turn)).then(
        () => 'written',
        () => 'refused',
      ),
    );
    await Promise.resolve();
  }
  expect(await Promise.all(asked)).toEqual(Array(30).fill('refused'));
});

test('everyone who reads and writes while it is closed waits for the one time it is opened anew', async () => {
  const { put, get, mended } = await closed();
  await mended();
  const all: Promise<unknown>[] = [];
  for (let turn = 0; turn < 200; turn += 1) {
    all.push(get('key'), put('other', 'value'));
    await new Promise(setImmediate);
  }
  await Promise.all(all);
  expect(await get('other')).toBe('value');
});

test('what is closed stays closed, also when someone had just begun to open it anew', async () => {
  const { path, writer, get, mended } = await closed();
  await mended();
  const read = get('key').catch(() => undefined);
  await writer.close();
  await read;
  const next = await LevelWriter.open(path);
  await next.close();
});

test('small writes that wait are bounded by what they take in memory, not by their bytes alone', async () => {
  const { writer, put } = await things();
  const asked = Array.from({ length: 140_000 }, () => put('k', ''));
  const done = await Promise.allSettled(asked);
  expect(done.filter(({ status }) => status === 'rejected').length).toBeGreaterThan(0);
  expect(done.filter(({ status }) => status === 'fulfilled').length).toBeGreaterThan(100_000);
  await writer.close();
});
