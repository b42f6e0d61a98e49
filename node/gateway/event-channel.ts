import type { SessionEvents } from './event-store.ts';
import type { HttpResponse } from './http-response.ts';
import { eventOf, SseStream } from './sse-stream.ts';

/** How soon a client that lost its connection may come back. */
const RETRY_MS = 1000;
/** How long what was asked of a client waits for it to come back: a server shared with others does nothing else meanwhile. */
const AWAY_MS = 15_000;

export interface ChannelOptions {
  /** Told apart from a session's other channels by this, also in its event ids. */
  readonly number: number;
  /** Where its events wait for a client that lost them; undefined: it dies with its connection, and events have no ids. */
  readonly events?: SessionEvents | undefined;
  /** Clients of 2025-11-25 and later understand an event without data; older ones take it for a broken message. */
  readonly primes: boolean;
}

/** The id that `MCP` calls globally unique within a session: it says of which channel, and where in it. */
function eventId(channel: number, event: number): string {
  return `${channel}-${event}`;
}

export function readEventId(id: string): { readonly channel: number; readonly event: number } | undefined {
  const [, channel, event] = /^(\d{1,15})-(\d{1,15})$/.exec(id) ?? [];
  return channel === undefined ? undefined : { channel: Number(channel), event: Number(event) };
}

/** One stream of messages to one client, over one connection after another. */
export class EventChannel {
  readonly number: number;
  readonly #events: SessionEvents | undefined;
  readonly #primes: boolean;
  #connection: SseStream | undefined;
  #last = 0;
  #ended = false;
  /** Since when it has had no connection. */
  #lostAtMs: number | undefined;

  constructor({ number, events, primes }: ChannelOptions) {
    this.number = number;
    this.#events = events;
    this.#primes = primes && events !== undefined;
  }

  get connection(): SseStream | undefined {
    return this.#connection?.open === true ? this.#connection : undefined;
  }

  get ended(): boolean {
    return this.#ended;
  }

  /** Whether what is sent now can still be heard: it is connected, or the client may come back for it. */
  get reachable(): boolean {
    return !this.#ended && (this.connection !== undefined || this.#resumable());
  }

  /** Whether the client has been away for longer than its answer to a question is waited for. */
  get abandoned(): boolean {
    if (this.#events === undefined) return this.connection === undefined;
    const waitMs = Math.min(AWAY_MS, this.#events.windowMs);
    return this.#lostAtMs !== undefined && this.#events.now() - this.#lostAtMs > waitMs;
  }

  /** Goes on over `res`; with `after`, beginning with what came after that event. A connection it still has is ended. */
  connect(res: HttpResponse, options: { after?: number; onClose?: () => void } = {}): void {
    const before = this.#connection;
    const connection = new SseStream(res, () => {
      if (this.#connection === connection) {
        this.#connection = undefined;
        this.#lostAtMs = this.#events?.now();
      }
      options.onClose?.();
    });
    this.#connection = connection;
    this.#lostAtMs = undefined;
    before?.end();
    const after = options.after ?? this.#last;
    if (this.#primes) connection.prime(eventId(this.number, after), RETRY_MS);
    for (const chunk of this.#events?.after(this.number, after) ?? []) connection.write(chunk);
  }

  /** Sends what may be lost on a client that does not keep up. */
  offer(message: Uint8Array): void {
    if (this.connection?.behind !== true) this.send(message);
  }

  /** False: nobody will ever hear it. */
  send(message: Uint8Array): boolean {
    if (this.#ended) return false;
    const { chunk, kept } = this.#next(message);
    const { connection } = this;
    connection?.write(chunk);
    return kept || connection !== undefined;
  }

  /** Ends it with a last message; a client that comes back for it hears `instead`, where the message is too large to be kept. */
  end(last: Uint8Array, instead: Uint8Array): void {
    if (this.#ended) return;
    this.#ended = true;
    const { chunk, kept } = this.#next(last);
    if (!kept) this.#keep(eventOf(instead, eventId(this.number, this.#last)));
    this.connection?.end(chunk);
  }

  /** Ends it as it is. */
  close(): void {
    this.#ended = true;
    this.#connection?.end();
  }

  keepAlive(): void {
    this.connection?.keepAlive();
  }

  #next(message: Uint8Array): { readonly chunk: Uint8Array; readonly kept: boolean } {
    if (this.#events === undefined) return { chunk: eventOf(message), kept: false };
    this.#last += 1;
    const chunk = eventOf(message, eventId(this.number, this.#last));
    return { chunk, kept: this.#keep(chunk) };
  }

  #keep(chunk: Uint8Array): boolean {
    return this.#resumable() && this.#events?.keep(this.number, this.#last, chunk) === true;
  }

  /** The client has seen an id of it, or will have with what is being sent. */
  #resumable(): boolean {
    return this.#events !== undefined && (this.#primes || this.#last > 0);
  }
}
