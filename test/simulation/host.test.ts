import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { ProtocolSpec } from '../../node/host/index.ts';
import { type TestHost, TestVillage } from '../support/mesh-hosts.ts';
import { until } from '../support/until.ts';

const echo: ProtocolSpec = { name: 'echo/1', maxMessageBytes: 1024, timeoutMs: 1_000, maxInboundStreams: 8 };
const within = (ms = 5_000) => AbortSignal.timeout(ms);

let village: TestVillage;
beforeEach(() => {
  village = new TestVillage();
});
afterEach(() => village.stop());

async function admittedBoth(a: TestHost, b: TestHost): Promise<void> {
  await until(() => a.host.admitted().has(b.host.nodeId) && b.host.admitted().has(a.host.nodeId));
}

describe.each(['tcp', 'memory'] as const)('two members over %s', (transport) => {
  test('admit each other and exchange a stream', async () => {
    const a = village.make({ transport });
    a.host.handle(echo, (stream) => {
      stream.addEventListener('message', ({ data }) => void stream.send(data));
    });
    await a.host.start();
    const b = await village.host({ transport });
    expect(await b.host.dial(a.host.addresses()[0] as string, { signal: within() })).toBe(a.host.nodeId);
    const stream = await b.host.openStream(a.host.nodeId, echo, { signal: within() });
    const answer = new Promise<string>((resolve) => {
      stream.addEventListener('message', ({ data }) => resolve(Buffer.from(data.subarray()).toString()), {
        once: true,
      });
    });
    stream.send(Buffer.from('hello there'));
    expect(await answer).toBe('hello there');
    await admittedBoth(a, b);
    expect(a.reports.of('peer.admitted')).toEqual([{ peer: b.host.nodeId, direction: 'inbound' }]);
    expect(b.reports.of('peer.admitted')).toEqual([{ peer: a.host.nodeId, direction: 'outbound' }]);
  });
});

test('two nodes fill their DHT tables on loopback, store a provider record and find it', async () => {
  const a = await village.host({ transport: 'tcp' });
  const b = await village.host({ transport: 'tcp' });
  await b.host.dial(a.host.addresses()[0] as string, { signal: within() });
  await admittedBoth(a, b);
  expect(await a.host.provide('role/p2p', { signal: within() })).toBe(1);
  const found: string[] = [];
  for await (const id of b.host.findProviders('role/p2p', { signal: within(), limit: 5 })) found.push(id);
  expect(found).toEqual([a.host.nodeId]);
});

test('what is provided alone is provided again when the first peer comes', async () => {
  const a = await village.host();
  expect(await a.host.provide('role/p2p', { signal: within() })).toBe(0);
  const b = await village.host();
  await b.host.dial(a.host.addresses()[0] as string, { signal: within() });
  await until(() => a.reports.of('dht.provided').some(({ stored }) => stored === 1));
});

test('a search in a village of one ends at once and finds nobody', async () => {
  const a = await village.host();
  await a.host.provide('role/p2p', { signal: within() });
  for await (const id of a.host.findProviders('role/p2p', { signal: within(), limit: 5 })) expect.unreachable(id);
});

test('12 simultaneous dials from one address are all admitted', async () => {
  const hub = await village.host({ transport: 'tcp' });
  const spokes = await Promise.all(Array.from({ length: 12 }, () => village.host({ transport: 'tcp' })));
  const address = hub.host.addresses()[0] as string;
  await Promise.all(spokes.map(({ host }) => host.dial(address, { signal: within(15_000) })));
  await until(() => hub.host.admitted().size === 12);
});

test('gossip reaches every member on one address, with its author, and nobody hears itself', async () => {
  const heard: string[] = [];
  const hosts = await Promise.all(
    Array.from({ length: 5 }, async (_, index) => {
      const made = village.make({ transport: 'tcp' });
      made.host.subscribe('news/1', (data, from) => {
        heard.push(`${index} ${Buffer.from(data).toString()} ${from}`);
        return true;
      });
      await made.host.start();
      return made;
    }),
  );
  const [hub, ...others] = hosts as [TestHost, ...TestHost[]];
  for (const { host } of others) await host.dial(hub.host.addresses()[0] as string, { signal: within() });
  await until(() => hub.host.admitted().size === 4);
  const author = others[0] as TestHost;
  await until(
    async () => {
      await author.host.publish('news/1', Buffer.from('rain'));
      return new Set(heard).size === 4;
    },
    { intervalMs: 200 },
  );
  expect(new Set(heard)).toEqual(new Set([0, 2, 3, 4].map((index) => `${index} rain ${author.host.nodeId}`)));
});
