import { expect, test } from 'vitest';
import { type KnownServer, KnownServers } from '../../../node/router/known-servers.ts';
import { MemoryStore } from '../../../node/storage/index.ts';
import type { EventName } from '../../../node/telemetry/events.ts';
import { until } from '../../support/until.ts';
import { NODE_B } from '../routing/offers.ts';

const liar: KnownServer = { label: 'liar', alias: 'liar', nodeId: NODE_B, level: 'OPERATOR' };

function noting() {
  const reported: EventName[] = [];
  return { reported, reporter: { report: (name: EventName) => void reported.push(name) } };
}

/** Counts what is written, and refuses it while it is to. */
class CountingStore extends MemoryStore {
  writes = 0;
  refuses = false;
  override async put(key: string, value: Uint8Array): Promise<void> {
    this.writes += 1;
    if (this.refuses) throw new Error('the disk refused it');
    await super.put(key, value);
  }
}

test('what is saved is there in the next run', async () => {
  const store = new MemoryStore();
  const { reporter, reported } = noting();
  const first = await KnownServers.open(store, { reporter });
  expect(first.kept).toEqual([]);
  const lost = { ...liar, label: 'liar-BBBB', lostMs: 5 };
  first.save([liar]);
  first.save([liar, lost]);
  await first.close();
  expect((await KnownServers.open(store, { reporter })).kept).toEqual([liar, lost]);
  expect(reported).toEqual([]);
});

test('what is saved as it was is not written, and a burst is written once more than it began', async () => {
  const store = new CountingStore();
  const known = await KnownServers.open(store, noting());
  known.save([]);
  expect(store.writes).toBe(0);
  for (let round = 0; round < 100; round += 1) known.save([{ ...liar, lostMs: round }]);
  await known.close();
  expect(store.writes).toBe(2);
  expect((await KnownServers.open(store, noting())).kept).toEqual([{ ...liar, lostMs: 99 }]);
});

test('a disk that refuses it is reported, and gets it with the next reading of the village', async () => {
  const store = new CountingStore();
  const { reporter, reported } = noting();
  const known = await KnownServers.open(store, { reporter });
  store.refuses = true;
  known.save([liar]);
  await until(() => reported.length === 1);
  expect(reported).toEqual(['background.failed']);
  store.refuses = false;
  known.save([liar]);
  await known.close();
  expect((await KnownServers.open(store, { reporter })).kept).toEqual([liar]);
});

test('of more servers than there is room for, 512 are kept', async () => {
  const store = new MemoryStore();
  const known = await KnownServers.open(store, noting());
  known.save(Array.from({ length: 600 }, (_, index) => ({ ...liar, label: `s${index}` })));
  await known.close();
  expect((await KnownServers.open(store, noting())).kept).toHaveLength(512);
});

test.each([
  ['no JSON', '{"v":1,'],
  ['bytes', '\u0000\uFFFD'],
  ['a list', '[]'],
  ['another version', '{"v":2,"servers":[]}'],
  ['a member too many', '{"v":1,"servers":[],"more":1}'],
  ['a level that is none', JSON.stringify({ v: 1, servers: [{ ...liar, level: 'ROOT' }] })],
  ['a time that is none', JSON.stringify({ v: 1, servers: [{ ...liar, lostMs: -1 }] })],
  ['a name that is none', JSON.stringify({ v: 1, servers: [{ ...liar, label: '' }] })],
  ['too many', JSON.stringify({ v: 1, servers: Array.from({ length: 513 }, () => liar) })],
])('%s on disk is reported and set aside, and the node knows nothing', async (_, text) => {
  const store = new MemoryStore();
  await store.put('known', Buffer.from(text));
  const { reporter, reported } = noting();
  const known = await KnownServers.open(store, { reporter });
  expect(known.kept).toEqual([]);
  expect(reported).toEqual(['background.failed']);
  expect(Buffer.from((await store.get('known-unread')) ?? []).toString()).toBe(text);
  expect(await store.get('known')).toBeUndefined();
  known.save([liar]);
  await known.close();
  expect((await KnownServers.open(store, noting())).kept).toEqual([liar]);
});
