import type { HostedServer } from '../../node/backends/index.ts';
import { systemClock } from '../../node/discovery/index.ts';
import { Fog, type FogParts } from '../../node/fog/index.ts';
import {
  boottimeMs,
  type EndReason,
  type Runner,
  type RunningShard,
  type ShardStart,
} from '../../node/fog/runner/index.ts';
import { Libp2pHost } from '../../node/host/index.ts';
import { type Database, MemoryDatabase } from '../../node/storage/index.ts';
import { type Limits, LIMITS, type NodeConfig, type ShardSpec } from '../../src/fog/index.ts';
import type { PolicyView } from '../../src/constitution/index.ts';
import type { Level, Principal } from '../../src/permissions/index.ts';
import { keypair } from './keypair.ts';
import { GuestList, Reports } from './mesh-hosts.ts';
import { until } from './until.ts';

const villageId = 'fa'.repeat(32);
const GIB = 1_024;

/** Shorter than in life, in the same proportions, so that a test of a lost lease takes seconds. */
export const QUICK: Limits = {
  ...LIMITS,
  leaseMs: 6_000,
  renewEveryMs: 1_000,
  adEveryMs: 1_000,
  adSoonestMs: 50,
  adTtlMs: 4_000,
  blockedMinMs: 200,
  blockedMaxMs: 1_000,
  graceMs: 500,
};

/** What runs in it: whoever asks hears who answered. */
export class TestRunner implements Runner {
  readonly name: string;
  readonly running = new Map<string, { readonly start: ShardStart; end: (reason: EndReason) => void }>();
  readonly started: ShardStart[] = [];
  /** By whatever runs in it. */
  readonly printed: string[];
  /** Starts, and never answers its handshake. */
  neverReady = false;
  swept = 0;

  constructor(name: string) {
    this.name = name;
    this.printed = [`hello from ${name}`];
  }

  async sweep(): Promise<number> {
    this.swept += 1;
    return 0;
  }

  async enforcement() {
    return { tier: 'watchdog', memoryMargin: 250, missing: [] } as const;
  }

  async start(start: ShardStart): Promise<RunningShard> {
    const { promise: exited, resolve } = Promise.withResolvers<EndReason>();
    const end = (reason: EndReason): void => {
      this.running.delete(start.placementId);
      clearTimeout(guard);
      resolve(reason);
    };
    let untilMs = start.leaseUntilMs;
    // As its guard would: dead at the end of its lease, whatever its node does.
    const look = (): void => {
      if (boottimeMs() >= untilMs) end({ kind: 'lease' });
      else guard = setTimeout(look, Math.max(10, untilMs - boottimeMs())).unref();
    };
    let guard = setTimeout(look, Math.max(10, untilMs - boottimeMs())).unref();
    this.started.push(start);
    this.running.set(start.placementId, { start, end });
    const server: HostedServer = {
      kind: 'stdio',
      alias: start.alias,
      share: 'mesh',
      state: () => ({ state: 'healthy', since: 0 }),
      definition: () => undefined,
      start: async () => undefined,
      stop: async () => undefined,
      request: async () => ({
        body: Buffer.from(`${this.name} ${start.slot} ${start.epoch}`),
        outcome: 'ok',
        reason: '',
      }),
    };
    return {
      placementId: start.placementId,
      pid: undefined,
      startTime: undefined,
      server: { ...server, onChange: () => () => undefined },
      ready: this.neverReady ? new Promise(() => undefined) : Promise.resolve(true),
      exited,
      stop: async (cause) => {
        end({ kind: cause });
        return exited;
      },
      renewLease: (ms) => {
        untilMs = Math.max(untilMs, ms);
      },
      usage: () => undefined,
      logs: { read: () => ({ lines: [...this.printed], dropped: 0 }), follow: () => () => undefined },
    };
  }

  async close(): Promise<void> {
    for (const { end } of this.running.values()) end({ kind: 'stopped' });
  }

