import { noise } from '@chainsafe/libp2p-noise';
import { type GossipSub, gossipsub } from '@libp2p/gossipsub';
import { type Identify, identify } from '@libp2p/identify';
import type { Connection, Libp2p, Stream } from '@libp2p/interface';
import { type KadDHT, kadDHT, passthroughMapper } from '@libp2p/kad-dht';
import { memory } from '@libp2p/memory';
import { type Ping, ping } from '@libp2p/ping';
import { yamux } from '@libp2p/yamux';
import { multiaddr } from '@multiformats/multiaddr';
import { createLibp2p } from 'libp2p';
import { CID } from 'multiformats/cid';
import * as raw from 'multiformats/codecs/raw';
import { create as digestOf } from 'multiformats/hashes/digest';
import { afterEach, beforeEach, describe, expect } from 'vitest';
import { villageTag } from '../../src/constitution/index.ts';
import { sha256 } from '../../src/kernel/index.ts';
import { type TestHost, TestVillage } from '../support/mesh-hosts.ts';
import { until } from '../support/until.ts';
import { verifies } from '../support/verifies.ts';

const DEADLINE_MS = 700;
const secret = { name: 'secret/1', maxMessageBytes: 1024, timeoutMs: 1_000, maxInboundStreams: 8 } as const;
const within = (ms = 5_000) => AbortSignal.timeout(ms);

type Stranger = Libp2p<{ identify: Identify; ping: Ping; dht: KadDHT; pubsub: GossipSub }>;

let village: TestVillage;
let tag: string;
let a: TestHost;
let b: TestHost;
let served: string[];
let strangers = 0;

beforeEach(async () => {
  village = new TestVillage();
  tag = villageTag(village.villageId);
  served = [];
  [a, b] = [await member(), await member()];
  await b.host.dial(a.host.addresses()[0] as string, { signal: within() });
  await until(() => a.host.admitted().size === 1 && b.host.admitted().size === 1);
  expect(await b.host.provide('role/p2p', { signal: within() })).toBe(1);
});
afterEach(() => village.stop());

async function member(): Promise<TestHost> {
  const made = village.make({ limits: { unadmittedMs: DEADLINE_MS, maxUnadmitted: 4 } });
  made.host.subscribe('news/1', () => true);
  made.host.handle(secret, (stream, { nodeId }) => {
    served.push(nodeId);
    stream.send(Buffer.from('secret'));
  });
  await made.host.start();
  return made;
}

/** A libp2p node that knows the village's names and speaks everything but hello. */
async function stranger(): Promise<Stranger> {
  strangers += 1;
  const node = await createLibp2p({
    addresses: { listen: [`/memory/stranger-${process.pid}-${strangers}`] },
    transports: [memory()],
    connectionEncrypters: [noise()],
    streamMuxers: [yamux()],
    services: {
      identify: identify(),
      ping: ping(),
      dht: kadDHT({
        protocol: `/village/${tag}/kad/1.0.0`,
        clientMode: false,
        peerInfoMapper: passthroughMapper,
        initialQuerySelfInterval: 10,
      }),
      pubsub: gossipsub({ allowPublishToZeroTopicPeers: true }),
    },
  });
  village.cleanUp(async () => node.stop());
  return node;
}

async function dialIn(node: Stranger): Promise<Connection> {
  return node.dial(multiaddr(a.host.addresses()[0] as string), { signal: within() });
}

function keyOf(path: string): CID {
  return CID.createV1(raw.code, digestOf(0x12, sha256(`village/${village.villageId}/${path}`)));
}

/** Whatever the other side says on the stream until it ends. */
async function heardOn(stream: Stream): Promise<number> {
  let bytes = 0;
  stream.addEventListener('message', ({ data }) => {
    bytes += data.byteLength;
  });
  if (stream.status === 'open') {
    await new Promise((resolve) => stream.addEventListener('close', resolve, { once: true }));
  }
  return bytes;
}

