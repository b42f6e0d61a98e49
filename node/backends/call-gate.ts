import type { RpcRequest } from '../../src/mcp/index.ts';
import type { BackendContext, BackendReply } from './backend.ts';
import { busy, call, DOWN, unavailable } from './call.ts';
import type { Connection } from './connection.ts';
import { isPast } from './exchange.ts';
import type { Expiring, Expiry } from './expiry.ts';
import { HeldCall } from './held-call.ts';
import { mayAskUnmarked } from './owner.ts';
import { failure } from './reply.ts';

const MAX_RUNNING = 64;
/** One agent leaves room for others to run. */
const MAX_RUNNING_OF_AGENT = (MAX_RUNNING * 3) / 4;
const MAX_WAITING = 256;
/** One agent leaves room for others to wait. */
const MAX_WAITING_OF_AGENT = MAX_WAITING / 2;
/** Agents whose turn is remembered. */
const MAX_TURNS = 1_024;
/** Requests beside those that do the work, which take nobody's place: to hear of a resource, or of how a task goes. */
const MAX_ASIDE = 256;

/** The connection for agents with a session, where that is another. */
type Session = () => Connection | undefined;

export type Perform = (connection: Connection) => Promise<BackendReply>;

export interface RunOptions {
  /** No later than this, whatever deadline the context has. */
  readonly deadlineAt: number;
  /** Does the call where it is not simply passed on. */
  readonly perform?: Perform | undefined;
}

/**
 * Lets at most 64 calls run on one server, of one agent 48, or one alone, and 256 wait, of one agent half of them; while it starts all wait, while it is
 * down none. Agents whose calls wait take turns.
 */
export class CallGate {
  readonly #expiry: Expiry;
  readonly #ttlMs: number;
  readonly #waiting = new Set<WaitingCall>();
  /** Of those that run, the ones that may wait for their agent to come back. */
  readonly #held = new Set<HeldCall>();
  /** Agents by when a call of theirs began last, the longest ago first. */
  readonly #turns = new Map<string, number>();
  #turn = 0;
  #running = 0;
  /** Of those that run, the ones in which the server may ask without saying so: all, and by agent. */
  #asking = 0;
  readonly #askingOf = new Map<string, number>();
  #maxAsking = MAX_RUNNING;
  #connection: Connection | undefined;
  #session: Session | undefined;
  #shut = true;

  constructor(options: { readonly expiry: Expiry; readonly ttlMs: number }) {
    this.#expiry = options.expiry;
    this.#ttlMs = options.ttlMs;
  }

  get idle(): boolean {
    return this.#running === 0 && this.#waiting.size === 0;
  }

  /** No call in which the server may ask begins while another such runs, from here on and for every life of the server. */
  oneAtATime(): void {
    this.#maxAsking = 1;
  }

  /** Calls run on `connection` from here on. */
  open(connection: Connection, options: { readonly session?: Session | undefined } = {}): void {
    this.#session = options.session;
    this.#connection = connection;
    this.#shut = false;
    this.#advance();
  }

  /** Calls wait for the next `open`. */
  hold(): void {
    this.#connection = undefined;
    this.#shut = false;
  }

