import { generateKeyPairSync } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:https';
import { type AddressInfo, connect as connectTcp, type Socket } from 'node:net';
import { connect, type TLSSocket } from 'node:tls';
import { afterEach, expect, test } from 'vitest';
import { type HandshakeLimits, limitHandshakes } from '../../node/gateway/handshakes.ts';
import { selfSigned } from '../../node/tls/self-signed.ts';
import { openGateway } from '../support/echo-gateway.ts';
import { until } from '../support/until.ts';

const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const key = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
const names = ['localhost'];
const lifetime = { notBeforeMs: Date.now() - 1_000, notAfterMs: Date.now() + 3_600_000 };
const settings = { key, cert: selfSigned({ key, commonName: 'test', names, use: 'server', ...lifetime }) };
const undo: (() => void)[] = [];

afterEach(() => {
  for (const step of undo.splice(0).reverse()) step();
});

/** A TLS server under `limits`, with a clock that stands still until it is moved. */
async function limited(limits: Partial<HandshakeLimits>) {
  const server = createServer(settings, (_req, res) => res.end('served'));
  const refused: string[] = [];
  const clock = { now: 0 };
  limitHandshakes(server, { limits, refused: (ip) => refused.push(ip), now: () => clock.now });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  undo.push(() => server.close());
  return { server, port: (server.address() as AddressInfo).port, refused, clock };
}

/** A connection that never says anything. */
async function mute(port: number, localAddress = '127.0.0.1'): Promise<Socket> {
  const socket = connectTcp({ host: '127.0.0.1', port, localAddress });
  undo.push(() => socket.destroy());
  socket.on('error', () => undefined); // being cut is what some of these are for
  await once(socket, 'connect');
  return socket;
}

/** Whether the server shakes hands with a client of this address. */
function shakes(port: number, localAddress = '127.0.0.1'): Promise<TLSSocket | undefined> {
  const under = connectTcp({ host: '127.0.0.1', port, localAddress });
  const socket = connect({ socket: under, rejectUnauthorized: false });
  undo.push(() => socket.destroy());
  return new Promise((resolve) => {
    socket.once('secureConnect', () => resolve(socket));
    for (const one of [under, socket]) one.once('error', () => resolve(undefined));
    socket.once('close', () => resolve(undefined));
  });
}

test('a source that begins too many handshakes and ends none is not let begin another, and others are served', async () => {
  const { port, refused } = await limited({ maxUnfinishedOfOne: 3 });
  const begun = [await mute(port), await mute(port), await mute(port)];
  expect(await shakes(port)).toBeUndefined();
  expect(refused).toEqual(['127.0.0.1']);
  expect(await shakes(port, '127.0.0.2')).toBeDefined();
  begun[0]?.destroy();
  await until(async () => (await shakes(port)) !== undefined);
});

test('handshakes that were ended count no more', async () => {
  const { server, port, refused } = await limited({ maxUnfinishedOfOne: 1 });
  for (let time = 0; time < 5; time += 1) {
    const ended = once(server, 'secureConnection', { signal: AbortSignal.timeout(5_000) });
    expect(await shakes(port)).toBeDefined();
    await ended; // a client is done half a round trip before the server
  }
  expect(refused).toEqual([]);
});

test('all sources together begin so many and no more', async () => {
  const { port, refused } = await limited({ maxUnfinished: 2 });
  await mute(port, '127.0.0.2');
  await mute(port, '127.0.0.3');
  expect(await shakes(port, '127.0.0.4')).toBeUndefined();
  expect(refused).toEqual(['127.0.0.4']);
});

test('a source that shakes hands in quick succession is refused until time has passed', async () => {
  const { port, refused, clock } = await limited({ rate: { perMinute: 60, burst: 3 } });
  for (let time = 0; time < 3; time += 1) expect(await shakes(port)).toBeDefined();
  expect(await shakes(port)).toBeUndefined();
  expect(refused).toHaveLength(1);
  expect(await shakes(port, '127.0.0.2')).toBeDefined();
  clock.now += 1_000;
  expect(await shakes(port)).toBeDefined();
});

test('a flood of connections from one source is on record, and a gateway shakes hands with others meanwhile', async () => {
  const tls = { settings: () => settings, onChange: () => () => undefined };
  const { gateway, router, origin } = await openGateway({ listen: '0.0.0.0:0', tls });
  try {
    const port = Number(new URL(origin).port);
    const flood = await Promise.all(Array.from({ length: 200 }, () => mute(port)));
    await until(() => flood.filter(({ destroyed }) => destroyed).length >= 200 - 128, { timeoutMs: 10_000 });
    expect(flood.filter(({ destroyed }) => destroyed)).toHaveLength(200 - 128);
    expect(router.refusals).toContainEqual({ stage: 'source', reason: 'RATE_LIMITED', sourceIp: '127.0.0.1' });
    expect(await shakes(port, '127.0.0.2')).toBeDefined();
  } finally {
    await gateway.stop();
  }
});

test('connections that stay open after their handshake leave room for as many again', async () => {
  const tls = { settings: () => settings, onChange: () => () => undefined };
  const { gateway, router, origin } = await openGateway({ listen: '0.0.0.0:0', tls });
  try {
    const port = Number(new URL(origin).port);
    for (let open = 0; open < 140; open += 1) expect(await shakes(port), `${open} are open`).toBeDefined();
    expect(router.refusals).toEqual([]);
  } finally {
    await gateway.stop();
  }
});
