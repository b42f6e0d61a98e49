import { CallContext } from '../../../node/router/call-context.ts';
import { DeadlineTimer, OnceLog } from '../../../node/router/index.ts';
import { MemoryStore, type Store } from '../../../node/storage/index.ts';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { parseExactJson } from '../../../src/kernel/index.ts';
import { type NetworkNode, RouterNetwork, agentNamed } from '../../support/router-network.ts';
import { StoreServer } from '../../support/store-server.ts';
import { until } from '../../support/until.ts';

const PLAIN = { cacheTtlMs: 0 };
let network: RouterNetwork;

beforeEach(() => {
  network = new RouterNetwork();
});
afterEach(() => network.stop());

function send(node: NetworkNode, key: unknown, { value = 'x' as unknown, agent = 'ann', id = 1 } = {}) {
  const _meta = { 'village/idempotency-key': key };
  return node.ask('tools/call', { name: 'store__plain', arguments: { value }, _meta }, agentNamed(agent), { id });
}

const deadlines = new DeadlineTimer();

/** What a peer that looks at nothing itself brings in ann's name, with a delegation that holds. */
async function brings(node: NetworkNode, key: string): Promise<void> {
  const { signal } = new AbortController();
  const origin = { principal: agentNamed('ann'), era: 'session', signal } as const;
  const context = new CallContext(origin, new Uint8Array(16), { deadlineAt: performance.now() + 5_000, deadlines });
  const params = { name: 'plain', arguments: {}, _meta: { 'village/idempotency-key': key } };
  const request = { jsonrpc: '2.0', id: 1, method: 'tools/call', params } as const;
  const asked = { peer: 'liar', server: 'store', target: 'plain', request, argumentsHash: '', context };
  expect((await node.router.serve(asked)).outcome).toBe('ok');
}