  /** As a machine that loses power: nothing is said to anybody. */
  vanish(): void {
    this.running.clear();
  }
}

export interface FogNode {
  readonly nodeId: string;
  readonly seed: number;
  readonly host: Libp2pHost;
  readonly fog: Fog;
  readonly runner: TestRunner;
  readonly reports: Reports;
  readonly database: Database;
  readonly guests: Map<string, HostedServer>;
}

export interface FogNodeOptions {
  readonly cpuMilli?: number;
  readonly memMib?: number;
  readonly database?: Database;
  /** `memory` unless said. */
  readonly transport?: 'tcp' | 'memory';
  readonly limits?: Limits;
  /** Hears no gossip of fog. */
  readonly deaf?: boolean;
  /** Milli-cores of one owner above which it wants to see a vote. */
  readonly voteAbove?: number;
  readonly levels?: Readonly<Record<string, Level>>;
  readonly parts?: Partial<FogParts>;
}

let names = 0;

/** Nodes with real libp2p and real fog, whose shards are only pretended. */
export class FogVillage {
  readonly guests = new GuestList();
  readonly nodes: FogNode[] = [];
  readonly #stopped = new Set<FogNode>();

  async node(seed: number, options: FogNodeOptions = {}): Promise<FogNode> {
    const {
      cpuMilli = 4_000,
      memMib = 8 * GIB,
      database = new MemoryDatabase(),
      limits = QUICK,
      levels = {},
      voteAbove = 64_000,
      transport = 'memory',
      deaf = false,
    } = options;
    const key = keypair(seed);
    const nodeId = key.peerId;
    names += 1;
    this.guests.members.add(nodeId);
    const reports = new Reports();
    const host = new Libp2pHost({
      nodeId,
      peerSeed: Buffer.from(key.d, 'base64url'),
      villageId,
      membership: this.guests,
      listen: [transport === 'tcp' ? '/ip4/127.0.0.1/tcp/0' : `/memory/fog-${process.pid}-${names}`],
      transport,
      stores: { host: database.namespace('host'), knownPeers: database.namespace('known') },
      reporter: reports,
      limits: { redialFirstMs: 100, redialLongestMs: 300 },
    });
    const guests = new Map<string, HostedServer>();
    const runner = new TestRunner(nodeId);
    const capacity = { cpuMilli, memMib, diskMib: 10 * GIB, gpus: 0 };
    const config: NodeConfig = {
      node: nodeId,
      capacity,
      gpuIds: [],
      maxShards: 64,
      runtimes: ['role', 'role:agent'],
      enforcement: ['cgroup'],
      labels: { seed: String(seed) },
      policy: { maxShard: capacity, maxPriority: 'emergency', accepts: true },
      votePolicy: { above: { cpuMilli: voteAbove, memMib: 256 * GIB }, slots: 64, gpus: true, priority: 'emergency' },
      limits,
    };
    const level = (agent: string): Level => levels[agent] ?? 'COORDINATOR';
    const policy = {
      permissionFor: () => ({ level: 'COORDINATOR', auditRequired: false }),
    } as unknown as PolicyView;
    const fog = await Fog.open({
      host: deaf ? withoutGossip(host) : host,
      hosting: {
        addGuest: (server) => !guests.has(server.alias) && Boolean(guests.set(server.alias, server)),
        removeGuest: (alias) => void guests.delete(alias),
        guestChanged: () => undefined,
      },
      villageId,
      sign: (typ, payload) => key.jws(typ, payload),
      stores: { node: database.namespace('fog-node'), owner: database.namespace('fog-owner') },
      clock: { ...systemClock, boottimeMs },
      reporter: reports,
      runner,
      artifacts: {
        names: () => ['role:agent'],
        judge: async ({ artifact }) =>
          artifact === 'role:agent'
            ? { kind: 'runnable', warm: true }
            : { kind: 'refused', code: 'UNTRUSTED_ARTIFACT', detail: `this node has no ${artifact}` },
        prepare: async () => ({ kind: 'process', command: 'true', args: [], env: {} }),
      },
      node: config,
      gpus: [],
      condition: async () => ({
        power: { source: 'mains', percent: null, charging: false },
        thermal: 'normal',
        psi: null,
      }),
      checks: {
        nodeId,
        villageId,
        policy: () => policy,
        // The delegation of these tests is the agent's name: what is proven elsewhere is taken as proven here.
        accept: (agentId, homeNode) => ({
          kind: 'accepted',
          principal: principalOf(agentId, homeNode, level(agentId)),
          expiresAtMs: Number.MAX_SAFE_INTEGER,
        }),
        ownPrincipal: (agent) => principalOf(agent, nodeId, level(agent)),
        minLevel: () => 'OPERATOR',
      },
      authority: async ({ agent }) => ({ delegation: agent }),
      propose: async () => undefined,
      remember: () => undefined,
      unspoken: () => new Set(),
      ...options.parts,
    });
    const node = { nodeId, seed, host, fog, runner, reports, database, guests };
    this.nodes.push(node);
    await host.start();
    for (const other of this.nodes) {
      if (other === node || this.#stopped.has(other)) continue;
      await host.dial(other.host.addresses()[0] as string, { signal: AbortSignal.timeout(5_000) });
    }
    await fog.start();
    return node;
  }

  /** So many nodes that all know of each other's room. */
  async of(
    count: number,
    options: FogNodeOptions | ((index: number) => Promise<FogNodeOptions>) = {},
  ): Promise<readonly FogNode[]> {
    const nodes: FogNode[] = [];
    for (let index = 0; index < count; index += 1) {
      nodes.push(await this.node(150 + index, typeof options === 'function' ? await options(index) : options));
    }
    for (const node of nodes) await this.knows(node, nodes);
    return nodes;
  }

  async knows(node: FogNode, others: readonly FogNode[]): Promise<void> {
    const known = () => node.fog.office.nodes({ need: { cpuMilli: 1, memMib: 1, diskMib: 0, gpus: 0 } }).nodes;
    await until(() => others.every(({ nodeId }) => known().some((one) => one.nodeId === nodeId)), {
      what: 'every node is heard of',
      timeoutMs: 10_000,
    });
  }

  /** Its process is gone in the middle of whatever it did: no goodbye, no write. */
  async kill(node: FogNode): Promise<void> {
    this.#stopped.add(node);
    node.runner.vanish();
    await node.host.stop();
    await node.fog.stop();
  }

  /** As a node ends that is told to. */
  async end(node: FogNode): Promise<void> {
    this.#stopped.add(node);
    await node.fog.stop();
    await node.host.stop();
  }

  async stop(): Promise<void> {
    for (const node of this.nodes) if (!this.#stopped.has(node)) await this.end(node);
  }
}

function withoutGossip(host: Libp2pHost): Libp2pHost {
  return new Proxy(host, {
    get(whole, name) {
      if (name === 'subscribe') return () => undefined;
      const value: unknown = Reflect.get(whole, name);
      return typeof value === 'function' ? value.bind(whole) : value;
    },
  });
}

export function principalOf(agentId: string, homeNode: string, level: Level = 'COORDINATOR'): Principal {
  return {
    agentId,
    homeNode,
    level,
    role: 'test',
    permissions: undefined,
    tokenId: 'a'.repeat(64),
    issuedAtMs: 0,
    expiresAtMs: Number.MAX_SAFE_INTEGER,
  };
}

export function specOf(changes: Partial<ShardSpec> = {}): ShardSpec {
  return {
    v: 1,
    agentType: 'magi',
    artifact: 'role:agent',
    args: {},
    env: {},
    res: { cpuMilli: 1_000, memMib: 1_024, diskMib: 0, gpus: 0 },
    priority: 'normal',
    mode: 'exclusive',
    preemptible: false,
    labels: {},
    enforcement: [],
    antiAffinity: 'hard',
    trustMin: 0,
    leaseMs: 6_000,
    lingerMs: 0,
    ...changes,
  };
}
