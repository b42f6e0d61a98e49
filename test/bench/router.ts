/**
 * What a call costs between the gateway and its answer, without HTTP: `node test/bench/router.ts [local|hop] [audit]`.
 * One process: `local` is mesh_ping answered here, `hop` the same over a libp2p link to a second node, both nodes' cost together.
 * Limits, permission and metrics are on; the audit log is when asked for. Read the CPU column: user + system per call.
 */
import { noise } from '@chainsafe/libp2p-noise';
import type { Connection, Libp2p } from '@libp2p/interface';
import { tcp } from '@libp2p/tcp';
import { tls } from '@libp2p/tls';
import { yamux } from '@libp2p/yamux';
import { createLibp2p } from 'libp2p';
import { AuditLog } from '../../node/audit/index.ts';
import { waits } from '../../src/kernel/index.ts';
import type { HostedServer } from '../../node/backends/backend.ts';
import { HostedRole } from '../../node/backends/hosted-role.ts';
import { PeerBackend } from '../../node/backends/peer.ts';
import type { RouterCall } from '../../node/gateway/index.ts';
import { boundedConnections } from '../../node/host/bounded-lengths.ts';
import { noiseCrypto } from '../../node/host/noise-crypto.ts';
import { easedLengths } from '../../node/host/noise-lengths.ts';
import { quietLogger } from '../../node/host/quiet-logger.ts';
import type { AdmittedPeer } from '../../node/host/mesh-host.ts';
import { shortWay } from '../../node/host/short-way.ts';
import { sparedUpdates } from '../../node/host/spared-updates.ts';
import { wholeWrites } from '../../node/host/whole-writes.ts';
import { PeerLinks } from '../../node/peers/index.ts';
import { p2pRole, type P2pParts } from '../../node/roles/p2p/index.ts';
import { DeadlineTimer, type RatePort, Router } from '../../node/router/index.ts';
import { createEventBus, createMetrics } from '../../node/telemetry/index.ts';
import { Policy } from '../../src/constitution/index.ts';
import { buildCatalogue, type Offer, RateLimiter } from '../../src/routing/index.ts';
import { PeerRates } from '../../node/limits/index.ts';
import type { Cancellation } from '../../protocols/mcp/index.ts';
import type { ServerDefinition } from '../../src/mcp/index.ts';
import { MemoryLog } from '../support/memory-log.ts';
import { principal } from '../support/mux-peers.ts';
import { constitution } from '../support/small-village.ts';

const CALLS = Number(process.env['CALLS'] ?? 200_000);
const IN_FLIGHT = Number(process.env['IN_FLIGHT'] ?? 64);
const mode = process.argv[2] === 'hop' ? 'hop' : 'local';
const audited = process.argv.includes('audit');
const secure = process.argv.includes('tls') ? tls() : easedLengths(noise({ crypto: noiseCrypto }));

const policy = new Policy({
  ...constitution,
  policy: {
    ...constitution.policy,
    'permissions.tools.mesh_ping.level': 'READ_ONLY',
    'permissions.tools.mesh_ping.audit': false,
  },
});
const offers = new Map<string, Offer>();
const hosts = new Map<string, Libp2p>();

