import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { parseExactJson } from '../../../src/kernel/index.ts';
import { agentNamed, type NetworkNode, RouterNetwork } from '../../support/router-network.ts';
import { StoreServer } from '../../support/store-server.ts';
import { until } from '../../support/until.ts';

let network: RouterNetwork;
let here: NetworkNode;

beforeEach(() => {
  network = new RouterNetwork();
});
afterEach(() => network.stop());

const get = (
  node: NetworkNode,
  more: Parameters<NetworkNode['ask']>[3] = {},
  agent = agentNamed('ann'),
  args: object = {},
) =>
  node
    .ask('tools/call', { name: 'store__get', arguments: args }, agent, more)
    .then((body) => body.result?.content[0].text as string | undefined);
const set = (node: NetworkNode, value: string) => node.ask('tools/call', { name: 'store__set', arguments: { value } });
const reasons = (node: NetworkNode) => node.audited.map(({ reason }) => reason);

function hostedHere(store: StoreServer): StoreServer {
  here = network.add('here', [store]);
  return store;
}

describe('a result that may be reused', () => {
  test('is given out again, under the id of who asks, and the record says so', async () => {
    const store = hostedHere(new StoreServer('store'));
    expect(await get(here)).toBe('first for ann');
    const again = await here.ask('tools/call', { name: 'store__get', arguments: {} }, agentNamed('ann'), { id: 99 });
    expect(again).toEqual({ jsonrpc: '2.0', id: 99, result: { content: [{ type: 'text', text: 'first for ann' }] } });
    expect(store.ran).toEqual(['get']);
    expect(reasons(here)).toEqual(['', 'cache: hit']);
    expect(here.router.cache).toMatchObject({ hits: 1, coalesced: 0, misses: 1, entries: 1 });
    expect(here.router.cache.bytes).toBeGreaterThan(0);
  });

  test('is told apart by arguments, spelled in any order, and not by who watches its progress', async () => {
    const store = hostedHere(new StoreServer('store'));
    const ask = (args: object, _meta: object) => here.ask('tools/call', { name: 'store__get', arguments: args, _meta });
    await ask({ a: 1, b: 2 }, { progressToken: 1 });
    await ask({ b: 2, a: 1 }, { progressToken: 2 });
    expect(store.ran).toHaveLength(1);
    await ask({ a: 1 }, {});
    await ask({ a: 1 }, { 'example.com/mood': 'good' });
    expect(store.ran).toHaveLength(3);
  });

  test('is not that of another number, where a double holds neither', async () => {
    const store = hostedHere(new StoreServer('store'));
    for (const id of ['12345678901234567890', '12345678901234567891', '12345678901234567890']) {
      await get(here, {}, agentNamed('ann'), parseExactJson(`{"id":${id}}`) as object);
    }
    await get(here, {}, agentNamed('ann'), { id: { rawJSON: '12345678901234567890' } });
    expect(store.ran).toHaveLength(3);
  });

  test.each([
    ['another agent', agentNamed('bob')],
    ['the same agent at another level', agentNamed('ann', 'aa', 'GOVERNANCE')],
    ['the same agent with a narrowed token', { ...agentNamed('ann'), permissions: ['store__*'] }],
  ])('is not given to %s', async (_who, other) => {
    const store = hostedHere(new StoreServer('store'));
    await get(here);
    expect(await get(here, {}, other)).toBe(`first for ${other.agentId}`);
    expect(store.ran).toHaveLength(2);
  });

  test('is not one of a server of which nobody promised anything', async () => {
    const store = hostedHere(new StoreServer('store', { cacheTtlMs: 0 }));
    await get(here);
    await get(here);
    expect(store.ran).toHaveLength(2);
  });

  test('that failed is asked for again', async () => {
    const store = hostedHere(new StoreServer('store'));
    store.fails = 'failed';
    expect(await get(here)).toBeUndefined();
    store.fails = undefined;
    expect(await get(here)).toBe('first for ann');
  });

  test('is not one of a tool that says that it writes, or that is promised nothing by name', async () => {
    const store = hostedHere(new StoreServer('store', { toolCacheTtlMs: { plain: 0 } }));
    await set(here, 'a');
    await set(here, 'a');
    await here.ask('tools/call', { name: 'store__plain', arguments: {} });
    await here.ask('tools/call', { name: 'store__plain', arguments: {} });
    expect(store.ran).toEqual(['set', 'set', 'plain', 'plain']);
  });

  test('may be a prompt, by its arguments, until something is written', async () => {
    const store = hostedHere(new StoreServer('store'));
    const prompt = async (about: string, who = 'ann') => {
      const params = { name: 'store__ask', arguments: { about } };
      const { result } = await here.ask('prompts/get', params, agentNamed(who));
      return result.messages[0].content.text as string;
    };
    expect([await prompt('a'), await prompt('a')]).toEqual(Array(2).fill('first for ann {"about":"a"}'));
    expect(await prompt('b')).toBe('first for ann {"about":"b"}');
    expect(await prompt('a', 'bob')).toBe('first for bob {"about":"a"}');
    expect(store.ran).toHaveLength(3);
    await set(here, 'second');
    expect(await prompt('a')).toBe('second for ann {"about":"a"}');
  });

  test('is no prompt of a server of which nobody promised anything', async () => {
    const store = hostedHere(new StoreServer('store', { cacheTtlMs: 0 }));
    for (let times = 0; times < 2; times += 1)
      await here.ask('prompts/get', { name: 'store__ask', arguments: {} }, agentNamed('ann'));
    expect(store.ran).toHaveLength(2);
  });

  test('of a resource is as good as the result says, for everybody where it says so', async () => {
    const store = hostedHere(new StoreServer('store', { cacheTtlMs: 0 }));
    const read = (who: string) =>
      here.ask('resources/read', { uri: 'store://store' }, agentNamed(who), { era: 'stateless' });
    await read('ann');
    await read('ann');
    expect(store.ran).toHaveLength(2);
    store.says = { ttlMs: 60_000, cacheScope: 'private' };
    await read('ann');
    await read('ann');
    expect((await read('bob')).result.contents[0].text).toBe('first for bob');
    expect(store.ran).toHaveLength(4);
    await set(here, 'second');
    store.says = { ttlMs: 60_000, cacheScope: 'public' };
    await read('ann');
    expect((await read('bob')).result.contents[0].text).toBe('second for ann');
  });

  test('is not everybody’s where each agent has an instance of its own', async () => {
    const store = hostedHere(new StoreServer('store', { perAgent: true }));
    store.says = { ttlMs: 60_000, cacheScope: 'public' };
    const read = (who: string) =>
      here.ask('resources/read', { uri: 'store://store' }, agentNamed(who), { era: 'stateless' });
    await read('ann');
    expect((await read('bob')).result.contents[0].text).toBe('first for bob');
  });
});

