import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Key } from 'interface-datastore';
import { afterEach, expect, test } from 'vitest';
import { HeldBack, type Values } from '../../../node/storage/held-back.ts';
import { openDataFolder } from '../../../node/storage/index.ts';
import { text, utf8 } from '../../../src/kernel/index.ts';

const cleanups: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

/** Values held back from a store that notes what is written to it, with a clock that is moved by hand. */
function held(options: { readonly refuses?: () => boolean; readonly slow?: () => Promise<void> | undefined } = {}) {
  const stored = new Map<string, Uint8Array>();
  const written: string[] = [];
  const clock = { now: 0 };
  const put = (key: string, value: Uint8Array) => {
    if (options.refuses?.() === true) throw new Error('the disk is full');
    written.push(`${key}=${text(value)}`);
    stored.set(key, value);
  };
  const store: Values = {
    get: async (key) => stored.get(key),
    put: async (key, value) => put(key, value),
    del: async (key) => void stored.delete(key),
    batch: async (changes) => {
      await options.slow?.();
      for (const change of changes) {
        if (change.type === 'put') put(change.key, change.value);
        else stored.delete(change.key);
      }
    },
    async *iterator() {
      for (const [key, value] of stored) yield [Buffer.from(key), value];
    },
  };
  const values = new HeldBack(store, { now: () => clock.now });
  cleanups.push(() => values.close().catch(() => undefined));
  return { values, written, clock };
}

async function shown(values: HeldBack): Promise<string[]> {
  const found: string[] = [];
  for await (const [key, value] of values.iterator({})) found.push(`${String(key)}=${text(value)}`);
  return found;
}

test('a value that changes often is written once in 30 s, and read as it is', async () => {
  const { values, written, clock } = held();
  for (const word of ['a', 'b', 'c']) await values.put('peer', utf8(word));
  expect(written).toEqual(['peer=a']);
  expect(text((await values.get('peer')) as Uint8Array)).toBe('c');
  expect(await shown(values)).toEqual(['peer=c']);
  clock.now += 30_000;
  await values.put('peer', utf8('d'));
  expect(written).toEqual(['peer=a', 'peer=d']);
});

test('what is held is written at the end, and not twice', async () => {
  const { values, written } = held();
  await values.put('peer', utf8('a'));
  await values.put('peer', utf8('b'));
  await values.flush();
  await values.close();
  expect(written).toEqual(['peer=a', 'peer=b']);
});

test('what was deleted stays so', async () => {
  const { values, written } = held();
  await values.put('peer', utf8('a'));
  await values.put('peer', utf8('b'));
  await values.del('peer');
  expect(await values.get('peer')).toBeUndefined();
  await values.close();
  expect(written).toEqual(['peer=a']);
  await values.put('peer', utf8('c'));
  await values.put('peer', utf8('d'));
  await values.batch([{ type: 'del', key: 'peer' }]);
  expect([await values.get('peer'), await shown(values)]).toEqual([undefined, []]);
});

test('what is deleted or written while the held is being written is as it was said last', async () => {
  const slow = Promise.withResolvers<void>();
  const { values, clock } = held({ slow: () => slow.promise });
  for (const key of ['gone', 'batched', 'anew', 'later']) {
    await values.put(key, utf8('a'));
    await values.put(key, utf8('b'));
  }
  clock.now += 30_000;
  const flushed = values.flush();
  const meanwhile = [values.del('gone'), values.put('anew', utf8('c')), values.put('later', utf8('c'))];
  const batched = values.batch([{ type: 'del', key: 'batched' }]);
  slow.resolve();
  await Promise.all([flushed, ...meanwhile, batched]);
  await values.put('later', utf8('d'));
  expect((await shown(values)).sort()).toEqual(['anew=c', 'later=d']);
  await values.put('gone', utf8('e'));
  expect(await shown(values)).toContain('gone=e');
});

test('what could not be written is held on to', async () => {
  let isFull = false;
  const { values } = held({ refuses: () => isFull });
  await values.put('peer', utf8('a'));
  await values.put('peer', utf8('b'));
  isFull = true;
  await expect(values.flush()).rejects.toThrow('the disk is full');
  expect(text((await values.get('peer')) as Uint8Array)).toBe('b');
  isFull = false;
  await values.flush();
  expect(await shown(values)).toEqual(['peer=b']);
});

test('peers noted again and again are all there, as they were last, after a node was ended and begun', async () => {
  const path = await mkdtemp(join(tmpdir(), 'village-held-'));
  cleanups.push(() => rm(path, { recursive: true, force: true }));
  const first = await openDataFolder(path);
  const before = first.database.datastore('libp2p');
  for (const word of ['a', 'b', 'c']) {
    for (const peer of ['x', 'y']) await before.put(new Key(`/peers/${peer}`), utf8(peer + word));
  }
  const seen: string[] = [];
  for await (const { key, value } of before.query({ prefix: '/peers' })) seen.push(`${key.toString()} ${text(value)}`);
  expect(seen).toEqual(['/peers/x xc', '/peers/y yc']);
  await first.close();
  const again = await openDataFolder(path);
  cleanups.push(() => again.close());
  expect(text(await again.database.datastore('libp2p').get(new Key('/peers/y')))).toBe('yc');
});
