import type { Connection, Stream } from '@libp2p/interface';
import { streamPair } from '@libp2p/utils';
import type {
  BackendContext,
  BackendReply,
  HostedServer,
  Hosting,
  ResourceListener,
} from '../../node/backends/backend.ts';
import { PeerBackend } from '../../node/backends/peer.ts';
import { failure, success } from '../../node/backends/reply.ts';
import type { RouterCall } from '../../node/gateway/index.ts';
import type { AdmittedPeer, StreamHandler } from '../../node/host/mesh-host.ts';
import { PeerLinks } from '../../node/peers/index.ts';
import { DeadlineTimer, type OnceLog, type RatePort, Router, type RouterParts } from '../../node/router/index.ts';
import type { AuditRecord } from '../../src/audit/index.ts';
import type { PolicyValue } from '../../src/constitution/index.ts';
import type { RpcRequest, ServerDefinition } from '../../src/mcp/index.ts';
import type { Level, Principal } from '../../src/permissions/index.ts';
import { buildCatalogue, type Catalogue, type Offer } from '../../src/routing/index.ts';
import { principal } from './mux-peers.ts';

/** A server in this process that keeps what it is asked, tells of changes, and runs tasks that end when told. */
export class NotingServer implements HostedServer {
  readonly kind = 'stdio';
  readonly share = 'mesh';
  readonly alias: string;
  readonly asked: { readonly request: RpcRequest; readonly agentId: string }[] = [];
  readonly #listeners = new Set<ResourceListener>();
  readonly #taskIds: () => string;
  /** What it says instead of ok. */
  refuses: string | undefined;

  constructor(alias: string, options: { readonly taskIds?: () => string } = {}) {
    let count = 0;
    this.alias = alias;
    this.#taskIds = options.taskIds ?? (() => `task-${++count}`);
  }

  get listened(): number {
    return this.#listeners.size;
  }

  methods(): string[] {
    return this.asked.map(({ request }) => request.method);
  }

  state() {
    return { state: 'healthy', since: 0 } as const;
  }

  definition(): ServerDefinition {
    return {
      serverInfo: { name: this.alias, version: '1' },
      capabilities: {
        tools: {},
        resources: { subscribe: true },
        tasks: { cancel: {}, requests: { tools: { call: {} } } },
      },
      tools: [{ name: 'work', inputSchema: { type: 'object' } }],
      resources: [{ uri: `test://${this.alias}/a`, name: 'a' }],
      resourceTemplates: [{ uriTemplate: `test://${this.alias}/{path}`, name: 'any' }],
      prompts: [],
      access: { level: 'OPERATOR', tools: { work: 'COORDINATOR' } },
    };
  }

