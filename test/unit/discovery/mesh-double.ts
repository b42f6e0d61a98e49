import type { Stream } from '@libp2p/interface';
import { streamPair } from '@libp2p/utils';
import { VillageError } from '../../../src/kernel/index.ts';
import { type ServerDefinition } from '../../../src/mcp/index.ts';
import type { HostedServer, Hosting, ServerState } from '../../../node/backends/backend.ts';
import {
  Directory,
  type DirectoryLinks,
  type DirectorySettings,
  type DirectoryState,
} from '../../../node/discovery/index.ts';
import type { AdmittedPeer, ProtocolSpec, StreamHandler } from '../../../node/host/mesh-host.ts';
import type { EventName, Events } from '../../../node/telemetry/events.ts';
import { signingNode } from '../../support/signing-node.ts';

export const VILLAGE = 'ab'.repeat(32);

/** A network in memory: who is connected to whom, provider records that outlive their nodes, gossip along connections. */
export class TestMesh {
  readonly nodes = new Map<string, TestNode>();
  readonly records = new Map<string, Set<string>>();
  /** Whether the DHT takes records. */
  provides = true;
  /** Whether gossip gets anywhere: among nodes that met just now it does not. */
  gossips = true;
  /** Whether links open. */
  links = true;
  /** Nodes that exchange notices over a link, once where one of them keeps it. */
  readonly linked = new Set<string>();

  async node(
    seed: number,
    options: Partial<DirectorySettings> & { disk?: Disk; mayHost?: (nodeId: string) => boolean } = {},
  ): Promise<TestNode> {
    const node = new TestNode(this, seed, options);
    this.nodes.set(node.nodeId, node);
    await node.open();
    return node;
  }

  /** Opens a link between the two and tells both. */
  link(one: TestNode, other: TestNode): void {
    const pair = pairOf(one.nodeId, other.nodeId);
    if (!this.links || this.linked.has(pair) || !one.peers.has(other.nodeId)) return;
    this.linked.add(pair);
    one.linkOpened(other.nodeId);
    other.linkOpened(one.nodeId);
  }

  /** Ends the link between the two, though they stay connected. */
  unlink(one: TestNode, other: TestNode): void {
    this.linked.delete(pairOf(one.nodeId, other.nodeId));
    one.loseLink(other.nodeId, { silent: false });
    other.loseLink(one.nodeId, { silent: false });
  }

  connect(one: TestNode, other: TestNode): void {
    if (one.peers.has(other.nodeId)) return;
    one.join(other);
    other.join(one);
  }

  /** As SIGKILL: connections break, records stay. */
  kill(node: TestNode): void {
    this.nodes.delete(node.nodeId);
    for (const other of [...node.peers.values()]) {
      this.linked.delete(pairOf(node.nodeId, other.nodeId));
      other.leave(node.nodeId);
      node.leave(other.nodeId);
    }
  }
}

function pairOf(one: string, other: string): string {
  return [one, other].sort().join(' ');
}

/** What a node keeps from one run to the next. */
export class Disk {
  state: DirectoryState | undefined;
  /** Every number that was ever on disk. */
  readonly seqs: number[] = [];
  broken = false;
}

export class TestServer implements HostedServer {
  readonly kind: 'role' | 'stdio';
  readonly alias: string;
  readonly share: 'mesh' | 'local';
  current: ServerState = 'healthy';
  offers: ServerDefinition | undefined;

  constructor(
    alias: string,
    tools: readonly string[],
    options: { kind?: 'role' | 'stdio'; share?: 'mesh' | 'local'; words?: string } = {},
  ) {
    this.alias = alias;
    this.kind = options.kind ?? 'stdio';
    this.share = options.share ?? 'mesh';
    this.offers = definitionOf(tools, options.words);
  }

  state() {
    return { state: this.current, since: 0 };
  }
  definition() {
    return this.offers;
  }
  async start() {}
  async stop() {}
  async request(): Promise<never> {
    throw new Error('discovery calls nothing');
  }
}

