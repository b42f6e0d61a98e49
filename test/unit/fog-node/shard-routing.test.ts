import { describe, expect, test } from 'vitest';
import type { BackendContext } from '../../../node/backends/backend.ts';
import { type KnownMap, ShardMaps } from '../../../node/fog/shard-maps.ts';
import { ShardRouting } from '../../../node/fog/shard-routing.ts';
import type { Forwarded, Target } from '../../../node/router/index.ts';
import type { Service } from '../../../src/routing/index.ts';
import { keypair } from '../../support/keypair.ts';

const village = 'ab'.repeat(32);
const owner = keypair(90);
const context = { signal: new AbortController().signal } as BackendContext;
const nothing = { cpuMilli: 0, memMib: 0, diskMib: 0, gpus: 0 };

type State = 'running' | 'starting' | 'fenced' | 'down';
const slotOn = (slot: number, node: string | null, { epoch = 1, state = 'running' as State } = {}) => ({
  slot,
  epoch,
  node,
  placementId: null,
  addrs: [],
  state,
});

function signed(
  slots: readonly object[],
  changes: { rev?: number; term?: number; deployment?: string } = {},
  by = owner,
): string {
  const { rev = 1, term = 1, deployment = 'magi' } = changes;
  const map = { v: 1, village, owner: by.peerId, deployment, agentType: 'magi', term, rev, total: nothing, slots };
  return by.jws('village-fog-map+jws', map);
}

function five(): ShardMaps {
  const maps = new ShardMaps(village);
  expect(maps.hear(signed([0, 1, 2, 3, 4].map((slot) => slotOn(slot, `node-${slot}`))))).toBe('news');
  return maps;
}

function routing(
  maps: ShardMaps,
  { asks = [] as string[], chance = () => 0, find = async (): Promise<KnownMap | undefined> => undefined } = {},
) {
  const sent: { nodeId: string | undefined; meta: unknown }[] = [];
  const made = new ShardRouting({ maps, ask: (nodeId) => asks.push(nodeId), find, chance });
  const reasons: string[] = [];
  const send = (target: Target): Forwarded => {
    sent.push({ nodeId: target.nodeId, meta: target.request.params?.['_meta'] });
    const reason = reasons.shift() ?? '';
    return { reply: { body: new Uint8Array(), outcome: reason === '' ? 'ok' : 'failed', reason }, replica: undefined };
  };
  return { made, sent, send, reasons, asks };
}

const aliasOfMagi = (maps: ShardMaps) => [...maps.all()][0]?.alias as string;
const target = (alias: string, meta?: object): Target => ({
  service: { alias } as Service,
  name: 'hash',
  nodeId: undefined,
  request: {
    jsonrpc: '2.0',
    id: 1,
    method: 'tools/call',
    params: { name: 'hash', arguments: {}, ...(meta === undefined ? {} : { _meta: meta }) },
  },
});
const keyed = (alias: string, key: unknown) => target(alias, { 'village/fog-key': key });

describe('maps', () => {
  test('of one deployment the highest (term, rev) counts, whatever comes when', () => {
    const maps = five();
    expect(maps.hear(signed([slotOn(0, 'elsewhere')], { rev: 1 }))).toBe('known');
    expect(maps.hear(signed([slotOn(0, 'elsewhere')], { rev: 2 }))).toBe('news');
    expect(maps.hear(signed([slotOn(0, 'later')], { rev: 1, term: 2 }))).toBe('news');
    expect(maps.hear(signed([slotOn(0, 'older')], { rev: 9, term: 1 }))).toBe('known');
    expect(maps.get(owner.peerId, 'magi')?.map.slots[0]?.node).toBe('later');
  });

  test('two owners with the same id have two maps and two names', () => {
    const maps = five();
    expect(maps.hear(signed([slotOn(0, 'x')], {}, keypair(91)))).toBe('news');
    expect(maps.of('magi')).toHaveLength(2);
    expect(new Set(maps.of('magi').map(({ alias }) => alias)).size).toBe(2);
  });

  test('one owner fills its share and no more; what has ended makes room', () => {
    const maps = new ShardMaps(village);
    const name = (index: number) => ({ deployment: `d${index}` });
    for (let index = 0; index < 256; index += 1) maps.hear(signed([slotOn(0, 'x')], name(index)));
    expect(maps.hear(signed([slotOn(0, 'x')], name(256)))).toBe('full');
    expect(maps.hear(signed([slotOn(0, 'x')], {}, keypair(91)))).toBe('news');
    expect(maps.hear(signed([], { ...name(7), rev: 2 }))).toBe('news');
    expect(maps.hear(signed([slotOn(0, 'x')], name(256)))).toBe('news');
  });

  test('what is not signed by its owner is no map', () => {
    const maps = new ShardMaps(village);
    expect(maps.hear(`${signed([slotOn(0, 'x')]).slice(0, -4)}AAAA`)).toBe('bad');
    expect(maps.hear('x')).toBe('bad');
    expect([...maps.all()]).toEqual([]);
  });
});

