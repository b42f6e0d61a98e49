import { setImmediate as immediate, setTimeout as delay } from 'node:timers/promises';
import { VillageError } from '../../src/kernel/index.ts';
import type { RpcRequest } from '../../src/mcp/index.ts';
import type { BackendContext, BackendReply, Era, ServerState } from './backend.ts';
import { BackendError } from './backend-error.ts';
import { Backoff } from './backoff.ts';
import { CallGate } from './call-gate.ts';
import type { Connection, ConnectionEvents } from './connection.ts';
import type { Expiry } from './expiry.ts';
import { type Listing, listAll } from './listing.ts';
import { ResourceSubscriptions } from './resource-subscriptions.ts';
import { isSubscription } from './subscription-methods.ts';

/** A server that answered its handshake. */
export interface Live {
  readonly connection: Connection;
  /** The session to call over for an agent that has one, on a server that speaks both eras; undefined while there is none. */
  readonly session?: (() => Connection | undefined) | undefined;
  readonly pid?: number | undefined;
  /** Resolves with the reason when it is gone, whoever ended it. */
  readonly ended: Promise<string>;
  stop(): Promise<void>;
}

/** What a supervisor handles of the connection's events; how it ended comes by `Live.ended`. */
export type LiveEvents = Omit<ConnectionEvents, 'closed'>;
export type Open = (events: LiveEvents, options: { readonly signal: AbortSignal }) => Promise<Live>;

export interface SupervisorOptions {
  readonly open: Open;
  readonly expiry: Expiry;
  readonly ttlMs: number;
  readonly onChange: () => void;
  readonly onListing: (listing: Listing) => void;
  readonly onLog: (text: string) => void;
  /** Whoever runs the server starts it again, not we: when it ends it stays down. */
  readonly once?: boolean | undefined;
  /** The server runs for one agent alone: which of its calls a question belongs to does not matter. */
  readonly oneAgent: boolean;
  /** A resource that somebody subscribed to has changed, or may have changed unheard. */
  readonly onResourceUpdated: (uri: string) => void;
}

export interface Condition {
  readonly state: ServerState;
  /** Milliseconds since 1970. */
  readonly since: number;
  readonly problem?: string;
  readonly pid?: number;
  readonly restarts?: number;
}

// A burst of list_changed is one new listing.
const RELIST_MS = 50;
const PATIENT_MS = 1_000;
// Somebody has to install it first, or to name another in the configuration, which starts anew.
const ABSENT_MS = 60_000;

/** Keeps one instance of one server running: starts it, lists what it offers, and starts it again when it ends. */
export class Supervisor {
  readonly #options: SupervisorOptions;
  readonly #gate: CallGate;
  readonly #backoff = new Backoff();
  readonly #stopping = new AbortController();
  #condition: Condition = { state: 'starting', since: Date.now() };
  #restarts = 0;
  #running: Promise<void> | undefined;
  readonly #resources: ResourceSubscriptions;
  #stale = false;
  #era: Era | undefined;

  constructor(options: SupervisorOptions) {
    this.#options = options;
    this.#gate = new CallGate(options);
    this.#gate.hold();
    this.#resources = new ResourceSubscriptions(options.onResourceUpdated);
  }

  get idle(): boolean {
    return this.#gate.idle && this.#resources.empty;
  }

  /** The era it spoke when it last answered; undefined: it never has. */
  get era(): Era | undefined {
    return this.#era;
  }

  condition(): Condition {
    return this.#condition;
  }

  start(): void {
    this.#running ??= this.#run();
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    this.#gate.shut();
    await this.#running;
  }

  request(
    request: RpcRequest,
    context: BackendContext,
    options: { readonly deadlineAt: number },
  ): Promise<BackendReply> {
    if (!isSubscription(request.method)) return this.#gate.run(request, context, options);
    const asked = { request, context, deadlineAt: options.deadlineAt };
    return this.#resources.handle(asked, (perform) => this.#gate.run(request, context, { ...options, perform }));
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping;
    let wasAbsent = false;
    while (!signal.aborted) {
      // A program that is not there has been told of; looking for it again is no start.
      if (!wasAbsent) {
        this.#become('starting');
        this.#gate.hold();
      }
      const { problem, healthyMs, absent = false } = await this.#live(signal);
      if (signal.aborted) break;
      if (this.#options.once === true) {
        this.#gate.shut();
        this.#become('down', problem);
        return;
      }
      wasAbsent = absent;
      const waitMs = absent ? ABSENT_MS * (1 + Math.random()) : this.#backoff.next(healthyMs, Math.random());
      // One that has just served is likely to serve again in a moment: calls wait for that rather than fail.
      if (healthyMs > 0 && waitMs <= PATIENT_MS) this.#gate.hold();
      else this.#gate.shut();
      this.#become('down', problem);
      this.#restarts++;
      await delay(waitMs, undefined, { signal }).catch(() => undefined);
    }
    this.#become('down', 'stopped');
  }