export function definitionOf(tools: readonly string[], words = 'does'): ServerDefinition {
  return {
    serverInfo: { name: 'test', version: '1' },
    capabilities: { tools: {} },
    tools: tools.map((name) => ({ name, description: `${words} ${name}`, inputSchema: { type: 'object' } })),
    resources: [],
    resourceTemplates: [],
    prompts: [],
    access: { level: 'OPERATOR', tools: {} },
  };
}

export class TestNode {
  readonly nodeId: string;
  readonly peers = new Map<string, TestNode>();
  readonly disk: Disk;
  readonly hosted: TestServer[] = [];
  readonly events: { name: EventName; detail: unknown }[] = [];
  readonly kept = new Set<string>();
  /** Streams opened to each node, to see who was asked. */
  readonly opened: string[] = [];
  /** As SIGSTOP: connected, and silent. */
  frozen = false;
  /** Waited for before the stream of that number opens. */
  beforeOpening: (number: number) => Promise<void> = async () => undefined;
  nowMs = 1_800_000_000_000;
  directory!: Directory;
  readonly #mesh: TestMesh;
  readonly #options: ConstructorParameters<typeof TestNode>[2];
  readonly #identity: ReturnType<typeof signingNode>;
  readonly #handlers = new Map<string, StreamHandler>();
  readonly #topics = new Map<string, (data: Uint8Array, from: string) => boolean>();
  readonly #admitted = new Set<(peer: AdmittedPeer) => void>();
  readonly #gone = new Set<(nodeId: string) => void>();
  readonly #lost = new Set<(nodeId: string, how: { silent: boolean }) => void>();
  readonly #linkOpened = new Set<(nodeId: string) => void>();
  readonly #notices = new Set<(nodeId: string, topic: string, body: Uint8Array) => void>();
  readonly #changes = new Set<(alias: string) => void>();

  constructor(
    mesh: TestMesh,
    seed: number,
    options: Partial<DirectorySettings> & { disk?: Disk; mayHost?: (nodeId: string) => boolean },
  ) {
    this.#mesh = mesh;
    this.#options = options;
    this.#identity = signingNode(seed);
    this.nodeId = this.#identity.nodeId;
    this.disk = options.disk ?? new Disk();
  }

  async open(): Promise<void> {
    const { disk, mayHost = () => true, ...settings } = this.#options;
    this.directory = await Directory.open({
      host: this.#host(),
      village: VILLAGE,
      sign: (typ, payload) => this.#identity.sign(typ, payload),
      store: {
        load: async () => this.disk.state,
        save: async (state) => {
          if (this.disk.broken) throw new VillageError('DISK', 'the disk refused it');
          this.disk.state = state;
          this.disk.seqs.push(state.seq);
        },
      },
      hosting: this.#hosting(),
      reporter: { report: (name, detail: Events[EventName]) => void this.events.push({ name, detail }) },
      clock: {
        wallMs: () => this.nowMs,
        now: () => this.nowMs,
        chance: () => 0.5,
        after: (ms, run) => {
          const timer = setTimeout(run, ms).unref();
          return () => clearTimeout(timer);
        },
      },
      mayHost,
      links: this.#links(),
      settings: { exchange: true, lookupIntervalMs: 40, sweepMs: 10, askTimeoutMs: 150, retryMs: 20, ...settings },
    });
    await this.directory.start();
  }

  tools(): string[] {
    return [...this.directory.catalogue().village.tools.keys()];
  }

  host(...servers: TestServer[]): void {
    this.hosted.push(...servers);
    for (const server of servers) this.changed(server.alias);
  }

