import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Key } from 'interface-datastore';
import { afterEach, describe, expect, test } from 'vitest';
import { type Database, MemoryDatabase, openDataFolder, type Store } from '../../../node/storage/index.ts';
import { text, utf8 } from '../../../src/kernel/index.ts';

const cleanups: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function folder(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'village-store-'));
  cleanups.push(() => rm(path, { recursive: true, force: true }));
  return path;
}

async function opened(path: string) {
  const data = await openDataFolder(path);
  cleanups.push(() => data.close());
  return data;
}

async function all(store: Store, range = {}): Promise<string[]> {
  const found: string[] = [];
  for await (const [key, value] of store.entries(range)) found.push(`${key}=${text(value)}`);
  return found;
}

describe.each<[string, () => Promise<Database>]>([
  ['LevelStore', async () => (await opened(join(await folder(), 'data'))).database],
  ['MemoryStore', async () => new MemoryDatabase()],
])('%s', (_name, open) => {
  test('gives back what was put, and nothing for what was not', async () => {
    const store = (await open()).namespace('things');
    await store.put('a', utf8('1'), { sync: true });
    expect(text((await store.get('a')) as Uint8Array)).toBe('1');
    expect(await store.get('b')).toBeUndefined();
  });

  test('keeps namespaces apart', async () => {
    const database = await open();
    await database.namespace('one').put('a', utf8('1'));
    await database.namespace('two').put('a', utf8('2'));
    await database.namespace('two').put('b', utf8('3'));
    expect(await all(database.namespace('one'))).toEqual(['a=1']);
    expect(await all(database.namespace('two'))).toEqual(['a=2', 'b=3']);
  });

  test('applies a batch and iterates in key order within the range', async () => {
    const store = (await open()).namespace('things');
    await store.put('c', utf8('old'));
    await store.batch(
      [
        { type: 'put', key: 'd', value: utf8('4') },
        { type: 'put', key: 'a', value: utf8('1') },
        { type: 'del', key: 'c' },
        { type: 'put', key: 'b', value: utf8('2') },
      ],
      { sync: true },
    );
    expect(await all(store)).toEqual(['a=1', 'b=2', 'd=4']);
    expect(await all(store, { gt: 'a' })).toEqual(['b=2', 'd=4']);
    expect(await all(store, { gte: 'a', lt: 'd' })).toEqual(['a=1', 'b=2']);
    expect(await all(store, { lte: 'b', reverse: true })).toEqual(['b=2', 'a=1']);
    expect(await all(store, { reverse: true, limit: 1 })).toEqual(['d=4']);
  });

  test('orders keys by their UTF-8 bytes', async () => {
    const store = (await open()).namespace('things');
    await store.put('\u{1F600}', utf8('2'));
    await store.put('\uFF5E', utf8('1'));
    expect(await all(store)).toEqual(['\uFF5E=1', '\u{1F600}=2']);
  });

  test('del removes one key', async () => {
    const store = (await open()).namespace('things');
    await store.put('a', utf8('1'));
    await store.del('a');
    expect(await store.get('a')).toBeUndefined();
  });
});

test('a data folder is open to its owner only', async () => {
  const path = join(await folder(), 'data');
  await opened(path);
  expect((await stat(path)).mode & 0o777).toBe(0o700);
  expect((await stat(join(path, 'store'))).mode & 0o777).toBe(0o700);
});

test('a folder that was closed opens again with what was in it', async () => {
  const path = join(await folder(), 'data');
  const first = await openDataFolder(path);
  await first.database.namespace('n').put('k', utf8('v'));
  await first.close();
  const again = await opened(path);
  expect(text((await again.database.namespace('n').get('k')) as Uint8Array)).toBe('v');
});

test('a second opening in this process is refused and names the process of run.json', async () => {
  const path = join(await folder(), 'data');
  await opened(path);
  await writeFile(join(path, 'run.json'), JSON.stringify({ pid: 4711 }));
  await expect(openDataFolder(path)).rejects.toMatchObject({
    code: 'DATA_IN_USE',
    message: expect.stringContaining('pid 4711'),
  });
});

test('a damaged run.json does not hide the refusal', async () => {
  const path = join(await folder(), 'data');
  await opened(path);
  await writeFile(join(path, 'run.json'), '{"pid": "rm -rf"');
  await expect(openDataFolder(path)).rejects.toMatchObject({ code: 'DATA_IN_USE' });
});

test('a folder in a place that cannot hold one is refused', async () => {
  const path = join(await folder(), 'file');
  await writeFile(path, '');
  await expect(openDataFolder(join(path, 'data'))).rejects.toMatchObject({ code: 'DATA_UNUSABLE' });
});

test('another process is refused while one holds the folder; after its SIGKILL what it acknowledged is there', async () => {
  const path = join(await folder(), 'data');
  const index = new URL('../../../node/storage/index.ts', import.meta.url).href;
  const script = `
    import { openDataFolder } from ${JSON.stringify(index)};
    const data = await openDataFolder(${JSON.stringify(path)});
    await data.database.namespace('n').put('k', Buffer.from('v'), { sync: true });
    process.stdout.write('stored');
    setInterval(() => {}, 1000);
  `;
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  cleanups.push(async () => void child.kill('SIGKILL'));
  await once(child.stdout, 'data', { signal: AbortSignal.timeout(8_000) });
  await expect(openDataFolder(path)).rejects.toMatchObject({ code: 'DATA_IN_USE' });

  const dead = once(child, 'exit', { signal: AbortSignal.timeout(5_000) });
  child.kill('SIGKILL');
  await dead;
  const data = await opened(path);
  expect(text((await data.database.namespace('n').get('k')) as Uint8Array)).toBe('v');
});

test('the libp2p datastore keeps its keys beside the stores and survives a reopening', async () => {
  const path = join(await folder(), 'data');
  const first = await openDataFolder(path);
  await first.database.datastore('libp2p').put(new Key('/peers/x'), utf8('p'));
  await first.close();
  const again = await opened(path);
  const datastore = again.database.datastore('libp2p');
  expect(text(await datastore.get(new Key('/peers/x')))).toBe('p');
  const keys: string[] = [];
  for await (const key of datastore.queryKeys({ prefix: '/peers' })) keys.push(key.toString());
  expect(keys).toEqual(['/peers/x']);
  expect(await all(again.database.namespace('other'))).toEqual([]);
});
