import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Principal } from '../../src/permissions/index.ts';
import { sendEmpty } from './answer.ts';
import { authenticate, type Visit } from './authenticate.ts';
import type { GatewayContext, GatewayLimits } from './context.ts';
import { EventStore, type EventStoreLimits } from './event-store.ts';
import { FastLane } from './fast-lane/index.ts';
import { connectionsOf, httpServer, type TlsPort } from './http-server.ts';
import { listen, type ListenAddress, listenAddress } from './listen-address.ts';
import { refuseUnread, sseConnection, sseMessages, streamableHttp } from './mcp-endpoint.ts';
import { OriginGuard } from './origin-guard.ts';
import { PlainPosts } from './plain-posts.ts';
import { publicEndpoint } from './public-endpoints.ts';
import type { AuthPort, LimiterPort, RouterPort } from './router-port.ts';
import type { Change } from './session.ts';
import { Sessions } from './sessions.ts';
import { REGISTRY, subregistry } from './subregistry.ts';
import { Subscriptions } from './subscriptions.ts';

export interface GatewayOptions {
  /** HOST:PORT; port 0 picks a free one. */
  readonly listen: string;
  /** Plain HTTP where others can reach it. */
  readonly insecureBind: boolean;
  /** HTTPS instead of plain HTTP. */
  readonly tls?: TlsPort | undefined;
  readonly allowedHosts: readonly string[];
  readonly allowedOrigins: readonly string[];
  readonly router: RouterPort;
  readonly auth: AuthPort;
  readonly limiter: LimiterPort;
  readonly limits: GatewayLimits;
  readonly serverInfo: { readonly name: string; readonly version: string };
  /** What `/version` answers; holds no secrets. */
  readonly build: Readonly<Record<string, unknown>>;
  /** Whether agents can call: what `/readyz` answers. */
  readonly ready: () => boolean;
  /** How long a client may take to send a whole request. */
  readonly requestTimeoutMs?: number;
  /** Milliseconds of a clock that is not set, as `performance.now()`. */
  readonly now?: () => number;
  /** Unix milliseconds: when tokens end. */
  readonly wallMs?: () => number;
  /** How much is kept for clients that lose a stream. */
  readonly keptEvents?: Partial<EventStoreLimits>;
}

const TICK_MS = 15_000;
/** A request that takes twice as long gets a stream that its client can resume. */
const LINGER_MS = 2_000;
const KEPT: EventStoreLimits = {
  maxEventsPerSession: 256,
  maxBytesPerSession: 1024 * 1024,
  maxBytes: 64 * 1024 * 1024,
  windowMs: 5 * 60_000,
};
/** Changes of lists come in bursts, as when a node joins: one notification tells of them all. */
const COALESCE_MS = 50;
const STOP_MS = 1_500;
const MAX_CONNECTIONS = 16_384;
/** Longer than the pools of common clients, or they race our close. */
const KEEP_ALIVE_MS = 65_000;
const VIEW = /^\/mcp\/([A-Za-z0-9_-]{1,64})$/;

/** The HTTP face of a node: MCP for the agents of this machine. */
export class Gateway {
  readonly #server: Server;
  readonly #context: GatewayContext;
  readonly #options: GatewayOptions;
  readonly #address: ListenAddress;
  readonly #changed = new Set<Change>();
  readonly #lane: Pick<FastLane<unknown>, 'start' | 'stop' | 'cut'>;
  /** Of node:http's connections those that never asked anything: clients open some in advance, and Node does not count them as idle. */
  readonly #fresh = new Set<Socket>();
  /** Under TLS: the TCP connections, those that have not shaken hands yet among them. */
  readonly #underTls: ReadonlySet<Socket>;
  #guard: OriginGuard | undefined;
  #port = 0;
  #tick: NodeJS.Timeout | undefined;
  #linger: NodeJS.Timeout | undefined;
  #coalesce: NodeJS.Timeout | undefined;
  #unlisten: (() => void) | undefined;
  #stopping: Promise<void> | undefined;