  changed(alias: string): void {
    for (const tell of this.#changes) tell(alias);
  }

  heard(topic: string, data: Uint8Array, from: string): boolean | undefined {
    return this.#topics.get(topic)?.(data, from);
  }

  reported(name: EventName): unknown[] {
    return this.events.filter((event) => event.name === name).map((event) => event.detail);
  }

  loseLink(nodeId: string, how: { silent: boolean }): void {
    for (const tell of this.#lost) tell(nodeId, how);
  }

  linkOpened(nodeId: string): void {
    for (const tell of this.#linkOpened) tell(nodeId);
  }

  noticed(from: string, topic: string, body: Uint8Array): void {
    for (const tell of this.#notices) tell(from, topic, body);
  }

  join(other: TestNode): void {
    this.peers.set(other.nodeId, other);
    for (const tell of this.#admitted) tell({ nodeId: other.nodeId } as AdmittedPeer);
  }

  leave(nodeId: string): void {
    this.peers.delete(nodeId);
    for (const tell of this.#gone) tell(nodeId);
  }

  async answer(stream: Stream, spec: ProtocolSpec, from: string): Promise<void> {
    if (this.frozen) return;
    try {
      await this.#handlers.get(spec.name)?.(stream, { nodeId: from } as Parameters<StreamHandler>[1]);
    } catch (error) {
      stream.abort(error as Error);
    }
  }

  #host() {
    const mesh = this.#mesh;
    return {
      nodeId: this.nodeId,
      handle: (spec: ProtocolSpec, handler: StreamHandler) => void this.#handlers.set(spec.name, handler),
      openStream: async (nodeId: string, spec: ProtocolSpec): Promise<Stream> => {
        this.opened.push(nodeId);
        await this.beforeOpening(this.opened.length);
        const other = mesh.nodes.get(nodeId);
        if (other === undefined) throw new VillageError('NODE_UNREACHABLE', 'nobody is there');
        mesh.connect(this, other);
        const [near, far] = await streamPair();
        void other.answer(far, spec, this.nodeId);
        return near;
      },
      admitted: () => new Map([...this.peers.keys()].map((nodeId) => [nodeId, { nodeId } as AdmittedPeer])),
      onAdmitted: listening(this.#admitted),
      onGone: listening(this.#gone),
      provide: async (path: string): Promise<number> => {
        if (!mesh.provides) return 0;
        mesh.records.set(path, (mesh.records.get(path) ?? new Set()).add(this.nodeId));
        return this.peers.size;
      },
      unprovide: async (path: string) => void mesh.records.get(path)?.delete(this.nodeId),
      async *findProviders(path: string) {
        yield* [...(mesh.records.get(path) ?? [])];
      },
      subscribe: (topic: string, accept: (data: Uint8Array, from: string) => boolean) => {
        this.#topics.set(topic, accept);
      },
      publish: async (topic: string, data: Uint8Array) => this.#spread(topic, data),
    };
  }

  /** Gossip: along connections, past everyone who accepts it. */
  #spread(topic: string, data: Uint8Array): void {
    if (!this.#mesh.gossips) return;
    const reached = new Set([this.nodeId]);
    const spread = (from: TestNode) => {
      for (const peer of from.peers.values()) {
        if (reached.has(peer.nodeId) || peer.frozen) continue;
        reached.add(peer.nodeId);
        if (peer.heard(topic, data, this.nodeId) === true) spread(peer);
      }
    };
    spread(this);
  }

  #hosting(): Hosting {
    return {
      servers: () => this.hosted,
      get: (alias) => this.hosted.find((server) => server.alias === alias),
      onChange: listening(this.#changes),
    };
  }

  #links(): DirectoryLinks {
    const mesh = this.#mesh;
    const tell = (nodeId: string, topic: string, body: Uint8Array): boolean => {
      const to = mesh.linked.has(pairOf(this.nodeId, nodeId)) ? mesh.nodes.get(nodeId) : undefined;
      to?.noticed(this.nodeId, topic, body);
      return to !== undefined;
    };
    return {
      notice: (topic, body) => [...this.peers.keys()].filter((nodeId) => tell(nodeId, topic, body)).length,
      tell,
      onNotice: listening(this.#notices),
      onOpened: listening(this.#linkOpened),
      onLost: listening(this.#lost),
      keep: (nodeId) => {
        this.kept.add(nodeId);
        const other = mesh.nodes.get(nodeId);
        // Opening takes a moment, in which much can happen.
        if (other !== undefined) setTimeout(() => mesh.link(this, other), 5).unref();
        return () => this.kept.delete(nodeId);
      },
    };
  }
}

function listening<Listener>(listeners: Set<Listener>): (listener: Listener) => () => void {
  return (listener) => {
    listeners.add(listener);
    return () => listeners.delete(listener);
  };
}
