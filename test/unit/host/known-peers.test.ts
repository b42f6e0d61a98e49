import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { KnownPeers } from '../../../node/host/known-peers.ts';
import { MemoryStore } from '../../../node/storage/index.ts';
import { utf8 } from '../../../src/kernel/index.ts';

const DAY = 24 * 3_600_000;
let store: MemoryStore;
let connected: Set<string>;
let dials: string[];
let known: KnownPeers;

beforeEach(() => {
  vi.useFakeTimers({ now: 100 * DAY });
  store = new MemoryStore();
  connected = new Set();
  dials = [];
  known = make();
});
afterEach(() => {
  known.stop();
  vi.useRealTimers();
});

function make(keepConnected = 16, answer = () => Promise.reject<void>(new Error('nobody there'))): KnownPeers {
  return new KnownPeers({
    store,
    now: () => Date.now(),
    random: () => 0.5,
    backoffMs: { first: 1_000, longest: 8_000 },
    keepConnected,
    isConnected: (nodeId) => connected.has(nodeId),
    connectedCount: () => connected.size,
    dial: async (nodeId, addresses, { lookUp }) => {
      dials.push(`${nodeId} ${lookUp ? 'by the DHT' : addresses.join()}`);
      await answer();
    },
  });
}

test('an absent peer is dialled ever less often, for ever, and now and then looked up', async () => {
  await known.seen('p', ['/a']);
  known.start();
  const perMinute: number[] = [];
  for (let minute = 0; minute < 3; minute += 1) {
    dials = [];
    await vi.advanceTimersByTimeAsync(60_000);
    perMinute.push(dials.length);
  }
  expect(perMinute[0]).toBeGreaterThan(perMinute[1] as number);
  // At the longest wait, 8 s, two minutes hold 15 dials.
  expect((perMinute[1] as number) + (perMinute[2] as number)).toBe(15);
  expect(dials.filter((dial) => dial === 'p by the DHT')).toHaveLength(2);
  expect(dials).toContain('p /a');
});

test('a connected peer is left alone, and dialled soon when it is lost', async () => {
  await known.seen('p', ['/a']);
  connected.add('p');
  known.start();
  await vi.advanceTimersByTimeAsync(60_000);
  expect(dials).toEqual([]);
  connected.delete('p');
  known.lost('p');
  await vi.advanceTimersByTimeAsync(1_500);
  expect(dials).toEqual(['p /a']);
});

test('nobody is dialled while enough are connected', async () => {
  known = make(1);
  await known.seen('p', ['/a']);
  connected.add('q');
  known.start();
  await vi.advanceTimersByTimeAsync(120_000);
  expect(dials).toEqual([]);
});

test('what was seen is known again after a restart, with its newest addresses first and no more than eight', async () => {
  await known.seen('p', ['/1', '/2', '/3', '/4', '/5']);
  await known.seen('p', ['/6', '/7', '/8', '/9']);
  const again = make();
  await again.load();
  expect(again.addressesOf('p')).toEqual(['/6', '/7', '/8', '/9', '/1', '/2', '/3', '/4']);
});

test('who was not seen for two months, and what cannot be read, is forgotten', async () => {
  await known.seen('old', ['/a']);
  await store.put('damaged', utf8('{"addresses":7}'));
  vi.setSystemTime(161 * DAY);
  await known.seen('new', ['/b']);
  const again = make();
  await again.load();
  expect(['old', 'damaged', 'new'].map((nodeId) => again.has(nodeId))).toEqual([false, false, true]);
  expect(await store.get('old')).toBeUndefined();
  expect(await store.get('damaged')).toBeUndefined();
});

test('a suggestion is dialled and not written down', async () => {
  known.suggest('s', ['/s']);
  known.start();
  await vi.advanceTimersByTimeAsync(10);
  expect(dials).toEqual(['s /s']);
  expect(await store.get('s')).toBeUndefined();
});

test('a peer that says all the time where it is costs 8 writes and one with each flush, and the last word is kept', async () => {
  class CountingStore extends MemoryStore {
    writes = 0;
    override async put(key: string, value: Uint8Array): Promise<void> {
      this.writes += 1;
      await super.put(key, value);
    }
  }
  const counting = new CountingStore();
  store = counting;
  known = make();
  for (let turn = 0; turn < 500; turn += 1) await known.seen('p', [`/a/${turn}`]);
  expect(counting.writes).toBe(8);
  await known.flush();
  await known.flush();
  expect(counting.writes).toBe(9);
  known = make();
  await known.load();
  expect(known.addressesOf('p')[0]).toBe('/a/499');
});

test('a peer that comes by itself while it is dialled is dialled again when it is lost', async () => {
  const waiting: PromiseWithResolvers<void>[] = [];
  known = make(16, () => {
    const dial = Promise.withResolvers<void>();
    waiting.push(dial);
    return dial.promise;
  });
  await known.seen('p', ['/old']);
  known.start();
  await vi.advanceTimersByTimeAsync(1_500);
  expect(dials).toEqual(['p /old']);
  connected.add('p');
  await known.seen('p', ['/new']);
  waiting[0]?.reject(new Error('nobody there'));
  await vi.advanceTimersByTimeAsync(60_000);
  connected.delete('p');
  known.lost('p');
  await vi.advanceTimersByTimeAsync(1_500);
  expect(dials).toEqual(['p /old', 'p /new,/old']);
});

test('an address that the disk did not take goes there with the next flush', async () => {
  class FailingStore extends MemoryStore {
    fails = true;
    override async put(key: string, value: Uint8Array): Promise<void> {
      if (this.fails) throw new Error('no space');
      await super.put(key, value);
    }
  }
  const failing = new FailingStore();
  store = failing;
  known = make();
  await expect(known.seen('p', ['/a'])).rejects.toThrow();
  await expect(known.flush()).rejects.toThrow();
  failing.fails = false;
  await known.flush();
  expect(await failing.get('p')).toBeDefined();
});