async function node() {
  const libp2p = await createLibp2p({
    logger: quietLogger,
    addresses: { listen: ['/ip4/127.0.0.1/tcp/0'] },
    transports: [tcp()],
    connectionProtector: wholeWrites(boundedConnections(['/noise', '/tls/1.0.0'])),
    connectionEncrypters: [secure],
    streamMuxers: [sparedUpdates(shortWay(yamux()))],
  });
  const nodeId = libp2p.peerId.toString();
  hosts.set(nodeId, libp2p);
  const bus = createEventBus();
  const deadlines = new DeadlineTimer();
  const links = new PeerLinks({
    host: {
      nodeId,
      admitted: () => new Map<string, AdmittedPeer>(),
      onAdmitted: () => () => undefined,
      openStream: async (to, { name }, { signal }) => {
        const connection = await libp2p.dial((hosts.get(to) as Libp2p).getMultiaddrs(), { signal });
        return connection.newStream(`/bench/${name}`, { signal });
      },
      handle: ({ name }, handler) => {
        void libp2p.handle(`/bench/${name}`, (stream, connection: Connection) =>
          handler(stream, { nodeId: connection.remotePeer.toString(), connection }),
        );
      },
    },
    deadlines,
    reporter: bus,
    limits: { maxInFlightPerPeer: 256 },
    delegationFor: () => 'delegation',
    accept: () => ({ kind: 'accepted', principal: principal(), expiresAtMs: Number.MAX_SAFE_INTEGER }),
    serve: (call) => router.serve(call),
  });
  const host = { nodeId, addresses: () => [], admitted: () => new Map(), connections: () => [] };
  const role = p2pRole({
    host: { ...host, onAdmitted: () => () => undefined, onGone: () => () => undefined },
    directory: { onCatalogue: () => () => undefined } as unknown as P2pParts['directory'],
    villageId: '',
    mayUse: () => true,
    shown: (service) => service,
    wallMs: Date.now,
    startedAtMs: Date.now(),
  });
  const hosted: HostedServer = new HostedRole(role, { wallMs: Date.now, reporter: bus });
  await hosted.start();
  const definition = hosted.definition() as ServerDefinition;
  offers.set(nodeId, {
    alias: 'p2p',
    nodeId,
    local: false,
    definition,
    kind: 'role',
    definitionHash: 'x',
    firstSeenMs: 1,
  });
  let version = 0;
  const made = () =>
    buildCatalogue(
      [...offers.values()].map((offer) => ({ ...offer, local: offer.nodeId === nodeId })),
      ++version,
    );
  let catalogue = made();
  const audit = audited
    ? await AuditLog.open({ store: new MemoryLog(), villageId: '', nodeId, sign: () => '', reporter: bus })
    : { record: () => undefined, recordDurably: async () => undefined, failure: undefined, room: () => undefined };
  const agents = new RateLimiter();
  const peers = new PeerRates();
  const rates: RatePort = {
    take: (key, rule, nowMs) => agents.take(key, rule, nowMs),
    broughtBy: (peer) => peers.of(peer),
  };
  const limits = {
    perAgentPerMinute: 1e8,
    perNodePerSecond: 1e7,
    callTimeoutMs: 30_000,
    maxInFlightPerAgent: 256,
    maxInFlightPerPeer: 256,
  };
  const router = new Router(
    {
      policy: () => policy,
      catalogue: () => catalogue,
      find: async () => undefined,
      hosting: {
        servers: () => [hosted],
        get: (alias) => (alias === 'p2p' ? hosted : undefined),
        onChange: () => () => undefined,
      },
      peer: (peer, alias) => new PeerBackend(links, { nodeId: peer, alias }),
      links,
      audit,
      rates,
      reporter: bus,
      limits: () => limits,
      clock: { now: () => performance.now(), chance: Math.random },
    },
    deadlines,
  );
  const metrics = createMetrics(bus, {
    peers: () => 0,
    serverStates: () => [],
    callsInFlight: () => router.callsInFlight,
    sessions: () => 0,
    subscriptions: () => 0,
    audit: () => ({ entries: 0, bytes: 0, unwitnessed: 0, unwitnessedSeconds: 0, witnesses: 0, contradictions: 0 }),
    missingServers: () => 0,
  });
  links.start();
  return {
    nodeId,
    router,
    look: () => {
      catalogue = made();
      router.catalogueChanged();
    },
    stop: async () => {
      metrics.close();
      router.close();
      await links.stop({ graceMs: 100 });
      await libp2p.stop();
      if (audit instanceof AuditLog) await audit.stop();
    },
  };
}

/** As the gateway makes one: nothing that a call seldom needs is there before it is looked at. */
class Call implements RouterCall, Cancellation {
  readonly cancellation = this;
  readonly cancelled = false;
  listener: Cancellation['listener'];
  readonly request: RouterCall['request'];
  readonly principal = who;
  readonly era = 'stateless';
  readonly view = undefined;
  readonly sourceIp = '127.0.0.1';
  readonly sessionId = undefined;
  #controller: AbortController | undefined;

  constructor(id: number, args: Record<string, unknown>) {
    this.request = { jsonrpc: '2.0', id, method: 'tools/call', params: { name: 'mesh_ping', arguments: args } };
  }

  get signal(): AbortSignal {
    this.#controller ??= new AbortController();
    return this.#controller.signal;
  }
}

const who = principal();
const here = await node();
const there = await node();
here.look();
there.look();
const args = mode === 'hop' ? { node_id: there.nodeId } : {};

async function calls(count: number): Promise<void> {
  let left = count;
  const one = async () => {
    while (left-- > 0) {
      const reply = here.router.handle(new Call(left, args));
      const { body } = waits(reply) ? await reply : reply;
      if (!Buffer.from(body).includes('at_ms')) throw new Error(Buffer.from(body).toString());
    }
  };
  await Promise.all(Array.from({ length: IN_FLIGHT }, one));
}

await calls(CALLS / 4);
for (let round = 0; round < 3; round += 1) {
  const before = process.cpuUsage();
  const from = performance.now();
  await calls(CALLS);
  const { user, system } = process.cpuUsage(before);
  const ms = performance.now() - from;
  console.log(
    `${mode}${audited ? ' audit' : ''}, ${IN_FLIGHT} in flight: ${((user + system) / CALLS).toFixed(1)} µs CPU a call, ${Math.round((CALLS / ms) * 1000)} calls/s`,
  );
}
await Promise.all([here.stop(), there.stop()]);