describe('a node that has not proven membership', () => {
  verifies('hello/R9', 'gets no FIND_NODE answer and no provider record from the DHT', async () => {
    const node = await stranger();
    await dialIn(node);
    const answers: string[] = [];
    const ask = async (events: AsyncIterable<{ name: string }>): Promise<void> => {
      for await (const { name } of events) if (name === 'PEER_RESPONSE') answers.push(name);
    };
    await until(() => (node.services.dht as unknown as { routingTable: { size: number } }).routingTable.size > 0);
    await Promise.allSettled([
      ask(node.services.dht.findProviders(keyOf('role/p2p'), { signal: within(500) })),
      ask(node.services.dht.getClosestPeers(keyOf('role/p2p').multihash.bytes, { signal: within(500) })),
    ]);
    expect(answers).toEqual([]);
    const known = (await node.peerStore.all()).map(({ id }) => id.toString());
    expect(known).not.toContain(b.host.nodeId);
  });

  verifies(
    'hello/R9',
    'gets nothing over any protocol that identify names but for ping, identify and the open ones',
    async () => {
      const node = await stranger();
      const identified = new Promise<string[]>((resolve) => {
        node.addEventListener('peer:identify', ({ detail }) => resolve(detail.protocols), { once: true });
      });
      const connection = await dialIn(node);
      const protocols = await identified;
      expect(protocols).toContain(`/village/${tag}/secret/1`);
      const shut = protocols.filter((id) => !/^\/ipfs\/|\/hello\/1$/.test(id));
      expect(shut.length).toBeGreaterThan(3);
      expect(connection.status).toBe('open');
      const heard = await Promise.all(
        shut.map(async (id) => {
          const stream = await connection.newStream(id, { signal: within() }).catch(() => undefined);
          return stream === undefined ? 0 : heardOn(stream);
        }),
      );
      expect(Object.fromEntries(shut.map((id, index) => [id, heard[index]]))).toEqual(
        Object.fromEntries(shut.map((id) => [id, 0])),
      );
      expect(served).toEqual([]);
    },
  );

  verifies('hello/R9', 'hears no gossip, is in no topic, and what it publishes reaches nobody', async () => {
    const node = await stranger();
    const heard: unknown[] = [];
    node.services.pubsub.addEventListener('gossipsub:message', (event) => heard.push(event));
    node.services.pubsub.subscribe(`/village/${tag}/news/1`);
    await dialIn(node);
    const closed = until(() => node.getConnections().length === 0);
    await a.host.publish('news/1', Buffer.from('for members'));
    await node.services.pubsub.publish(`/village/${tag}/news/1`, Buffer.from('from outside'));
    expect(node.services.pubsub.getSubscribers(`/village/${tag}/news/1`)).toEqual([]);
    await closed;
    expect(heard).toEqual([]);
  });

  verifies('hello/R9', 'is asked nothing: no DHT query and no gossip stream comes to it', async () => {
    const node = await stranger();
    const connection = await dialIn(node);
    const asked = new Set<string>();
    const look = (): void => {
      for (const { protocol, direction } of connection.streams) if (direction === 'inbound') asked.add(protocol);
    };
    await until(() => {
      look();
      return connection.status !== 'open';
    });
    expect([...asked].filter((id) => /kad|meshsub|village/.test(id))).toEqual([]);
  });

  verifies('hello/R9', 'is disconnected at the deadline, and the members stay connected', async () => {
    const node = await stranger();
    const connection = await dialIn(node);
    const openedAt = performance.now();
    await until(() => connection.status !== 'open');
    expect(performance.now() - openedAt).toBeLessThan(DEADLINE_MS + 500);
    expect(a.reports.of('peer.refused')).toEqual([{ peer: node.peerId.toString(), reason: 'no-hello-in-time' }]);
    expect(a.host.admitted().has(b.host.nodeId)).toBe(true);
  });

  verifies('hello/R9', 'is one of a bounded number: the oldest goes when one too many comes', async () => {
    const nodes = await Promise.all(Array.from({ length: 5 }, stranger));
    for (const node of nodes) await dialIn(node);
    await until(() => a.reports.of('peer.refused').length > 0);
    expect(a.reports.of('peer.refused')[0]).toEqual({ peer: nodes[0]?.peerId.toString(), reason: 'too-many' });
  });

  verifies('hello/R9', 'is refused by a host that it greets, and cannot be dialled as a member', async () => {
    const outsider = await village.host({ stranger: true });
    await expect(outsider.host.dial(a.host.addresses()[0] as string, { signal: within() })).rejects.toMatchObject({
      code: 'NOT_ADMITTED',
    });
    expect(a.host.admitted().has(outsider.host.nodeId)).toBe(false);
    expect(served).toEqual([]);
  });
});