describe('a write', () => {
  test('makes the next read look', async () => {
    const store = hostedHere(new StoreServer('store'));
    await get(here);
    await set(here, 'second');
    expect(await get(here)).toBe('second for ann');
    expect(store.ran).toEqual(['get', 'set', 'get']);
  });

  test('during a read leaves nothing of before it behind', async () => {
    const store = hostedHere(new StoreServer('store'));
    const held = Promise.withResolvers<void>();
    store.held = held.promise;
    const reading = get(here);
    await until(() => store.ran.length === 1, { timeoutMs: 1_000, what: 'the read to have looked' });
    await set(here, 'second');
    store.held = undefined;
    // A read that begins now does not wait for the one that looked before.
    expect(await get(here)).toBe('second for ann');
    held.resolve();
    expect(await reading).toBe('first for ann');
    expect(await get(here)).toBe('second for ann');
  });

  test('of unknown end keeps results from being kept for a while', async () => {
    const store = hostedHere(new StoreServer('store'));
    store.fails = 'unknown';
    await set(here, 'second');
    store.fails = undefined;
    await get(here);
    await get(here);
    expect(store.ran).toEqual(['set', 'get', 'get']);
  });

  test('may be what a tool does that says nothing of itself: other tools are asked again', async () => {
    const store = hostedHere(new StoreServer('store'));
    const plain = () => here.ask('tools/call', { name: 'store__plain', arguments: {} });
    await get(here);
    await plain();
    await plain();
    await get(here);
    await plain();
    expect(store.ran).toEqual(['get', 'plain', 'get']);
  });
});

