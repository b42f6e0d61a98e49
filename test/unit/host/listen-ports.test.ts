import { once } from 'node:events';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { listenAddresses, rememberPorts } from '../../../node/host/listen-ports.ts';
import { MemoryStore } from '../../../node/storage/index.ts';

const ANY = '/ip4/127.0.0.1/tcp/0';
const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});

async function takenPort(): Promise<number> {
  const server = createServer();
  servers.push(server);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

async function freePort(): Promise<number> {
  const port = await takenPort();
  const server = servers.pop() as Server;
  server.close();
  await once(server, 'close');
  return port;
}

test('port 0 becomes the port it was given last', async () => {
  const store = new MemoryStore();
  const port = await freePort();
  expect(await listenAddresses([ANY], store)).toEqual([ANY]);
  await rememberPorts([ANY], [`/ip4/127.0.0.1/tcp/${port}/p2p/x`], store);
  expect(await listenAddresses([ANY], store)).toEqual([`/ip4/127.0.0.1/tcp/${port}`]);
});

test('port 0 stays 0 when the last one is taken meanwhile', async () => {
  const store = new MemoryStore();
  await rememberPorts([ANY], [`/ip4/127.0.0.1/tcp/${await takenPort()}/p2p/x`], store);
  expect(await listenAddresses([ANY], store)).toEqual([ANY]);
});

test('a fixed port that is taken is refused by its address', async () => {
  const address = `/ip4/127.0.0.1/tcp/${await takenPort()}`;
  await expect(listenAddresses([address], new MemoryStore())).rejects.toMatchObject({
    code: 'ADDRESS_IN_USE',
    message: expect.stringContaining(address),
  });
});

test('a remembered port that is none is not believed, and other transports pass untouched', async () => {
  const store = new MemoryStore();
  await store.put(`port:${ANY}`, Buffer.from('99999'));
  expect(await listenAddresses([ANY, '/memory/x'], store)).toEqual([ANY, '/memory/x']);
});
