import { noise } from '@chainsafe/libp2p-noise';
import { generateKeyPairFromSeed } from '@libp2p/crypto/keys';
import { type GossipSub, gossipsub } from '@libp2p/gossipsub';
import { type Identify, type IdentifyPush, identify, identifyPush } from '@libp2p/identify';
import type { Libp2p, PeerInfo } from '@libp2p/interface';
import { type KadDHT, kadDHT, passthroughMapper } from '@libp2p/kad-dht';
import { memory } from '@libp2p/memory';
import { type Ping, ping } from '@libp2p/ping';
import { tcp } from '@libp2p/tcp';
import { yamux } from '@libp2p/yamux';
import type { Datastore } from 'interface-datastore';
import { createLibp2p } from 'libp2p';
import { mcp } from '../../protocols/mcp/index.ts';
import { MAX_CONNECTIONS } from '../peers/index.ts';
import { boundedAnswers } from './bounded-answers.ts';
import { boundedFrames } from './bounded-frames.ts';
import { boundedConnections, boundedEncrypter, boundedMuxer } from './bounded-lengths.ts';
import { type GateContext, gatedComponents } from './gated-components.ts';
import { lazyTls } from './lazy-tls.ts';
import { noiseCrypto } from './noise-crypto.ts';
import { easedLengths } from './noise-lengths.ts';
import { pendingLimit } from './pending-limit.ts';
import { quietLogger } from './quiet-logger.ts';
import { shortWay } from './short-way.ts';
import { sparedUpdates } from './spared-updates.ts';
import type { VillageNames } from './village-protocols.ts';
import { wholeWrites } from './whole-writes.ts';

export const MAX_GOSSIP_BYTES = 256 * 1024;

export interface Services extends Record<string, unknown> {
  readonly identify: Identify;
  readonly identifyPush: IdentifyPush;
  readonly ping: Ping;
  readonly dht: KadDHT;
  readonly pubsub: GossipSub;
}
export type Libp2pNode = Libp2p<Services>;

export interface Libp2pNodeOptions {
  /** The 32-byte seed of the node's Ed25519 key. */
  readonly peerSeed: Uint8Array;
  readonly names: VillageNames;
  readonly listen: readonly string[];
  readonly transport: 'tcp' | 'memory';
  /** Where peers and provider records live; in memory when absent. */
  readonly datastore: Datastore | undefined;
  readonly topics: readonly string[];
  readonly gate: GateContext;
  /** A node on the local network, when mDNS is to look for them. */
  readonly onNeighbour: ((peer: PeerInfo) => void) | undefined;
  readonly gossip: { readonly heartbeatMs: number; readonly seenMs: number };
  readonly reprovide: { readonly validityMs: number; readonly intervalMs: number };
}

const MINUTE = 60_000;
/** Incoming connections whose handshake is not done; a quarter of them from one address. */
const MAX_PENDING = 256;
const ENCRYPTERS = ['/noise', '/tls/1.0.0'];
const MUXERS = ['/yamux/1.0.0'];

/** libp2p as a village needs it, not started. Each setting that is not the default answers a measured failure of the default. */
export async function createLibp2pNode(options: Libp2pNodeOptions): Promise<Libp2pNode> {
  const { names, gate, onNeighbour } = options;
  const neighbourhood = onNeighbour === undefined ? undefined : await import('@libp2p/mdns');
  return createLibp2p<Services>({
    start: false,
    privateKey: await generateKeyPairFromSeed('Ed25519', options.peerSeed),
    logger: quietLogger,
    nodeInfo: { name: 'village', version: '0', userAgent: 'village' },
    ...(options.datastore === undefined ? {} : { datastore: options.datastore }),
    addresses: { listen: [...options.listen] },
    transports: [options.transport === 'memory' ? memory() : tcp()],
    connectionGater: pendingLimit(MAX_PENDING / 4),
    connectionProtector: wholeWrites(boundedConnections(ENCRYPTERS)),
    connectionEncrypters: [
      boundedEncrypter(easedLengths(noise({ crypto: noiseCrypto })), MUXERS),
      boundedEncrypter(lazyTls(), MUXERS),
    ],
    streamMuxers: [
      boundedMuxer(sparedUpdates(shortWay(boundedAnswers(boundedFrames(yamux())))), [
        '/ipfs/ping/1.0.0',
        names.protocol(mcp.name),
      ]),
    ],
    connectionManager: {
      maxConnections: MAX_CONNECTIONS,
      // The default, 5 new connections a second from one host, breaks every set of nodes that share an address.
      inboundConnectionThreshold: Number.POSITIVE_INFINITY,
      maxIncomingPendingConnections: MAX_PENDING,
      reconnectRetries: 1000,
      reconnectRetryInterval: 2_000,
      reconnectBackoffFactor: 1,
    },
    // One failed ping in 10 s would abort a healthy connection; links between peers have their own pings.
    connectionMonitor: { enabled: false },
    // Addresses in provider records come from the peer store: they must outlive the records.
    peerStore: { maxAddressAge: 24 * 60 * MINUTE, maxPeerAge: 30 * 24 * 60 * MINUTE },
    peerDiscovery:
      onNeighbour === undefined || neighbourhood === undefined
        ? []
        : [
            (components) => {
              const neighbours = neighbourhood.mdns({ serviceTag: names.mdns })(components);
              neighbours.addEventListener('peer', (event) => onNeighbour(event.detail));
              return neighbours;
            },
          ],
    services: {
      identify: identify(),
      identifyPush: identifyPush(),
      ping: ping(),
      dht: (components) => kadDHT(kadSettings(options))(gatedComponents(components, gate)),
      pubsub: (components) => gossipsub(gossipSettings(options))(gatedComponents(components, gate)),
    },
  });
}

function kadSettings({ names, reprovide }: Libp2pNodeOptions): Parameters<typeof kadDHT>[0] {
  return {
    protocol: names.kad,
    // With either default the table of a node on loopback or a LAN stays empty and every query hangs.
    clientMode: false,
    peerInfoMapper: passthroughMapper,
    initialQuerySelfInterval: 100,
    querySelfInterval: 15_000,
    // A record lives until it ages out: nothing in the DHT takes it back.
    reprovide: {
      validity: reprovide.validityMs,
      threshold: Math.floor((reprovide.validityMs * 2) / 3),
      interval: reprovide.intervalMs,
    },
  };
}

function gossipSettings({ topics, gossip }: Libp2pNodeOptions): Parameters<typeof gossipsub>[0] {
  return {
    heartbeatInterval: gossip.heartbeatMs,
    seenTTL: gossip.seenMs,
    globalSignaturePolicy: 'StrictSign',
    fallbackToFloodsub: false,
    allowPublishToZeroTopicPeers: true,
    // Duplicates are recognised before their signature is checked; the cache is filled only after a good one.
    fastMsgIdFn: (message) => `${latin1(message.from)}${latin1(message.seqno)}`,
    mcacheLength: 12,
    mcacheGossip: 10,
    maxInboundDataLength: MAX_GOSSIP_BYTES,
    allowedTopics: [...topics],
    // Many nodes of a village may share an address; the default scores them below every threshold.
    scoreParams: { IPColocationFactorWeight: 0 },
  };
}

function latin1(bytes: Uint8Array | null | undefined): string {
  return Buffer.from(bytes ?? []).toString('latin1');
}
