import type { RpcError } from '../../src/mcp/index.ts';
import type { BackendContext } from './backend.ts';
import type { ExchangeFailure, OutgoingMessage } from './channel.ts';
import type { Expiring } from './expiry.ts';

/** How one request to a server ended. `written`: the server may have begun it. */
export type Ending =
  | { readonly kind: 'result'; readonly result: Readonly<Record<string, unknown>> }
  | { readonly kind: 'error'; readonly error: RpcError }
  | { readonly kind: 'failed'; readonly failure: ExchangeFailure }
  | { readonly kind: 'deadline' | 'cancelled'; readonly written: boolean }
  | { readonly kind: 'refused'; readonly because: 'busy' | 'closed' };

export interface ExchangeOptions {
  /** `performance.now()` at which nobody waits any more; Infinity for a subscription. */
  readonly deadlineAt: number;
  readonly signal?: AbortSignal | undefined;
  /** The caller's own token, given back in each progress notification. */
  readonly progressToken?: string | number | undefined;
  readonly onRelated?: ((message: Uint8Array) => void) | undefined;
  /** For whom it is made; undefined: for this node itself. Its deadline is read again whenever it matters: a held call's moves. */
  readonly agent?: BackendContext | undefined;
}

/** One request in flight on a connection. */
export class Exchange implements Expiring {
  readonly message: OutgoingMessage & { readonly id: number };
  readonly agent: BackendContext | undefined;
  readonly progressToken: string | number | undefined;
  readonly onRelated: ((message: Uint8Array) => void) | undefined;
  readonly ended: Promise<Ending>;
  written = false;
  resent = false;
  readonly #deadlineAt: number;
  readonly #signal: AbortSignal | undefined;
  readonly #onGivenUp: (exchange: Exchange) => void;
  #resolve!: (ending: Ending) => void;

  /** `onGivenUp` is told when the caller stops waiting before the server answered. */
  constructor(
    message: OutgoingMessage & { readonly id: number },
    options: ExchangeOptions & { readonly onGivenUp: (exchange: Exchange) => void },
  ) {
    this.message = message;
    this.#deadlineAt = options.deadlineAt;
    this.agent = options.agent;
    this.progressToken = options.progressToken;
    this.onRelated = options.onRelated;
    this.#onGivenUp = options.onGivenUp;
    this.#signal = options.signal;
    this.ended = new Promise((resolve) => {
      this.#resolve = resolve;
    });
    this.#signal?.addEventListener('abort', this.#aborted);
  }

  get deadlineAt(): number {
    return Math.min(this.#deadlineAt, this.agent?.deadlineAt ?? Number.POSITIVE_INFINITY);
  }

  end(ending: Ending): void {
    this.#signal?.removeEventListener('abort', this.#aborted);
    this.#resolve(ending);
  }

  expired(): void {
    this.#giveUp('deadline');
  }

  readonly #aborted = (): void => {
    this.#giveUp(isPast(this.deadlineAt) ? 'deadline' : 'cancelled');
  };

  #giveUp(kind: 'deadline' | 'cancelled'): void {
    this.#onGivenUp(this);
    this.end({ kind, written: this.written });
  }
}

// Whoever watches the same deadline may fire a few milliseconds before us.
const EARLY_MS = 10;
export function isPast(deadlineAt: number): boolean {
  return performance.now() >= deadlineAt - EARLY_MS;
}
