import { randomFillSync } from 'node:crypto';
import type { ClientAbilities, Era, LogLevel } from '../../src/mcp/index.ts';
import type { Principal } from '../../src/permissions/index.ts';
import type { BackendContext } from '../backends/backend.ts';
import type { Cancellable, Cancellation, Deadlines, Expiring } from '../../protocols/mcp/index.ts';

interface Origin {
  readonly principal: Principal;
  readonly era: Era;
  readonly signal: AbortSignal;
  readonly cancellation?: Cancellation | undefined;
  readonly onRelated?: ((message: Uint8Array) => void) | undefined;
  readonly client?: ClientAbilities | undefined;
  readonly ask?: BackendContext['ask'];
  readonly logLevel?: LogLevel | undefined;
  readonly traceparent?: string | undefined;
}

const POOL = Buffer.alloc(16 * 256);
let used = POOL.length;

/** 16 random bytes, drawn from the kernel a page at a time. */
export function newCallId(): Uint8Array {
  if (used === POOL.length) {
    randomFillSync(POOL);
    used = 0;
  }
  used += 16;
  return Uint8Array.prototype.slice.call(POOL, used - 16, used);
}

/**
 * One call under way. Its signal, its place in the deadline wheel and its ear for the caller's cancellation are there once somebody
 * wants them: most local calls want none.
 */
export class CallContext implements BackendContext, Expiring, Cancellable, Cancellation {
  readonly principal: Principal;
  readonly era: Era;
  readonly callId: Uint8Array;
  readonly deadlineAt: number;
  readonly onRelated: ((message: Uint8Array) => void) | undefined;
  readonly client: ClientAbilities | undefined;
  readonly ask: BackendContext['ask'];
  readonly logLevel: LogLevel | undefined;
  /** The caller's, until this node has a span of its own. */
  traceparent: string | undefined;
  /** Known once the request is in its server's own names. */
  argumentsHash: string | undefined;
  readonly #origin: Origin;
  readonly #deadlines: Deadlines;
  #abort: AbortController | undefined;
  #armed: { cancel(): void } | undefined;
  #onAbort: (() => void) | undefined;
  #listener: Cancellable | undefined;

  constructor(
    origin: Origin,
    callId: Uint8Array,
    options: { readonly deadlineAt: number; readonly deadlines: Deadlines },
  ) {
    this.principal = origin.principal;
    this.era = origin.era;
    this.callId = callId;
    this.deadlineAt = options.deadlineAt;
    this.onRelated = origin.onRelated;
    this.client = origin.client;
    this.ask = origin.ask;
    this.logLevel = origin.logLevel;
    this.traceparent = origin.traceparent;
    this.#origin = origin;
    this.#deadlines = options.deadlines;
  }

  get signal(): AbortSignal {
    if (this.#abort === undefined) {
      this.#abort = new AbortController();
      this.#follow(this.#abort);
      if (!this.#abort.signal.aborted) this.#armed = this.#deadlines.add(this.deadlineAt, this);
    }
    return this.#abort.signal;
  }

  get cancellation(): Cancellation | undefined {
    return this.#origin.cancellation === undefined ? undefined : this;
  }

  get cancelled(): boolean {
    return this.#origin.cancellation?.cancelled === true;
  }

  get listener(): Cancellable | undefined {
    return this.#listener;
  }

  set listener(listener: Cancellable | undefined) {
    this.#listener = listener;
    const { cancellation } = this.#origin;
    if (cancellation !== undefined) cancellation.listener = this;
  }

  onCancel(): void {
    this.#abort?.abort();
    this.#listener?.onCancel();
  }

  onDeadline(): void {
    this.#abort?.abort(new DOMException('the deadline passed', 'TimeoutError'));
  }

  /** The call ended: nothing may fire any more. */
  end(): void {
    this.#armed?.cancel();
    const { cancellation } = this.#origin;
    if (cancellation?.listener === this) cancellation.listener = undefined;
    if (this.#onAbort !== undefined) this.#origin.signal.removeEventListener('abort', this.#onAbort);
  }

  #follow(abort: AbortController): void {
    const { cancellation } = this.#origin;
    if (cancellation !== undefined) {
      if (cancellation.cancelled) abort.abort();
      else cancellation.listener = this;
      return;
    }
    const { signal } = this.#origin;
    if (signal.aborted) return abort.abort(signal.reason);
    this.#onAbort = () => abort.abort(signal.reason);
    signal.addEventListener('abort', this.#onAbort, { once: true });
  }
}
