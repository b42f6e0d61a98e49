import { expect, test } from 'vitest';
import type { BackendContext } from '../../../node/backends/backend.ts';
import { ShardGroups } from '../../../node/fog/serving/index.ts';
import type { ShardServer } from '../../../node/fog/runner/index.ts';
import type { HostedServer } from '../../../node/backends/index.ts';
import type { RpcRequest } from '../../../src/mcp/index.ts';

const context = {} as BackendContext;
const call = (meta?: object): RpcRequest => ({
  jsonrpc: '2.0',
  id: 1,
  method: 'tools/call',
  params: { name: 'hash', arguments: {}, ...(meta === undefined ? {} : { _meta: meta }) },
});
const at = (slot: number, epoch: number) => call({ 'village/fog-slot': { slot, epoch }, 'village/fog-key': 'k' });

class Server implements ShardServer {
  readonly kind = 'stdio';
  readonly alias = 'magi-1';
  readonly share = 'mesh';
  readonly got: RpcRequest[] = [];
  readonly name: string;
  held: Promise<void> = Promise.resolve();

  constructor(name: string) {
    this.name = name;
  }
  state() {
    return { state: 'healthy', since: 0 } as const;
  }
  definition() {
    return undefined;
  }
  onChange() {
    return () => undefined;
  }
  async start() {}
  async stop() {}
  async request(request: RpcRequest) {
    this.got.push(request);
    await this.held;
    return { body: Buffer.from(this.name), outcome: 'ok', reason: '' } as const;
  }
}

function hosting() {
  const guests = new Map<string, HostedServer>();
  const changed: string[] = [];
  const groups = new ShardGroups({
    addGuest: (server) => !guests.has(server.alias) && Boolean(guests.set(server.alias, server)),
    removeGuest: (alias) => void guests.delete(alias),
    guestChanged: (alias) => void changed.push(alias),
  });
  return { guests, groups, changed };
}

const always = () => true;
const reasonOf = async (guest: HostedServer | undefined, request: RpcRequest) =>
  (await guest?.request(request, context))?.reason;

test('the slots of a deployment on a node are one server, there while any of them is', () => {
  const { guests, groups } = hosting();
  expect(groups.add('magi-1', { slot: 0, epoch: 1, server: new Server('a'), mayServe: always })).toBe(true);
  expect(groups.add('magi-1', { slot: 3, epoch: 1, server: new Server('b'), mayServe: always })).toBe(true);
  expect([...guests.keys()]).toEqual(['magi-1']);
  groups.remove('magi-1', { slot: 0, epoch: 1 });
  expect(guests.size).toBe(1);
  groups.remove('magi-1', { slot: 3, epoch: 1 });
  expect(guests.size).toBe(0);
});

test('a call reaches the slot it is addressed to, without the address', async () => {
  const { guests, groups } = hosting();
  const [first, second] = [new Server('first'), new Server('second')];
  groups.add('magi-1', { slot: 0, epoch: 1, server: first, mayServe: always });
  groups.add('magi-1', { slot: 1, epoch: 4, server: second, mayServe: always });
  const reply = await guests.get('magi-1')?.request(at(1, 4), context);
  expect(Buffer.from(reply?.body ?? []).toString()).toBe('second');
  expect(second.got[0]?.params?.['_meta']).toEqual({ 'village/fog-key': 'k' });
  expect(first.got).toEqual([]);
});

test('another epoch than the holder has is refused, and a slot that is elsewhere; nothing began', async () => {
  const { guests, groups } = hosting();
  const server = new Server('a');
  groups.add('magi-1', { slot: 0, epoch: 2, server, mayServe: always });
  const guest = guests.get('magi-1');
  expect(await reasonOf(guest, at(0, 1))).toBe('STALE_EPOCH');
  expect(await reasonOf(guest, at(0, 3))).toBe('STALE_EPOCH');
  expect(await reasonOf(guest, at(1, 1))).toBe('WRONG_SLOT');
  expect(await reasonOf(guest, call({ 'village/fog-slot': 'x' }))).toBe('WRONG_SLOT');
  expect(server.got).toEqual([]);
  expect(await guest?.request(at(0, 1), context)).toMatchObject({ notStarted: true });
  expect(await reasonOf(guest, at(0, 2))).toBe('');
});

test('a shard whose lease is nearly over is asked nothing, however it is addressed', async () => {
  const { guests, groups } = hosting();
  const server = new Server('a');
  let may = true;
  groups.add('magi-1', { slot: 0, epoch: 1, server, mayServe: () => may });
  may = false;
  expect(await reasonOf(guests.get('magi-1'), at(0, 1))).toBe('UNAVAILABLE');
  expect(await reasonOf(guests.get('magi-1'), call())).toBe('UNAVAILABLE');
  expect(server.got).toEqual([]);
});

test('a call to no slot goes to the one with fewest under way', async () => {
  const { guests, groups } = hosting();
  const [busy, idle] = [new Server('busy'), new Server('idle')];
  const wait = Promise.withResolvers<void>();
  busy.held = wait.promise;
  groups.add('magi-1', { slot: 0, epoch: 1, server: busy, mayServe: always });
  groups.add('magi-1', { slot: 1, epoch: 1, server: idle, mayServe: always });
  const first = guests.get('magi-1')?.request(at(0, 1), context);
  await guests.get('magi-1')?.request(call(), context);
  expect([busy.got.length, idle.got.length]).toEqual([1, 1]);
  wait.resolve();
  await first;
});

test('the end of an older epoch does not take the newer one away', async () => {
  const { guests, groups } = hosting();
  groups.add('magi-1', { slot: 0, epoch: 1, server: new Server('old'), mayServe: always });
  const fresh = new Server('new');
  groups.add('magi-1', { slot: 0, epoch: 2, server: fresh, mayServe: always });
  groups.remove('magi-1', { slot: 0, epoch: 1 });
  expect(await reasonOf(guests.get('magi-1'), at(0, 2))).toBe('');
});

test('a call with a key and no slot is answered by nobody: any slot would be a guess', async () => {
  const { guests, groups } = hosting();
  const server = new Server('a');
  groups.add('magi-1', { slot: 0, epoch: 1, server, mayServe: always });
  expect(await reasonOf(guests.get('magi-1'), call({ 'village/fog-key': 'k' }))).toBe('WRONG_SLOT');
  expect(server.got).toEqual([]);
});

test('a name that another server has is not taken', () => {
  const { guests, groups } = hosting();
  guests.set('magi-1', new Server('other'));
  expect(groups.add('magi-1', { slot: 0, epoch: 1, server: new Server('a'), mayServe: always })).toBe(false);
});
