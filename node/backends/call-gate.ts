import type { RpcRequest } from '../../src/mcp/index.ts';
import type { BackendContext, BackendReply } from './backend.ts';
import { busy, call, unavailable } from './call.ts';
import type { Connection } from './connection.ts';
import { isPast } from './exchange.ts';
import type { Expiring, Expiry } from './expiry.ts';
import { mayAskUnmarked } from './owner.ts';
import { failure } from './reply.ts';

const MAX_RUNNING = 64;
const MAX_WAITING = 256;

export type Perform = (connection: Connection) => Promise<BackendReply>;

/** Lets at most 64 calls run on one server, or one, and 256 wait; while it starts all wait, while it is down none. */
export class CallGate {
  readonly #expiry: Expiry;
  readonly #ttlMs: number;
  readonly #waiting = new Set<WaitingCall>();
  #running = 0;
  #maxRunning = MAX_RUNNING;
  #connection: Connection | undefined;
  #problem: string | undefined = 'it is not started';

  constructor(options: { readonly expiry: Expiry; readonly ttlMs: number }) {
    this.#expiry = options.expiry;
    this.#ttlMs = options.ttlMs;
  }

  get idle(): boolean {
    return this.#running === 0 && this.#waiting.size === 0;
  }

  /** No call begins while another runs, from here on and for every life of the server. */
  oneAtATime(): void {
    this.#maxRunning = 1;
  }

  /** Calls run on `connection` from here on. */
  open(connection: Connection): void {
    this.#connection = connection;
    this.#problem = undefined;
    this.#advance();
  }

  /** Calls wait for the next `open`. */
  hold(): void {
    this.#connection = undefined;
    this.#problem = undefined;
  }

  /** Calls are refused, those that wait too. */
  shut(problem: string): void {
    this.#connection = undefined;
    this.#problem = problem;
    for (const waiting of this.#waiting) this.#leave(waiting, unavailable(waiting.request.id, problem));
  }

  /** `perform` does the call where it is not simply passed on. */
  run(
    request: RpcRequest,
    context: BackendContext,
    options: { readonly deadlineAt: number; readonly perform?: Perform | undefined },
  ): Promise<BackendReply> {
    const { deadlineAt, perform } = options;
    if (this.#problem !== undefined) return Promise.resolve(unavailable(request.id, this.#problem));
    if (context.signal.aborted || isPast(deadlineAt)) return Promise.resolve(unheard(request, context.deadlineAt));
    const connection = this.#free(request);
    if (connection !== undefined) return this.#run(connection, request, { context, deadlineAt, perform });
    if (this.#waiting.size >= MAX_WAITING) return Promise.resolve(busy(request.id));
    return new Promise((resolve) => {
      const given = (call: WaitingCall): void => this.#leave(call, unheard(request, call.deadlineAt));
      const waiting = new WaitingCall(request, { context, deadlineAt, perform, resolve, given });
      this.#waiting.add(waiting);
      this.#expiry.add(waiting);
    });
  }

  async #run(
    connection: Connection,
    request: RpcRequest,
    options: { readonly context: BackendContext; readonly deadlineAt: number; readonly perform?: Perform | undefined },
  ): Promise<BackendReply> {
    this.#running++;
    try {
      if (options.perform !== undefined) return await options.perform(connection);
      return await call(connection, request, { ...options, ttlMs: this.#ttlMs });
    } finally {
      this.#running--;
      this.#advance();
    }
  }

  #advance(): void {
    for (const waiting of this.#waiting) {
      const connection = this.#free(waiting.request);
      if (connection === undefined) continue;
      this.#leave(waiting, this.#run(connection, waiting.request, waiting));
    }
  }

  /** The connection, if this request may begin on it now. One that has ended is on its way out, and the next is waited for. */
  #free({ method }: RpcRequest): Connection | undefined {
    if (this.#connection === undefined || this.#connection.closed) return undefined;
    const most = mayAskUnmarked(method) ? this.#maxRunning : MAX_RUNNING;
    return this.#running < most ? this.#connection : undefined;
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
  readonly perform: Perform | undefined;
  readonly #deadlineAt: number;
  readonly #resolve: (reply: BackendReply | Promise<BackendReply>) => void;
  readonly #given: (waiting: WaitingCall) => void;

  constructor(
    request: RpcRequest,
    options: {
      readonly context: BackendContext;
      readonly deadlineAt: number;
      readonly perform: Perform | undefined;
      readonly resolve: (reply: BackendReply | Promise<BackendReply>) => void;
      /** The caller stopped waiting. */
      readonly given: (waiting: WaitingCall) => void;
    },
  ) {
    this.request = request;
    this.context = options.context;
    this.#deadlineAt = options.deadlineAt;
    this.perform = options.perform;
    this.#resolve = options.resolve;
    this.#given = options.given;
    this.context.signal.addEventListener('abort', this.#aborted);
  }

  get deadlineAt(): number {
    return Math.min(this.#deadlineAt, this.context.deadlineAt);
  }

  leave(reply: BackendReply | Promise<BackendReply>): void {
    this.context.signal.removeEventListener('abort', this.#aborted);
    this.#resolve(reply);
  }

  expired(): void {
    this.#given(this);
  }

  readonly #aborted = (): void => this.#given(this);
}

function unheard(request: RpcRequest, deadlineAt: number): BackendReply {
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
