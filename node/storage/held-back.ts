type Change =
  | { readonly type: 'put'; readonly key: string; readonly value: Uint8Array }
  | { readonly type: 'del'; readonly key: string };

/** Where the values lie: of a LevelDB database what LevelDatastore calls. */
export interface Values {
  get(key: string): Promise<Uint8Array | undefined>;
  put(key: string, value: Uint8Array): Promise<void>;
  del(key: string): Promise<void>;
  batch(changes: Change[]): Promise<void>;
  /** Keys are text or its bytes, as `options` say. */
  iterator(options: object): AsyncIterable<[string | Uint8Array, Uint8Array]>;
}

const HOLD_MS = 30_000;

/**
 * Values of which nobody needs the newest after a crash, written at most every 30 s each: libp2p notes the time of each word with each
 * peer in a record of a kilobyte, several a second, which would wear out the flash memory of a small machine. Reads see the newest.
 */
export class HeldBack implements Values {
  readonly #level: Values;
  readonly #now: () => number;
  readonly #held = new Map<string, Uint8Array>();
  /** When each value was written that may not be again before its time. */
  readonly #writtenMs = new Map<string, number>();
  /** What is being written of the held, until it is. Never rejects. The database keeps no order among writes that overlap. */
  #flushing: Promise<void> | undefined;
  readonly #timer: NodeJS.Timeout;

  constructor(level: Values, options: { readonly now?: () => number; readonly lookEveryMs?: number } = {}) {
    this.#level = level;
    this.#now = options.now ?? (() => performance.now());
    this.#timer = setInterval(() => {
      this.flush().catch(() => undefined); // what could not be written is held until the next time
    }, options.lookEveryMs ?? HOLD_MS).unref();
  }

  async get(key: string): Promise<Uint8Array | undefined> {
    return this.#held.get(key) ?? this.#level.get(key);
  }

  async put(key: string, value: Uint8Array): Promise<void> {
    const now = this.#now();
    if (now - (this.#writtenMs.get(key) ?? Number.NEGATIVE_INFINITY) < HOLD_MS) {
      this.#held.set(key, value);
      return;
    }
    this.#writtenMs.set(key, now);
    this.#held.delete(key);
    await this.#flushing;
    await this.#level.put(key, value);
  }

  async del(key: string): Promise<void> {
    this.#forget(key);
    await this.#flushing;
    await this.#level.del(key);
  }

  async batch(changes: Change[]): Promise<void> {
    for (const { key } of changes) this.#forget(key);
    await this.#flushing;
    await this.#level.batch(changes);
  }

  iterator(options: object): AsyncIterable<[string | Uint8Array, Uint8Array]> & { close(): Promise<void> } {
    const entries = this.#entries(options);
    const close = async () => void (await entries.return(undefined));
    return { [Symbol.asyncIterator]: () => entries, close };
  }

  /** Writes all that is held. Rejects when the store does, and holds on to it. */
  async flush(): Promise<void> {
    while (this.#flushing !== undefined) await this.#flushing;
    const now = this.#now();
    for (const [key, atMs] of this.#writtenMs) if (now - atMs >= HOLD_MS) this.#writtenMs.delete(key);
    if (this.#held.size === 0) return;
    const written = this.#write([...this.#held], now);
    const over = (): void => void (this.#flushing = undefined);
    this.#flushing = written.then(over, over);
    await written;
  }

  async #write(held: readonly (readonly [key: string, value: Uint8Array])[], now: number): Promise<void> {
    await this.#level.batch(held.map(([key, value]) => ({ type: 'put' as const, key, value })));
    for (const [key, value] of held) {
      if (!this.#held.has(key)) continue; // deleted meanwhile, or written anew
      this.#writtenMs.set(key, now);
      if (this.#held.get(key) === value) this.#held.delete(key);
    }
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    await this.flush();
  }

  async *#entries(options: object): AsyncGenerator<[string | Uint8Array, Uint8Array], void> {
    for await (const [key, value] of this.#level.iterator(options)) {
      yield [key, this.#held.get(typeof key === 'string' ? key : Buffer.from(key).toString()) ?? value];
    }
  }

  #forget(key: string): void {
    this.#held.delete(key);
    this.#writtenMs.delete(key);
  }
}
