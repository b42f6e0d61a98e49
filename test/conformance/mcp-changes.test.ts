import { afterEach, beforeEach, expect } from 'vitest';
import { type NetworkNode, RouterNetwork } from '../support/router-network.ts';
import { StoreServer } from '../support/store-server.ts';
import { until } from '../support/until.ts';
import { verifies } from '../support/verifies.ts';

let network: RouterNetwork;
let store: StoreServer;
let host: NetworkNode;
let guest: NetworkNode;
let heard: string[];

beforeEach(() => {
  network = new RouterNetwork();
  store = new StoreServer('store');
  host = network.add('node-a', [store]);
  guest = network.add('node-b');
  heard = [];
  guest.links.onNotice((nodeId, topic, body) => {
    if (topic === 'changed') heard.push(`${nodeId} ${Buffer.from(body).toString()}`);
  });
});
afterEach(() => network.stop());

const call = (node: NetworkNode, tool: string, value = 'x') =>
  node.ask('tools/call', { name: `store__${tool}`, arguments: { value } });
const isKept = async () => {
  const before = store.ran.length;
  await call(guest, 'get');
  return store.ran.length === before;
};

verifies(
  'mcp/R35',
  'who may keep an answer is told by the frozen words of a notice, once until it asks again',
  async () => {
    await call(host, 'set');
    await call(guest, 'get');
    await call(host, 'set');
    await call(host, 'set');
    await until(() => heard.length > 0);
    await call(guest, 'get');
    await call(host, 'plain');
    await until(() => heard.length > 1);
    await call(guest, 'get');
    store.fails = 'unknown';
    await call(host, 'set');
    await until(() => heard.length > 2);
    expect(heard).toEqual([
      'node-a {"server":"store"}',
      'node-a {"server":"store","except":"plain"}',
      'node-a {"server":"store","unsettled_ms":60000}',
    ]);
  },
);

verifies('mcp/R35', 'who asks for what may have changed something is not told of its own call', async () => {
  await call(guest, 'get');
  await call(guest, 'set');
  await call(guest, 'plain');
  await call(host, 'set');
  await until(() => heard.length > 0);
  expect(heard).toEqual(['node-a {"server":"store"}']);
});

verifies('mcp/R35', 'what is kept is dropped at the word of a node that serves it, and of no other', async () => {
  const stranger = network.add('node-c', [new StoreServer('other')]);
  await stranger.ask('tools/call', { name: 'store__get', arguments: {} });
  await guest.ask('tools/call', { name: 'other__get', arguments: {} });
  await call(guest, 'get');
  const bodies = ['{', '[]', '{"server":"store","more":1}', '{"server":"store","unsettled_ms":600001}'];
  for (const body of bodies) host.links.tell('node-b', 'changed', Buffer.from(body));
  stranger.links.tell('node-b', 'changed', Buffer.from('{"server":"store"}'));
  await until(() => heard.length === 5);
  expect(await isKept()).toBe(true);
  host.links.tell('node-b', 'changed', Buffer.from('{"server":"store","except":"get"}'));
  await until(() => heard.length === 6);
  expect(await isKept()).toBe(true);
  host.links.tell('node-b', 'changed', Buffer.from('{"server":"store"}'));
  await until(() => heard.length === 7);
  expect(await isKept()).toBe(false);
});

verifies('mcp/R35', 'what was being asked for when the notice came is not kept', async () => {
  const held = Promise.withResolvers<void>();
  store.held = held.promise;
  const asking = call(guest, 'get');
  await until(() => store.ran.length === 1);
  host.links.tell('node-b', 'changed', Buffer.from('{"server":"store"}'));
  await until(() => heard.length === 1);
  store.held = undefined;
  held.resolve();
  await asking;
  expect(await isKept()).toBe(false);
  expect(await isKept()).toBe(true);
});

verifies('mcp/R35', 'what a node answered is dropped with the last stream to it', async () => {
  await call(guest, 'get');
  expect(await isKept()).toBe(true);
  const lost = new Promise<void>((resolve) => guest.links.onLost(() => resolve()));
  const reconnect = network.disconnect('node-a');
  await lost;
  reconnect();
  expect(await isKept()).toBe(false);
});
