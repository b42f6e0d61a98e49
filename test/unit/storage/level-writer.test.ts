import { execFileSync } from 'node:child_process';
import { mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import type { StoreChange } from '../../../node/storage/index.ts';
import { LevelWriter, type LevelWriterOptions } from '../../../node/storage/level-writer.ts';
import { text, utf8 } from '../../../src/kernel/index.ts';
import { until } from '../../support/until.ts';

const cleanups: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function things(options: LevelWriterOptions = {}) {
  const path = await mkdtemp(join(tmpdir(), 'village-writer-'));
  const writer = await LevelWriter.open(path, options);
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

/** A store that is to be opened anew, of which the disk does not read a file until it `answers`. */
async function stuck(options: LevelWriterOptions) {
  const store = await things(options);
  await store.put('kept', 'value');
  await expect(store.fail()).rejects.toThrow();
  const current = join(store.path, 'CURRENT');
  const before = await readFile(current);
  await rename(current, `${current}-before`);
  execFileSync('mkfifo', [current]); // who opens it for reading waits for somebody that writes
  return { ...store, answers: () => writeFile(current, before) };
}

test('while the disk does not answer, who writes or reads is told so and waits for nothing; when it does, nothing acknowledged is lost', async () => {
  const { put, get, answers } = await stuck({ openMs: 200 });
  await expect(put('refused', 'value')).rejects.toMatchObject({ code: 'STORE_STUCK' });
  await expect(get('kept')).rejects.toMatchObject({ code: 'STORE_STUCK' });
  const asked = await Promise.allSettled(Array.from({ length: 50 }, (_, index) => put(`refused-${index}`, 'value')));
  expect(new Set(asked.map((one) => (one.status === 'rejected' ? one.reason.code : 'written')))).toEqual(
    new Set(['STORE_STUCK']),
  );
  await answers();
  await until(
    () =>
      put('next', 'value').then(
        () => true,
        () => false,
      ),
    { timeoutMs: 5_000 },
  );
  expect(await get('kept')).toBe('value');
  expect(await get('next')).toBe('value');
  expect(await get('refused')).toBe(''); // there is none
});

test('while the disk does not answer, closing ends too, and leaves the folder to others when it does', async () => {
  const { path, writer, put, answers } = await stuck({ openMs: 200 });
  await expect(put('refused', 'value')).rejects.toMatchObject({ code: 'STORE_STUCK' });
  await expect(writer.close()).rejects.toMatchObject({ code: 'STORE_STUCK' });
  await answers();
  const next = await until(() => LevelWriter.open(path).catch(() => undefined), { timeoutMs: 5_000 });
  await next.close();
});

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