describe('a call with a key', () => {
  test('runs once however often it is sent, and is answered each time', async () => {
    const store = new StoreServer('store', PLAIN);
    const node = network.add('here', [store]);
    const first = await send(node, 'k', { id: 1 });
    const second = await send(node, 'k', { id: 2 });
    expect(store.ran).toHaveLength(1);
    expect(second).toEqual({ ...first, id: 2 });
    expect(node.audited.map(({ reason }) => reason)).toEqual(['', 'once: told again']);
  });

  test('runs once when it is sent again before it ended', async () => {
    const store = new StoreServer('store', PLAIN);
    const node = network.add('here', [store]);
    const held = Promise.withResolvers<void>();
    store.held = held.promise;
    const both = [send(node, 'k'), send(node, 'k')];
    await until(() => store.ran.length > 0);
    held.resolve();
    expect((await Promise.all(both)).map(({ result }) => result.content[0].text)).toEqual([
      'first for ann',
      'first for ann',
    ]);
    expect(store.ran).toHaveLength(1);
  });

  test('is its agent’s own: another agent’s, another key and another call are others', async () => {
    const store = new StoreServer('store', PLAIN);
    const node = network.add('here', [store]);
    await send(node, 'k');
    await send(node, 'k', { agent: 'bob' });
    await send(node, 'l');
    expect(store.ran).toHaveLength(3);
    const other = await send(node, 'k', { value: 'y' });
    expect(other.error.data.code).toBe('INVALID_PARAMS');
    expect(store.ran).toHaveLength(3);
  });

  test('is another call where a number differs that no double holds', async () => {
    const store = new StoreServer('store', PLAIN);
    const node = network.add('here', [store]);
    const [one, other] = ['12345678901234567890', '12345678901234567891'].map((text) => parseExactJson(text));
    await send(node, 'k', { value: one });
    expect((await send(node, 'k', { value: other })).error?.data.code).toBe('INVALID_PARAMS');
    expect((await send(node, 'k', { value: one })).result).toBeDefined();
    expect(store.ran).toHaveLength(1);
  });

  test.each([[''], [7], ['k'.repeat(129)], [null]])('that is no key (%j) is refused', async (key) => {
    const store = new StoreServer('store', PLAIN);
    const node = network.add('here', [store]);
    expect((await send(node, key)).error.data.code).toBe('INVALID_PARAMS');
    expect(store.ran).toEqual([]);
  });

  test('whose end is unknown does not run again', async () => {
    const store = new StoreServer('store', PLAIN);
    const node = network.add('here', [store]);
    store.fails = 'unknown';
    await send(node, 'k');
    store.fails = undefined;
    expect((await send(node, 'k')).error.data.code).toBe('OUTCOME_UNKNOWN');
    expect(store.ran).toHaveLength(1);
  });

  test('is known where it is served, by whichever node it comes', async () => {
    const store = new StoreServer('store', PLAIN);
    const there = network.add('there', [store]);
    const [one, other] = [network.add('one'), network.add('other')];
    await send(one, 'k');
    expect((await send(other, 'k')).result.content[0].text).toBe('first for ann');
    expect(store.ran).toHaveLength(1);
    expect(there.audited.map(({ peer }) => peer)).toEqual(['one', 'other']);
  });

  test('is forgotten for no number of calls that another peer brings in its agent’s name', async () => {
    const store = new StoreServer('store', PLAIN);
    const there = network.add('there', [store]);
    const honest = network.add('honest');
    await send(honest, 'k');
    for (let nth = 0; nth < 1_100; nth += 1) await brings(there, `liar's ${nth}`);
    network.disconnect('honest');
    const other = network.add('other');
    expect((await send(other, 'k')).result.content[0].text).toBe('first for ann');
    expect(store.ran).toHaveLength(1_101);
  });

  test('that was lost on the way is asked of the node that may have run it, and never of its replica', async () => {
    const [there, beside] = [new StoreServer('store', PLAIN), new StoreServer('store', PLAIN)];
    network.add('there', [there]);
    network.add('beside', [beside]);
    const here = network.add('here');
    const held = Promise.withResolvers<void>();
    there.held = held.promise;
    beside.held = held.promise;
    const lost = send(here, 'k');
    await until(() => there.ran.length + beside.ran.length === 1);
    const ran = there.ran.length === 1 ? 'there' : 'beside';
    const reconnect = network.disconnect(ran);
    expect((await lost).error.data.code).toBe('OUTCOME_UNKNOWN');
    held.resolve();
    expect((await send(here, 'k')).error.data.code).toBe('OUTCOME_UNKNOWN');
    reconnect();
    expect((await send(here, 'k')).error.data.code).toBe('OUTCOME_UNKNOWN');
    expect(there.ran.length + beside.ran.length).toBe(1);
  });

  test('is not forgotten while it is under way, whatever else its agent sends; the one too many is told so', async () => {
    const store = new StoreServer('store', PLAIN);
    const node = network.add('here', [store], { limits: { maxInFlightPerAgent: 2_000 } });
    const held = Promise.withResolvers<void>();
    store.held = held.promise;
    const first = send(node, 'k');
    const others = Array.from({ length: 1_023 }, (_, n) => send(node, `other ${n}`));
    await until(() => store.ran.length === 1_024);
    expect((await send(node, 'one more')).error.data).toMatchObject({ code: 'RATE_LIMITED', retryable: true });
    const second = send(node, 'k', { id: 2 });
    held.resolve();
    expect(await second).toEqual({ ...(await first), id: 2 });
    await Promise.all(others);
    expect(store.ran).toHaveLength(1_024);
    expect((await send(node, 'one more')).result).toBeDefined();
  });

  test('whose work breaks is known as of unknown end, and holds no place for ever', async () => {
    const store = new StoreServer('store', PLAIN);
    const node = network.add('here', [store]);
    const request = store.request.bind(store);
    store.request = () => Promise.reject(new Error('broken'));
    expect((await send(node, 'k')).error.data.code).toBe('INTERNAL_ERROR');
    store.request = request;
    expect((await send(node, 'k')).error.data.code).toBe('OUTCOME_UNKNOWN');
    for (let nth = 0; nth < 1_024; nth += 1) await send(node, `other ${nth}`);
    expect((await send(node, 'k')).result).toBeDefined();
  });

  test('that never began runs when it comes again', async () => {
    const store = new StoreServer('store', PLAIN);
    network.add('there', [store]);
    const here = network.add('here');
    const reconnect = network.disconnect('there');
    expect((await send(here, 'k')).error.data.code).toBe('NODE_UNREACHABLE');
    reconnect();
    expect((await send(here, 'k')).result.content[0].text).toBe('first for ann');
  });
});