describe('calls', () => {
  test('of other servers are left alone', () => {
    const { made, send } = routing(five());
    expect(made.forward(target('everything'), context, send)).toBeUndefined();
  });

  test('with one key go to one slot, with its epoch, wherever it runs', async () => {
    const maps = five();
    const { made, sent, send } = routing(maps);
    const alias = aliasOfMagi(maps);
    for (let time = 0; time < 4; time += 1) await made.forward(keyed(alias, 'patient-7'), context, send);
    expect(new Set(sent.map(({ nodeId }) => nodeId)).size).toBe(1);
    const slot = Number(sent[0]?.nodeId?.slice('node-'.length));
    expect(sent[0]?.meta).toEqual({ 'village/fog-key': 'patient-7', 'village/fog-slot': { slot, epoch: 1 } });
    // Its slot moves: the key stays with the slot.
    const moved = [0, 1, 2, 3, 4].map((one) =>
      slotOn(one, one === slot ? 'new' : `node-${one}`, { epoch: one === slot ? 2 : 1 }),
    );
    maps.hear(signed(moved, { rev: 2 }));
    await made.forward(keyed(alias, 'patient-7'), context, send);
    expect(sent.at(-1)).toMatchObject({ nodeId: 'new', meta: { 'village/fog-slot': { slot, epoch: 2 } } });
  });

  test('with the keys of a fenced slot are not taken by the slot beside it', async () => {
    const maps = new ShardMaps(village);
    maps.hear(signed([slotOn(0, 'a', { state: 'fenced' }), slotOn(1, 'b')]));
    const { made, sent, send } = routing(maps);
    const reasons: (string | undefined)[] = [];
    for (let key = 0; key < 40; key += 1) {
      reasons.push((await made.forward(keyed(aliasOfMagi(maps), `k${key}`), context, send))?.reply.reason);
    }
    const waiting = reasons.filter((reason) => reason === 'UNAVAILABLE').length;
    expect(waiting).toBeGreaterThan(5);
    expect(sent).toHaveLength(40 - waiting);
  });

  test('spread over all slots by their keys', async () => {
    const maps = five();
    const { made, sent, send } = routing(maps);
    for (let key = 0; key < 200; key += 1) await made.forward(keyed(aliasOfMagi(maps), `k${key}`), context, send);
    const counts = Map.groupBy(sent, ({ nodeId }) => nodeId);
    expect(counts.size).toBe(5);
    for (const calls of counts.values()) expect(calls.length).toBeGreaterThan(15);
  });

  test('with a key wait for their slot: while it has no holder they are told to come back, and spill nowhere', async () => {
    const maps = new ShardMaps(village);
    maps.hear(signed([slotOn(0, 'a', { state: 'fenced' }), slotOn(1, null, { state: 'down' })]));
    const { made, sent, send } = routing(maps);
    const forwarded = await made.forward(keyed(aliasOfMagi(maps), 'k'), context, send);
    expect(sent).toEqual([]);
    expect(forwarded?.reply).toMatchObject({ reason: 'UNAVAILABLE', notStarted: true });
    const body = JSON.parse(Buffer.from(forwarded?.reply.body ?? []).toString());
    expect(body.error.data).toMatchObject({ code: 'UNAVAILABLE', retryable: true });
    expect(body.error.data.retry_after_ms).toBeGreaterThan(0);
  });

  test('without a key go to a slot that runs, and to another where the first is not there any more', async () => {
    const maps = new ShardMaps(village);
    maps.hear(signed([slotOn(0, 'gone'), slotOn(1, 'there'), slotOn(2, null, { state: 'down' })]));
    const { made, sent, send, reasons } = routing(maps);
    reasons.push('WRONG_SLOT');
    const forwarded = await made.forward(target(aliasOfMagi(maps)), context, send);
    expect(forwarded?.reply.outcome).toBe('ok');
    expect(new Set(sent.map(({ nodeId }) => nodeId))).toEqual(new Set(['gone', 'there']));
  });

  test('prefer a slot that runs; one that starts is asked when there is no other', async () => {
    const maps = new ShardMaps(village);
    maps.hear(signed([slotOn(0, 'starts', { state: 'starting' }), slotOn(1, 'runs')]));
    const { made, sent, send } = routing(maps);
    await made.forward(target(aliasOfMagi(maps)), context, send);
    maps.hear(signed([slotOn(0, 'starts', { state: 'starting' }), slotOn(1, null, { state: 'down' })], { rev: 2 }));
    await made.forward(target(aliasOfMagi(maps)), context, send);
    expect(sent.map(({ nodeId }) => nodeId)).toEqual(['runs', 'starts']);
  });

  test('that meet a stale map look at a newer one and try once more', async () => {
    const maps = new ShardMaps(village);
    maps.hear(signed([slotOn(0, 'old')]));
    const asks: string[] = [];
    const { made, sent, send, reasons } = routing(maps, { asks });
    reasons.push('STALE_EPOCH');
    const forwarding = made.forward(keyed(aliasOfMagi(maps), 'k'), context, send);
    await new Promise((resolve) => setImmediate(resolve));
    expect(asks).toEqual([owner.peerId]);
    maps.hear(signed([slotOn(0, 'new', { epoch: 2 })], { rev: 2 }));
    expect((await forwarding)?.reply.outcome).toBe('ok');
    expect(sent.map(({ nodeId }) => nodeId)).toEqual(['old', 'new']);
  });

  test('that meet it again give up', async () => {
    const maps = new ShardMaps(village);
    maps.hear(signed([slotOn(0, 'old')]));
    const { made, sent, send, reasons } = routing(maps);
    reasons.push('STALE_EPOCH', 'STALE_EPOCH', 'STALE_EPOCH');
    const forwarding = made.forward(keyed(aliasOfMagi(maps), 'k'), context, send);
    await new Promise((resolve) => setImmediate(resolve));
    maps.hear(signed([slotOn(0, 'new', { epoch: 2 })], { rev: 2 }));
    expect((await forwarding)?.reply.reason).toBe('STALE_EPOCH');
    expect(sent).toHaveLength(2);
  });

  test.each([7, '', 'x'.repeat(513), {}])('with no usable key (%j) go nowhere', async (key) => {
    const maps = five();
    const { made, sent, send } = routing(maps);
    expect((await made.forward(keyed(aliasOfMagi(maps), key), context, send))?.reply.reason).toBe('WRONG_SLOT');
    expect(sent).toEqual([]);
  });
});