  onResourceUpdated(listener: ResourceListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  update(uri: string, agentId?: string): void {
    for (const listener of this.#listeners) listener(uri, agentId);
  }

  async request(request: RpcRequest, context: BackendContext): Promise<BackendReply> {
    this.asked.push({ request, agentId: context.principal.agentId });
    if (this.refuses !== undefined) {
      return failure(request.id, { name: 'RESOURCE_NOT_FOUND', message: this.refuses });
    }
    const { method, params } = request;
    if (method === 'tools/call')
      return success(request.id, { task: { taskId: this.#taskIds(), status: 'working', ttl: null } });
    if (method === 'tasks/result')
      return success(request.id, { content: [{ type: 'text', text: `${this.alias}: done` }] });
    const status = method === 'tasks/cancel' ? 'cancelled' : 'working';
    return success(request.id, method.startsWith('tasks/') ? { taskId: params?.['taskId'], status, ttl: null } : {});
  }

  async start(): Promise<void> {}
  async stop(): Promise<void> {}
}

interface NodeOptions {
  readonly once?: OnceLog;
  /** Absent: nobody is ever too often here. */
  readonly rates?: RatePort;
  readonly limits?: Partial<typeof LIMITS>;
  /** Absent: servers may change as they like. */
  readonly pins?: RouterParts['pins'];
  /** What the village decided. */
  readonly policy?: Readonly<Record<string, PolicyValue>>;
}

const UNLIMITED: RatePort = { take: () => 0, broughtBy: () => ({ take: () => 0, takeWhole: () => 0 }) };
const LIMITS: ReturnType<RouterParts['limits']> = {
  perAgentPerMinute: 10_000,
  perNodePerSecond: 10_000,
  callTimeoutMs: 5_000,
  maxInFlightPerAgent: 256,
  maxInFlightPerPeer: 256,
};

/** Nodes joined by stream pairs, each with a router, links and servers of its own: all but host, discovery and HTTP. */
export class RouterNetwork {
  readonly #nodes = new Map<string, NetworkNode>();
  readonly #handlers = new Map<string, StreamHandler>();
  readonly #streams: { readonly between: readonly string[]; readonly ends: readonly Stream[] }[] = [];
  #version = 0;

  add(nodeId: string, servers: readonly HostedServer[] = [], options: NodeOptions = {}): NetworkNode {
    const node = new NetworkNode(nodeId, servers, {
      ...options,
      catalogue: (self) => this.#catalogue(self),
      open: (from, to) => this.#open(from, to),
      handle: (handler) => void this.#handlers.set(nodeId, handler),
    });
    this.#nodes.set(nodeId, node);
    this.changed();
    return node;
  }

  /** Everybody looks again at who serves what. */
  changed(): void {
    this.#version += 1;
    for (const { router } of this.#nodes.values()) router.catalogueChanged();
  }

  /** Breaks every stream of this node, and lets none be opened until `reconnect`. */
  disconnect(nodeId: string): () => void {
    const handler = this.#handlers.get(nodeId);
    this.#handlers.delete(nodeId);
    for (const { between, ends } of this.#streams) {
      if (between.includes(nodeId)) for (const end of ends) end.abort(new Error('cut'));
    }
    return () => {
      if (handler !== undefined) this.#handlers.set(nodeId, handler);
    };
  }

  async stop(): Promise<void> {
    for (const node of this.#nodes.values()) await node.stop();
  }

  #catalogue(self: string): Catalogue {
    const offers = [...this.#nodes.values()].flatMap(({ nodeId, servers }) =>
      [...servers.values()].map((server): Offer => {
        const definition = server.definition() as ServerDefinition;
        const about = { alias: server.alias, nodeId, local: nodeId === self, definition } as const;
        return { ...about, kind: 'third_party', definitionHash: server.alias, firstSeenMs: 1 };
      }),
    );
    return buildCatalogue(offers, this.#version);
  }

  async #open(from: string, to: string): Promise<Stream> {
    const handler = this.#handlers.get(to);
    if (handler === undefined) throw new Error('nobody there');
    const ends = await streamPair();
    this.#streams.push({ between: [from, to], ends });
    await handler(ends[1], { nodeId: from, connection: {} as Connection });
    return ends[0];
  }
}

export class NetworkNode {
  readonly nodeId: string;
  readonly servers = new Map<string, HostedServer>();
  readonly links: PeerLinks;
  readonly router: Router;
  readonly audited: AuditRecord[] = [];
  /** What the agents named here may do at most. */
  readonly levels = new Map<string, Level>();
  readonly #hostingListeners = new Set<(alias: string) => void>();

  constructor(
    nodeId: string,
    servers: readonly HostedServer[],
    network: NodeOptions & {
      catalogue: (self: string) => Catalogue;
      open: (from: string, to: string) => Promise<Stream>;
      handle: (handler: StreamHandler) => void;
    },
  ) {
    this.nodeId = nodeId;
    for (const server of servers) this.servers.set(server.alias, server);
    const deadlines = new DeadlineTimer();
    const reporter = { report: () => undefined };
    this.links = new PeerLinks({
      host: {
        nodeId,
        handle: (_protocol, handler) => network.handle(handler),
        openStream: (to) => network.open(nodeId, to),
        admitted: () => new Map<string, AdmittedPeer>(),
        onAdmitted: () => () => undefined,
      },
      deadlines,
      reporter,
      delegationFor: (who) => JSON.stringify([who.agentId, who.tokenId, who.permissions]),
      accept: (delegation) => {
        const [agentId, tokenId, permissions] = JSON.parse(delegation) as [string, string, string[] | null];
        const level = this.levels.get(agentId) ?? 'COORDINATOR';
        const who = { ...principal(agentId, tokenId), level, permissions: permissions ?? undefined };
        return { kind: 'accepted', principal: who, expiresAtMs: Number.MAX_SAFE_INTEGER };
      },
      serve: (call) => this.router.serve(call),
      limits: { maxInFlightPerPeer: 256 },
    });
    const hosting: Hosting = {
      servers: () => [...this.servers.values()],
      get: (alias) => this.servers.get(alias),
      onChange: (listener) => {
        this.#hostingListeners.add(listener);
        return () => this.#hostingListeners.delete(listener);
      },
    };
    this.router = new Router(
      {
        policy: () => ({ ...POLICY, value: (key) => network.policy?.[key] }),
        catalogue: () => network.catalogue(nodeId),
        find: async () => undefined,
        hosting,
        peer: (peer, alias) => new PeerBackend(this.links, { nodeId: peer, alias }),
        links: this.links,
        audit: {
          record: (entry) => void this.audited.push(entry),
          recordDurably: async (entry) => void this.audited.push(entry),
          failure: undefined,
          room: () => undefined,
        },
        rates: network.rates ?? UNLIMITED,
        once: network.once,
        pins: network.pins,
        reporter,
        limits: () => ({ ...LIMITS, ...network.limits }),
        clock: { now: () => performance.now(), chance: () => 0 },
      },
      deadlines,
    );
  }

  /** One server takes the place of another, or none does. */
  host(alias: string, server: HostedServer | undefined): void {
    if (server === undefined) this.servers.delete(alias);
    else this.servers.set(alias, server);
    for (const listener of this.#hostingListeners) listener(alias);
  }

  /** Subscribes as one session of an agent does; `heard` fills with what it is told of. */
  async subscribe(uri: string, agent: Principal = agentNamed('ann')) {
    const heard: string[] = [];
    const outcome = await this.router.subscribe(
      this.#call({ jsonrpc: '2.0', id: 1, method: 'resources/subscribe', params: { uri } }, agent),
      (changed) => void heard.push(changed),
    );
    const error = outcome.kind === 'refused' ? bodyOf(outcome.reply.body).error : undefined;
    return { heard, error, end: outcome.kind === 'subscribed' ? outcome.end : () => undefined };
  }

  async ask(
    method: string,
    params: Record<string, unknown>,
    agent: Principal = agentNamed('ann'),
    { id = 7, ...more }: Partial<Pick<RouterCall, 'signal' | 'era'>> & { id?: number } = {},
  ) {
    const call = { ...this.#call({ jsonrpc: '2.0', id, method, params }, agent), ...more };
    return bodyOf((await this.router.handle(call)).body);
  }

  async stop(): Promise<void> {
    this.router.close();
    await this.links.stop({ graceMs: 100 });
  }

  #call(request: RpcRequest, who: Principal): RouterCall {
    const { signal } = new AbortController();
    return { request, principal: who, era: 'session', view: undefined, sourceIp: '', sessionId: 's', signal };
  }
}

export function agentNamed(name: string, tokenId = 'aa', level: Level = 'COORDINATOR'): Principal {
  return { ...principal(name, tokenId), level };
}

// biome-ignore lint: a JSON value of any shape
function bodyOf(body: Uint8Array): any {
  return JSON.parse(Buffer.from(body).toString('utf8'));
}

const POLICY = {
  version: 0,
  value: () => undefined,
  permissionFor: () => undefined,
  levelOf: () => undefined,
  isEvicted: () => false,
  isRevoked: () => false,
  isNodeHeld: () => false,
  isAgentHeld: () => false,
  root: '',
  agentOf: () => undefined,
  isVoter: () => false,
  agentNames: () => [],
  rightsOf: () => ({}),
  mayIssue: () => true,
};