  /** Calls are refused, those that wait too. */
  shut(): void {
    this.#connection = undefined;
    this.#shut = true;
    for (const waiting of this.#waiting) this.#leave(waiting, unavailable(waiting.request.id, DOWN));
  }

  run(request: RpcRequest, context: BackendContext, options: RunOptions): Promise<BackendReply> {
    if (this.#shut) return Promise.resolve(unavailable(request.id, DOWN));
    const waiting = new WaitingCall(request, context, options);
    if (context.signal.aborted || isPast(waiting.deadlineAt)) return Promise.resolve(unheard(waiting));
    const connection = this.#free(waiting);
    if (connection !== undefined) return this.#run(connection, waiting);
    if (this.#full(waiting.agentId)) return Promise.resolve(busy(request.id));
    this.#waiting.add(waiting);
    this.#expiry.add(waiting);
    for (const held of this.#held) held.waitedFor();
    return waiting.wait((given) => this.#leave(given, unheard(given)));
  }

  #full(agentId: string): boolean {
    if (this.#waiting.size < MAX_WAITING_OF_AGENT) return false;
    const own = [...this.#waiting].filter((waiting) => waiting.agentId === agentId);
    return this.#waiting.size >= MAX_WAITING || own.length >= MAX_WAITING_OF_AGENT;
  }

  async #run(connection: Connection, { request, context, options, agentId }: WaitingCall): Promise<BackendReply> {
    this.#took(agentId);
    const asking = mayAskUnmarked(request.method) ? 1 : 0;
    const held = context instanceof HeldCall ? context : undefined;
    if (held !== undefined) this.#held.add(held);
    if (this.#waiting.size > 0) held?.waitedFor();
    this.#running++;
    this.#count(agentId, asking);
    try {
      if (options.perform !== undefined) return await options.perform(connection);
      const session = context.era === 'session' ? this.#session?.() : undefined;
      return await call(session ?? connection, request, {
        context,
        deadlineAt: options.deadlineAt,
        ttlMs: this.#ttlMs,
      });
    } finally {
      if (held !== undefined) this.#held.delete(held);
      this.#running--;
      this.#count(agentId, -asking);
      this.#advance();
    }
  }

  #advance(): void {
    for (let next = this.#next(); next !== undefined; next = this.#next()) {
      this.#leave(next.waiting, this.#run(next.connection, next.waiting));
    }
  }

  /** Of the calls that may begin now, the oldest of the agent whose last one began longest ago. */
  #next(): { readonly waiting: WaitingCall; readonly connection: Connection } | undefined {
    let first: { readonly waiting: WaitingCall; readonly connection: Connection; readonly turn: number } | undefined;
    for (const waiting of this.#waiting) {
      const turn = this.#turns.get(waiting.agentId) ?? 0;
      if (first !== undefined && first.turn <= turn) continue;
      const connection = this.#free(waiting);
      if (connection !== undefined) first = { waiting, connection, turn };
    }
    return first;
  }

  #took(agentId: string): void {
    this.#turns.delete(agentId);
    this.#turns.set(agentId, ++this.#turn);
    if (this.#turns.size > MAX_TURNS) this.#turns.delete(this.#turns.keys().next().value as string);
  }

  /** The connection, if this request may begin on it now. One that has ended is on its way out, and the next is waited for. */
  #free({ request: { method }, agentId }: WaitingCall): Connection | undefined {
    if (this.#connection === undefined || this.#connection.closed) return undefined;
    const room = mayAskUnmarked(method) ? this.#mayWork(agentId) : this.#running - this.#asking < MAX_ASIDE;
    return room ? this.#connection : undefined;
  }

  #mayWork(agentId: string): boolean {
    return this.#asking < this.#maxAsking && (this.#askingOf.get(agentId) ?? 0) < MAX_RUNNING_OF_AGENT;
  }

  #count(agentId: string, change: number): void {
    if (change === 0) return;
    this.#asking += change;
    const count = (this.#askingOf.get(agentId) ?? 0) + change;
    if (count > 0) this.#askingOf.set(agentId, count);
    else this.#askingOf.delete(agentId);
  }

  #leave(waiting: WaitingCall, reply: BackendReply | Promise<BackendReply>): void {
    this.#waiting.delete(waiting);
    this.#expiry.remove(waiting);
    waiting.leave(reply);
  }
}

class WaitingCall implements Expiring {
  readonly request: RpcRequest;
  readonly context: BackendContext;
  readonly options: RunOptions;
  #resolve: ((reply: BackendReply | Promise<BackendReply>) => void) | undefined;
  #given: ((waiting: WaitingCall) => void) | undefined;

  constructor(request: RpcRequest, context: BackendContext, options: RunOptions) {
    this.request = request;
    this.context = context;
    this.options = options;
  }

  get agentId(): string {
    return this.context.principal.agentId;
  }

  get deadlineAt(): number {
    return Math.min(this.options.deadlineAt, this.context.deadlineAt);
  }

  /** `given` is told when the caller stops waiting. */
  wait(given: (waiting: WaitingCall) => void): Promise<BackendReply> {
    this.#given = given;
    this.context.signal.addEventListener('abort', this.#aborted);
    return new Promise((resolve) => {
      this.#resolve = resolve;
    });
  }

  leave(reply: BackendReply | Promise<BackendReply>): void {
    this.context.signal.removeEventListener('abort', this.#aborted);
    this.#resolve?.(reply);
  }

  expired(): void {
    this.#given?.(this);
  }

  readonly #aborted = (): void => this.expired();
}

function unheard({ request, deadlineAt }: WaitingCall): BackendReply {
  return isPast(deadlineAt)
    ? failure(
        request.id,
        { name: 'DEADLINE_EXCEEDED', message: 'no time was left to call the server' },
        { notStarted: true },
      )
    : failure(
        request.id,
        { name: 'OUTCOME_UNKNOWN', message: 'the caller cancelled before the call began' },
        { notStarted: true },
      );
}