describe('a call with a key, when the node starts again', () => {
  const START = 1_800_000_000_000;
  const logOn = (store: Store, wallMs = START) =>
    OnceLog.open(store, { wallMs: () => wallMs, reporter: { report: () => undefined } });

  test('is told again as it was, and does not run', async () => {
    const [disk, store] = [new MemoryStore(), new StoreServer('store', PLAIN)];
    const before = network.add('before', [store], { once: await logOn(disk) });
    const first = await send(before, 'k', { id: 1 });
    const after = network.add('after', [store], { once: await logOn(disk, START + 599_000) });
    expect(await send(after, 'k', { id: 'two' as never })).toEqual({ ...first, id: 'two' });
    expect((await send(after, 'k', { value: 'y' })).error.data.code).toBe('INVALID_PARAMS');
    expect(store.ran).toHaveLength(1);
  });

  test('is of unknown end when it was under way', async () => {
    const [disk, store] = [new MemoryStore(), new StoreServer('store', PLAIN)];
    const before = network.add('before', [store], { once: await logOn(disk) });
    const held = Promise.withResolvers<void>();
    store.held = held.promise;
    const first = send(before, 'k');
    await until(() => store.ran.length === 1);
    const after = network.add('after', [store], { once: await logOn(disk) });
    const second = await send(after, 'k', { id: 2 });
    expect(second).toMatchObject({ id: 2, error: { data: { code: 'OUTCOME_UNKNOWN' } } });
    held.resolve();
    await first;
    expect(store.ran).toHaveLength(1);
  });

  test('runs when it never began, and nothing of it is left on disk', async () => {
    const [disk, store] = [new MemoryStore(), new StoreServer('store', PLAIN)];
    network.add('there', [store]);
    const log = await logOn(disk);
    const before = network.add('before', [], { once: log });
    network.disconnect('there');
    expect((await send(before, 'k')).error.data.code).toBe('NODE_UNREACHABLE');
    await log.close();
    expect((await logOn(disk)).takeKept()).toEqual([]);
  });

  test('runs when its ten minutes are over, and the old answer is forgotten on disk too', async () => {
    const [disk, store] = [new MemoryStore(), new StoreServer('store', PLAIN)];
    const before = network.add('before', [store], { once: await logOn(disk) });
    await send(before, 'k');
    await send(before, 'l');
    const late = await logOn(disk, START + 600_001);
    const after = network.add('after', [store], { once: late });
    await send(after, 'k');
    expect(store.ran).toHaveLength(3);
    await late.close();
    expect((await logOn(disk)).takeKept()).toMatchObject([{ key: 'k', atMs: START + 600_001 }]);
  });

  test('asks the node that may have run it, and no other', async () => {
    const [there, beside] = [new StoreServer('store', PLAIN), new StoreServer('store', PLAIN)];
    network.add('there', [there]);
    network.add('beside', [beside]);
    const disk = new MemoryStore();
    const before = network.add('before', [], { once: await logOn(disk) });
    const held = Promise.withResolvers<void>();
    there.held = held.promise;
    beside.held = held.promise;
    const lost = send(before, 'k');
    await until(() => there.ran.length + beside.ran.length === 1);
    const reconnect = network.disconnect(there.ran.length === 1 ? 'there' : 'beside');
    expect((await lost).error.data.code).toBe('OUTCOME_UNKNOWN');
    held.resolve();
    reconnect();
    const after = network.add('after', [], { once: await logOn(disk) });
    for (let times = 0; times < 4; times += 1) expect((await send(after, 'k')).error.data.code).toBe('OUTCOME_UNKNOWN');
    expect(there.ran.length + beside.ran.length).toBe(1);
  });

  test('is still asked of no other node when the disk refused it in between', async () => {
    const [there, beside] = [new StoreServer('store', PLAIN), new StoreServer('store', PLAIN)];
    network.add('there', [there]);
    network.add('beside', [beside]);
    const disk = new MemoryStore();
    const batch = disk.batch.bind(disk);
    const here = network.add('here', [], { once: await logOn(disk) });
    const held = Promise.withResolvers<void>();
    there.held = held.promise;
    beside.held = held.promise;
    const lost = send(here, 'k');
    await until(() => there.ran.length + beside.ran.length === 1);
    network.disconnect(there.ran.length === 1 ? 'there' : 'beside');
    expect((await lost).error.data.code).toBe('OUTCOME_UNKNOWN');
    held.resolve();
    disk.batch = () => Promise.reject(new Error('full'));
    expect((await send(here, 'k')).error.data.code).toBe('OUTCOME_UNKNOWN');
    disk.batch = batch;
    expect((await send(here, 'k')).error.data.code).toBe('OUTCOME_UNKNOWN');
    expect(there.ran.length + beside.ran.length).toBe(1);
  });

  test('holds no place for ever when the disk refused it in between', async () => {
    const [there, beside] = [new StoreServer('store', PLAIN), new StoreServer('store', PLAIN)];
    const disk = new MemoryStore();
    const batch = disk.batch.bind(disk);
    network.add('there', [there]);
    const here = network.add('here', [], { once: await logOn(disk) });
    const held = Promise.withResolvers<void>();
    there.held = held.promise;
    const lost = send(here, 'k');
    await until(() => there.ran.length === 1);
    network.disconnect('there');
    expect((await lost).error.data.code).toBe('OUTCOME_UNKNOWN');
    held.resolve();
    disk.batch = () => Promise.reject(new Error('full'));
    expect((await send(here, 'k')).error.data.code).toBe('OUTCOME_UNKNOWN');
    disk.batch = batch;
    network.add('beside', [beside]);
    for (let nth = 0; nth < 1_024; nth += 1) await send(here, `other ${nth}`);
    expect(beside.ran).toHaveLength(1_024);
    expect((await send(here, 'k')).result).toBeDefined();
  });

  test('does not begin when the disk does not take its key', async () => {
    const store = new StoreServer('store', PLAIN);
    const full = new MemoryStore();
    full.batch = () => Promise.reject(new Error('full'));
    const node = network.add('here', [store], { once: await logOn(full) });
    expect((await send(node, 'k')).error.data).toMatchObject({ code: 'NO_HEALTHY_SERVER', retryable: true });
    expect(store.ran).toEqual([]);
  });

  test('is on disk before it begins, and its answer before it is given', async () => {
    const store = new StoreServer('store', PLAIN);
    const disk = new MemoryStore();
    const batch = disk.batch.bind(disk);
    const waiting: (() => void)[] = [];
    disk.batch = (changes) => new Promise((resolve) => waiting.push(() => void batch(changes).then(resolve)));
    const node = network.add('here', [store], { once: await logOn(disk) });
    let answered = false;
    const call = send(node, 'k').finally(() => {
      answered = true;
    });
    await until(() => waiting.length === 1);
    expect(store.ran).toEqual([]);
    waiting.shift()?.();
    await until(() => waiting.length === 1);
    expect([store.ran.length, answered]).toEqual([1, false]);
    waiting.shift()?.();
    expect((await call).result.content[0].text).toBe('first for ann');
  });
});