describe('equal calls at the same time', () => {
  const heldStore = () => {
    const store = hostedHere(new StoreServer('store'));
    const held = Promise.withResolvers<void>();
    store.held = held.promise;
    return { store, release: held.resolve };
  };

  test('are one, each answered under its own id', async () => {
    const { store, release } = heldStore();
    const ask = (id: number) =>
      here.ask('tools/call', { name: 'store__get', arguments: {} }, agentNamed('ann'), { id });
    const asked = [1, 2, 3].map(ask);
    await until(() => store.ran.length > 0, { timeoutMs: 1_000, what: 'the read to begin' });
    release();
    expect((await Promise.all(asked)).map(({ id }) => id)).toEqual([1, 2, 3]);
    expect(store.ran).toHaveLength(1);
    expect(reasons(here).sort()).toEqual(['', 'cache: coalesced', 'cache: coalesced']);
    expect(here.router.cache).toMatchObject({ hits: 0, coalesced: 2, misses: 1, entries: 1 });
  });

  test('of two agents are two', async () => {
    const { store, release } = heldStore();
    const asked = [get(here), get(here, {}, agentNamed('bob'))];
    release();
    expect(await Promise.all(asked)).toEqual(['first for ann', 'first for bob']);
    expect(store.ran).toHaveLength(2);
  });

  test('go on when the one that asks is given up', async () => {
    const { store, release } = heldStore();
    const leader = new AbortController();
    const first = get(here, { signal: leader.signal });
    const others = [get(here), get(here)];
    await until(() => store.ran.length === 1, { timeoutMs: 1_000, what: 'the read to begin' });
    leader.abort();
    expect(await first).toBeUndefined();
    await until(() => store.ran.length === 2, { timeoutMs: 1_000, what: 'another to ask' });
    release();
    expect(await Promise.all(others)).toEqual(['first for ann', 'first for ann']);
    expect(store.ran).toHaveLength(2);
  });

  test('are left one by one: who gives up does not wait, and ends nobody else’s', async () => {
    const { release } = heldStore();
    const follower = new AbortController();
    const first = get(here);
    const second = get(here, { signal: follower.signal });
    follower.abort();
    expect(await second).toBeUndefined();
    release();
    expect(await first).toBe('first for ann');
  });
});

describe('a result of another node', () => {
  const linked = (promises = {}) => {
    const store = new StoreServer('store', promises);
    const there = network.add('there', [store]);
    here = network.add('here');
    const third = network.add('third');
    return { store, there, third };
  };

  test('is kept where it was asked for, and the third that writes is heard of', async () => {
    const { store, third } = linked();
    await get(here);
    await get(here);
    expect(store.ran).toEqual(['get']);
    await set(third, 'second');
    await until(async () => (await get(here)) === 'second for ann', {
      timeoutMs: 2_000,
      what: 'the write to be heard of',
    });
  });

  test('is not kept when its own host writes while it is on its way', async () => {
    const { store, there } = linked();
    const held = Promise.withResolvers<void>();
    store.held = held.promise;
    const reading = get(here);
    await until(() => store.ran.length === 1, { timeoutMs: 1_000, what: 'the read to have looked' });
    await set(there, 'second');
    store.held = undefined;
    held.resolve();
    expect(await reading).toBe('first for ann');
    expect(await get(here)).toBe('second for ann');
  });

  test('is forgotten with the last stream to its node', async () => {
    const { store } = linked();
    await get(here);
    const reconnect = network.disconnect('there');
    await until(async () => (await get(here)) === undefined, { timeoutMs: 2_000, what: 'the stream to be gone' });
    reconnect();
    expect(await get(here)).toBe('first for ann');
    expect(store.ran).toEqual(['get', 'get']);
  });

  test('is nobody’s whose token was narrowed to other tools, and nobody’s any more below a level that was raised', async () => {
    const { store, there } = linked();
    const ann = agentNamed('ann');
    expect(await get(here, {}, ann)).toBe('first for ann');
    const denied = async (who: typeof ann) =>
      (await here.ask('tools/call', { name: 'store__get', arguments: {} }, who)).error;
    expect(await denied({ ...ann, permissions: ['store__other'] })).toMatchObject({
      data: { code: 'PERMISSION_DENIED' },
    });
    expect(await denied({ ...ann, level: 'READ_ONLY' })).toMatchObject({ data: { code: 'PERMISSION_DENIED' } });
    // The network gives every version of a server the same hash: what is kept is kept under the same name still.
    const stricter = new StoreServer('store');
    const definition = stricter.definition();
    stricter.definition = () => ({ ...definition, access: { level: 'OPERATOR', tools: { get: 'GOVERNANCE' } } });
    expect(await get(here, {}, ann)).toBe('first for ann');
    there.servers.set('store', stricter);
    network.changed();
    expect(await denied(ann)).toMatchObject({ data: { code: 'PERMISSION_DENIED' } });
    expect([...store.ran, ...stricter.ran]).toEqual(['get']);
  });

  test('of a tool that says nothing is kept by who asked it, though it may have written', async () => {
    const { store } = linked();
    const plain = () => here.ask('tools/call', { name: 'store__plain', arguments: {} });
    await plain();
    await plain();
    expect(store.ran).toEqual(['plain']);
  });
});