  /** Throws GatewayError when the address is not HOST:PORT, or is open to others without saying so. */
  constructor(options: GatewayOptions) {
    this.#options = options;
    this.#address = listenAddress(options.listen, { exposed: options.insecureBind || options.tls !== undefined });
    const { router, auth, limiter, limits, serverInfo, build, ready } = options;
    const now = options.now ?? (() => performance.now());
    this.#context = {
      ...{ router, auth, limiter, limits, serverInfo, build, ready },
      sessions: new Sessions(limits, new EventStore({ ...KEPT, ...options.keptEvents }, now)),
      subscriptions: new Subscriptions(serverInfo),
      now,
    };
    const requestTimeout = options.requestTimeoutMs ?? 30_000;
    const checkingInterval = Math.min(5_000, requestTimeout);
    this.#server = httpServer(
      {
        keepAliveTimeout: KEEP_ALIVE_MS,
        requestTimeout,
        headersTimeout: Math.min(10_000, requestTimeout),
        connectionsCheckingInterval: checkingInterval,
        maxHeaderSize: 16 * 1024,
        noDelay: true,
        // A header that came twice must not be read as the first of the two while a proxy reads the other.
        joinDuplicateHeaders: true,
        tls: options.tls,
        refused: (sourceIp) => router.refused({ stage: 'source', reason: 'RATE_LIMITED', sourceIp }),
      },
      (req, res) => this.#handle(req, res),
    );
    this.#server.maxConnections = MAX_CONNECTIONS;
    const posts = new PlainPosts(this.#context, {
      guard: () => (this.#stopping === undefined ? this.#guard : undefined),
      viewOf: (path) => VIEW.exec(path)?.[1],
    });
    this.#lane = new FastLane(this.#server, posts, {
      keepAliveTimeoutMs: KEEP_ALIVE_MS,
      lookAfterMs: checkingInterval,
      toHttp: (socket) => {
        this.#fresh.add(socket);
        socket.once('close', () => this.#fresh.delete(socket));
      },
    });
    this.#underTls = options.tls === undefined ? new Set() : connectionsOf(this.#server);
  }

  /** The full URL of `/mcp`. */
  get url(): string {
    return `${this.#options.tls === undefined ? 'http' : 'https'}://${this.#address.host}:${this.#port}/mcp`;
  }

  get sessionCount(): number {
    return this.#context.sessions.size;
  }

  get keptEventCount(): number {
    return this.#context.sessions.keptEvents;
  }

  get subscriptionCount(): number {
    return this.#context.subscriptions.size;
  }

  /** How many TCP connections are open. */
  connections(): Promise<number> {
    return new Promise((resolve, reject) =>
      this.#server.getConnections((error, count) => (error === null ? resolve(count) : reject(error))),
    );
  }

  /** Listens. Throws GatewayError when the address is taken or not of this machine. */
  async start(): Promise<void> {
    this.#port = await listen(this.#server, this.#address);
    const { allowedHosts: hosts, allowedOrigins: origins } = this.#options;
    this.#guard = new OriginGuard(new URL(this.url), { hosts, origins });
    this.#unlisten = this.#context.router.onListChanged((what) => this.#listChanged(what));
    this.#tick = setInterval(() => this.tick(), TICK_MS).unref();
    this.#lane.start();
    this.#linger = setInterval(() => this.linger(), LINGER_MS).unref();
  }

  /** Stops accepting, lets what is in flight finish for up to 1.5 s, then cuts what is left. */
  stop(): Promise<void> {
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  /** Keeps streams alive and ends what is idle or no longer authorised. Runs by itself every 15 s. */
  tick(): void {
    const wallMs = (this.#options.wallMs ?? Date.now)();
    this.#context.sessions.tick(this.#context.now(), wallMs);
    this.#context.subscriptions.tick(wallMs);
  }

  /** Looks after requests that take long. Runs by itself every 2 s. */
  linger(): void {
    this.#context.sessions.linger();
  }

  /** A token or an agent was revoked: nothing stays open in the name of such principals. */
  forget(gone: (principal: Principal) => boolean): void {
    this.#context.sessions.forget(gone);
    this.#context.subscriptions.forget(gone);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  async #stop(): Promise<void> {
    clearInterval(this.#tick);
    clearInterval(this.#linger);
    clearTimeout(this.#coalesce);
    this.#unlisten?.();
    if (!this.#server.listening) return;
    this.#context.subscriptions.closeAll();
    this.#context.sessions.endStreams();
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    for (const socket of this.#fresh) socket.destroy();
    this.#lane.stop();
    // A connection that falls idle after close() would be kept for its next request, which never comes.
    const idle = setInterval(() => this.#server.closeIdleConnections(), 50);
    const cut = setTimeout(() => {
      this.#context.sessions.closeAll();
      // after the last answers are written
      setImmediate(() => {
        this.#server.closeAllConnections();
        this.#lane.cut();
        for (const socket of this.#underTls) socket.destroy();
      });
    }, STOP_MS);
    await closed;
    clearInterval(idle);
    clearTimeout(cut);
    this.#context.sessions.closeAll();
  }

  #handle(req: IncomingMessage, res: ServerResponse): void {
    const context = this.#context;
    if (this.#fresh.size > 0) this.#fresh.delete(req.socket);
    const sourceIp = req.socket.remoteAddress ?? '';
    const url = req.url ?? '/';
    const query = url.indexOf('?');
    const path = query < 0 ? url : url.slice(0, query);
    const visit: Visit = { req, res, sourceIp, path, view: path === '/mcp' ? undefined : VIEW.exec(path)?.[1] };

    if (this.#stopping !== undefined) {
      const headers = ['Connection', 'close'];
      return refuseUnread(visit, { name: 'NODE_UNREACHABLE', message: 'the node is stopping', status: 503, headers });
    }
    const waitMs = context.limiter.source(sourceIp);
    if (waitMs > 0) {
      context.router.refused({ stage: 'source', reason: 'RATE_LIMITED', sourceIp });
      return refuseUnread(visit, { name: 'RATE_LIMITED', message: 'too many requests', retryAfterMs: waitMs });
    }
    const foreign = this.#guard?.refuses(req.headers);
    if (foreign !== undefined) {
      context.router.refused({ stage: 'origin', reason: foreign, sourceIp });
      if (req.headers.host?.includes(',') === true) {
        return refuseUnread(visit, { name: 'INVALID_REQUEST', message: 'more than one Host', status: 400 }); // RFC 9112, 3.2
      }
      const message = `this ${foreign} is not allowed`;
      return refuseUnread(visit, { name: 'INVALID_REQUEST', message, status: 403, dataCode: 'FORBIDDEN' });
    }
    if (req.headers.origin !== undefined && this.#crossOrigin(visit)) return;
    this.#route(visit);
  }

  #route(visit: Visit): void {
    const { path, view } = visit;
    if (path === '/mcp' || view !== undefined) return authenticate(this.#context, visit, streamableHttp);
    if (path === '/sse') return authenticate(this.#context, visit, sseConnection);
    if (path === '/messages') return authenticate(this.#context, visit, sseMessages);
    if (path === REGISTRY || path.startsWith(`${REGISTRY}/`)) return authenticate(this.#context, visit, subregistry);
    if (publicEndpoint(this.#context, visit)) return;
    refuseUnread(visit, { name: 'INVALID_REQUEST', message: 'no such path', status: 404, dataCode: 'NOT_FOUND' });
  }

  /** Lets pages of configured origins read answers; true when it was only their browser asking beforehand. */
  #crossOrigin({ req, res }: Visit): boolean {
    const cors = this.#guard?.corsHeaders(req.headers.origin) ?? [];
    for (let at = 0; at < cors.length; at += 2) res.setHeader(cors[at] as string, cors[at + 1] as string);
    if (req.method !== 'OPTIONS' || cors.length === 0) return false;
    const allowed = String(req.headers['access-control-request-headers'] ?? '').slice(0, 1024);
    const methods = ['Access-Control-Allow-Methods', 'GET, POST, DELETE'];
    sendEmpty(res, 204, [...methods, 'Access-Control-Allow-Headers', allowed, 'Access-Control-Max-Age', '600']);
    return true;
  }

  #listChanged(what: Change): void {
    this.#changed.add(what);
    this.#coalesce ??= setTimeout(() => {
      this.#coalesce = undefined;
      const changes = [...this.#changed];
      this.#changed.clear();
      for (const change of changes) {
        this.#context.sessions.notify(change);
        this.#context.subscriptions.notify(change);
      }
    }, COALESCE_MS);
  }
}
