import { tcp } from '@libp2p/tcp';
import { tls } from '@libp2p/tls';
import { yamux } from '@libp2p/yamux';
import { multiaddr } from '@multiformats/multiaddr';
import { createLibp2p } from 'libp2p';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { ProtocolSpec } from '../../node/host/index.ts';
import { MemoryDatabase } from '../../node/storage/index.ts';
import { newIdentity, type TestHost, TestVillage } from '../support/mesh-hosts.ts';
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

test('members that speak different revisions of a protocol are connected, and say so rather than try', async () => {
  const [a, b] = [village.make(), village.make()];
  const asked: string[] = [];
  a.host.handle({ ...echo, name: 'echo/2' }, () => void asked.push('a'));
  a.host.handle({ ...echo, name: 'other/1' }, (stream) => stream.close());
  b.host.handle(echo, () => void asked.push('b'));
  await a.host.start();
  await b.host.start();
  await b.host.dial(a.host.addresses()[0] as string, { signal: within() });
  await admittedBoth(a, b);
  const refused = { code: 'OTHER_REVISION', message: expect.stringContaining('echo (2; here 1)') };
  await expect(b.host.openStream(a.host.nodeId, echo, { signal: within() })).rejects.toMatchObject(refused);
  await b.host.openStream(a.host.nodeId, { ...echo, name: 'other/1' }, { signal: within() });
  expect(asked).toEqual([]);
  expect(a.reports.of('peer.other-revision')).toEqual([
    { peer: b.host.nodeId, protocol: 'echo', ours: '2', theirs: '1' },
  ]);
  expect(b.host.admitted().get(a.host.nodeId)?.revisionGaps).toEqual([{ protocol: 'echo', ours: [1], theirs: [2] }]);
});

test('a peer that speaks TLS 1.3 and no Noise gets a connection', async () => {
  const a = await village.host({ transport: 'tcp' });
  const caller = await createLibp2p({ transports: [tcp()], connectionEncrypters: [tls()], streamMuxers: [yamux()] });
  village.cleanUp(async () => caller.stop());
  const connection = await caller.dial(multiaddr(a.host.addresses()[0] as string), { signal: within() });
  expect([connection.encryption, connection.remotePeer.toString()]).toEqual(['/tls/1.0.0', a.host.nodeId]);
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

test('a peer that was started again is noticed though its former connection never ended', async () => {
  const identity = newIdentity();
  const database = new MemoryDatabase();
  const stores = { host: database.namespace('host'), knownPeers: database.namespace('known-peers') };
  const a = await village.host({ transport: 'tcp' });
  const gone: string[] = [];
  a.host.onGone((nodeId) => gone.push(nodeId));
  const address = a.host.addresses()[0] as string;
  // Both lives of the peer run at once: to `a` that is a machine that died without a word and came back.
  const first = await village.host({ transport: 'tcp', identity, stores });
  await first.host.dial(address, { signal: within() });
  await admittedBoth(a, first);
  const second = await village.host({ transport: 'tcp', identity, stores });
  await second.host.dial(address, { signal: within() });
  await until(() => a.host.admitted().get(identity.nodeId)?.bootSeq === 2);
  expect(gone).toEqual([identity.nodeId]);
  expect(a.host.connections().filter(({ nodeId }) => nodeId === identity.nodeId)).toHaveLength(1);
});

test('a known peer that went away is dialled until it is back', async () => {
  const limits = { redialFirstMs: 20, redialLongestMs: 100 };
  const a = await village.host({ limits });
  const identity = newIdentity();
  const listen = ['/memory/comes-and-goes'];
  const first = await village.host({ identity, listen });
  await a.host.dial(first.host.addresses()[0] as string, { signal: within() });
  await admittedBoth(a, first);
  await first.host.stop();
  await until(() => a.host.admitted().size === 0);
  // It knows nobody: only `a` can bring the two together again.
  await village.host({ identity, listen });
  await until(() => a.host.admitted().has(identity.nodeId));
});

test('a taken port is refused by name, and a start that fails leaves nothing running', async () => {
  const a = await village.host({ transport: 'tcp' });
  const port = /tcp\/(\d+)/.exec(a.host.addresses()[0] as string)?.[1] as string;
  const b = village.make({ transport: 'tcp', listen: [`/ip4/127.0.0.1/tcp/${port}`] });
  await expect(b.host.start()).rejects.toMatchObject({
    code: 'ADDRESS_IN_USE',
    message: expect.stringContaining(port),
  });
  expect(b.host.addresses()).toEqual([]);
  const c = village.make({ listen: ['not an address'] });
  await expect(c.host.start()).rejects.toMatchObject({ code: 'ADDRESS_INVALID' });
});

test('in a village of 25 a node finds one it never met by provider records alone, and opens a stream to it', async () => {
  const hosts: TestHost[] = [];
  for (let n = 0; n < 24; n += 1) {
    const made = village.make();
    made.host.handle(echo, (stream) => void stream.send(Buffer.from('found')));
    await made.host.start();
    hosts.push(made);
    // A chain of acquaintances: each knows the one before it.
    const before = hosts[n - 1];
    if (before !== undefined) await made.host.dial(before.host.addresses()[0] as string, { signal: within() });
  }
  const [a] = hosts as [TestHost];
  await until(() => a.host.admitted().size > 0);
  expect(await a.host.provide('server/everything', { signal: within(20_000) })).toBeGreaterThan(0);

  const c = await village.host();
  await c.host.dial(hosts[23]?.host.addresses()[0] as string, { signal: within() });
  expect(c.host.admitted().has(a.host.nodeId)).toBe(false);
  let found: string | undefined;
  await until(
    async () => {
      for await (const id of c.host.findProviders('server/everything', { signal: within(3_000), limit: 3 })) {
        found = id;
        break;
      }
      return found !== undefined;
    },
    { timeoutMs: 20_000 },
  );
  expect(found).toBe(a.host.nodeId);
  const stream = await c.host.openStream(a.host.nodeId, echo, { signal: within(10_000) });
  const answer = new Promise<string>((resolve) => {
    stream.addEventListener('message', ({ data }) => resolve(Buffer.from(data.subarray()).toString()), { once: true });
  });
  expect(await answer).toBe('found');
});
