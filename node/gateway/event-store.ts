export interface EventStoreLimits {
  readonly maxEventsPerSession: number;
  readonly maxBytesPerSession: number;
  /** Of all sessions together. */
  readonly maxBytes: number;
  /** How long an event is kept for a client that lost its connection. */
  readonly windowMs: number;
}

interface StoredEvent {
  readonly session: SessionEvents;
  readonly stream: number;
  /** Its place in the stream, from 1. */
  readonly number: number;
  readonly chunk: Uint8Array;
  readonly atMs: number;
}

/** The events that clients may ask for again, of all sessions: the oldest make room for new ones. */
export class EventStore {
  readonly limits: EventStoreLimits;
  readonly now: () => number;
  readonly #events = new Set<StoredEvent>(); // in the order of their coming, as in each session
  #bytes = 0;

  constructor(limits: EventStoreLimits, now: () => number) {
    this.limits = limits;
    this.now = now;
  }

  get size(): number {
    return this.#events.size;
  }

  add(event: StoredEvent): void {
    this.#events.add(event);
    this.#bytes += event.chunk.length;
    while (this.#bytes > this.limits.maxBytes) this.#dropOldest();
  }

  delete(event: StoredEvent): void {
    if (this.#events.delete(event)) this.#bytes -= event.chunk.length;
  }

  /** Forgets what is older than the window. */
  expire(): void {
    const before = this.now() - this.limits.windowMs;
    for (const event of this.#events) {
      if (event.atMs > before) return;
      event.session.drop(event);
    }
  }

  #dropOldest(): void {
    for (const oldest of this.#events) return oldest.session.drop(oldest);
  }
}

/** The events of one session, by stream. */
export class SessionEvents {
  readonly #store: EventStore;
  readonly #events = new Set<StoredEvent>();
  #bytes = 0;

  constructor(store: EventStore) {
    this.#store = store;
  }

  get windowMs(): number {
    return this.#store.limits.windowMs;
  }

  now(): number {
    return this.#store.now();
  }

  /** False: it is too large to be kept. */
  keep(stream: number, number: number, chunk: Uint8Array): boolean {
    const { maxEventsPerSession, maxBytesPerSession } = this.#store.limits;
    if (chunk.length > maxBytesPerSession) return false;
    const event = { session: this, stream, number, chunk, atMs: this.#store.now() };
    this.#events.add(event);
    this.#bytes += chunk.length;
    this.#store.add(event);
    for (const oldest of this.#events) {
      if (this.#events.size <= maxEventsPerSession && this.#bytes <= maxBytesPerSession) break;
      this.drop(oldest);
    }
    return true;
  }

  /** What is kept of `stream` after its event `number`; undefined when nothing at all is kept of that stream. */
  after(stream: number, number: number): Uint8Array[] | undefined {
    const kept = [...this.#events].filter((event) => event.stream === stream);
    if (kept.length === 0) return undefined;
    return kept.filter((event) => event.number > number).map(({ chunk }) => chunk);
  }

  drop(event: StoredEvent): void {
    if (this.#events.delete(event)) this.#bytes -= event.chunk.length;
    this.#store.delete(event);
  }

  clear(): void {
    for (const event of this.#events) this.drop(event);
  }
}