describe('a call of a deployment whose map was never heard of', () => {
  const alias = 'magi-0a1b2c3d';

  test('goes to the slot of its key when the map is found', async () => {
    const others = new ShardMaps(village);
    others.hear(signed([slotOn(0, 'node-0', { epoch: 4 })]));
    const [known] = others.all();
    const { made, sent, send } = routing(new ShardMaps(village), { find: async () => known });
    expect((await made.forward(keyed(alias, 'k'), context, send))?.reply.outcome).toBe('ok');
    expect(sent).toEqual([
      { nodeId: 'node-0', meta: { 'village/fog-key': 'k', 'village/fog-slot': { slot: 0, epoch: 4 } } },
    ]);
  });

  test('goes to whoever serves it when nobody has the map', async () => {
    const { made, sent, send } = routing(new ShardMaps(village));
    await made.forward(keyed(alias, 'k'), context, send);
    expect(sent).toEqual([{ nodeId: undefined, meta: { 'village/fog-key': 'k' } }]);
  });

  test('is not looked for without a key, nor for a server that is no deployment', () => {
    const looked: string[] = [];
    const find = async () => void looked.push('looked') as undefined;
    const { made, send } = routing(new ShardMaps(village), { find });
    expect(made.forward(target(alias), context, send)).toBeUndefined();
    expect(made.forward(keyed('everything', 'k'), context, send)).toBeUndefined();
    expect(looked).toEqual([]);
  });
});