  /** One life of the server; answers how it ended. */
  async #live(signal: AbortSignal): Promise<{ problem: string; healthyMs: number; absent?: boolean }> {
    let live: Live | undefined;
    let healthyAt: number | undefined;
    const healthyMs = (): number => (healthyAt === undefined ? 0 : performance.now() - healthyAt);
    try {
      live = await this.#options.open(
        this.#events(() => live),
        { signal },
      );
      const { connection, ended } = live;
      if (signal.aborted) return { problem: 'stopped', healthyMs: 0 };
      this.#era = connection.terms?.era;
      await this.#list(connection);
      healthyAt = performance.now();
      this.#gate.open(connection, { session: live.session });
      void this.#resources.restore(connection); // never rejects; calls need not wait for it
      this.#become('healthy', this.#condition.problem, live.pid);
      return { problem: await endOrAbort(ended, signal), healthyMs: healthyMs() };
    } catch (error) {
      const gone = await Promise.race([live?.ended, immediate(undefined)]);
      const absent = error instanceof BackendError && error.code === 'BACKEND_ABSENT';
      return { problem: gone ?? describe(error), healthyMs: healthyMs(), absent };
    } finally {
      await live?.stop();
    }
  }

  #events(live: () => Live | undefined): LiveEvents {
    return {
      listChanged: () => {
        const { signal } = this.#stopping;
        if (this.#stale) return;
        this.#stale = true;
        void delay(RELIST_MS, undefined, { signal })
          .then(() => {
            this.#stale = false;
            const connection = live()?.connection;
            return connection === undefined ? undefined : this.#list(connection);
          })
          .catch((error: unknown) => {
            this.#stale = false;
            if (!signal.aborted) this.#become('degraded', describe(error), live()?.pid);
          });
      },
      resourceUpdated: (uri) => this.#options.onResourceUpdated(uri),
      renewed: () => {
        const connection = live()?.connection;
        if (connection !== undefined) void this.#resources.restore(connection); // never rejects
      },
      log: (params) => this.#options.onLog(JSON.stringify(params['data'] ?? null)),
      askedUnmarked: () => {
        if (!this.#options.oneAgent) this.#gate.oneAtATime();
      },
    };
  }

  async #list(connection: Connection): Promise<void> {
    const terms = connection.terms;
    if (terms === undefined) return;
    const listing = await listAll(connection, terms);
    this.#options.onListing(listing);
    if (this.#condition.state === 'degraded') this.#become('healthy', listing.problem, this.#condition.pid);
    else if (listing.problem !== this.#condition.problem)
      this.#become(this.#condition.state, listing.problem, this.#condition.pid);
  }

  #become(state: ServerState, problem?: string, pid?: number): void {
    this.#condition = {
      state,
      since: Date.now(),
      restarts: this.#restarts,
      ...(problem === undefined ? {} : { problem: problem.replace('\n', ': ') }),
      ...(pid === undefined ? {} : { pid }),
    };
    this.#options.onChange();
  }
}

/** What a person is told about `error`: our own words, never those of a stranger’s exception. */
export function describe(error: unknown): string {
  if (!(error instanceof VillageError)) return 'it failed to start';
  return error.hint === undefined ? error.message : `${error.message} (${error.hint})`;
}

function endOrAbort(ended: Promise<string>, signal: AbortSignal): Promise<string> {
  return new Promise((resolve) => {
    const stopped = (): void => resolve('stopped');
    if (signal.aborted) stopped();
    signal.addEventListener('abort', stopped);
    void ended.then((problem) => {
      signal.removeEventListener('abort', stopped);
      resolve(problem);
    });
  });
}
