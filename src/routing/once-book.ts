/** What became of a call that may be sent again under the same key. */
export interface Once<Result> {
  /** What it was: the same key for another call is a mistake. */
  readonly digest: string;
  /** The end of it, once it ended. */
  readonly result: Promise<Result>;
  readonly untilMs: number;
}

const KEEP_MS = 10 * 60_000;
const MAX_OF_AGENT = 1_024;
const MAX_ALL = 16_384;
const MAX_BYTES = 64 * 1024 * 1024;

interface Kept<Result> extends Once<Result> {
  readonly agentId: string;
  readonly key: string;
  bytes: number;
}

/** Calls by their agent's own keys, for ten minutes: a call that comes again finds the first one. Bounded; the oldest are forgotten first. */
export class OnceBook<Result> {
  readonly #agents = new Map<string, Map<string, Kept<Result>>>();
  /** All of them, the oldest first. */
  readonly #all = new Set<Kept<Result>>();
  #bytes = 0;
  readonly #onDropped: (agentId: string, key: string) => void;

  /** `onDropped` hears of each call that is forgotten, save of one whose key went on to another. */
  constructor(onDropped: (agentId: string, key: string) => void = () => undefined) {
    this.#onDropped = onDropped;
  }

  get size(): number {
    return this.#all.size;
  }

  find(agentId: string, key: string, nowMs: number): Once<Result> | undefined {
    this.#expire(nowMs);
    return this.#agents.get(agentId)?.get(key);
  }

  /**
   * Keeps a call from its beginning on; answers how to say how large its result is, which says whether there was room for it, and how to
   * forget the call, having not begun.
   */
  begin(
    agentId: string,
    key: string,
    { digest, result, nowMs }: { readonly digest: string; readonly result: Promise<Result>; readonly nowMs: number },
  ): { ended(bytes: number): boolean; forget(): void } {
    const keys = this.#agents.get(agentId) ?? new Map<string, Kept<Result>>();
    this.#agents.set(agentId, keys);
    const kept: Kept<Result> = { agentId, key, digest, result, untilMs: nowMs + KEEP_MS, bytes: 0 };
    const before = keys.get(key);
    if (before !== undefined) this.#remove(before);
    this.#agents.set(agentId, keys);
    keys.set(key, kept);
    this.#all.add(kept);
    if (keys.size > MAX_OF_AGENT) this.#drop(keys.values().next().value as Kept<Result>);
    if (this.#all.size > MAX_ALL) this.#dropOldest();
    return {
      ended: (bytes) => {
        if (!this.#all.has(kept)) return false;
        kept.bytes = bytes;
        this.#bytes += bytes;
        while (this.#bytes > MAX_BYTES) this.#dropOldest();
        return this.#all.has(kept);
      },
      forget: () => this.#drop(kept),
    };
  }

  #expire(nowMs: number): void {
    for (const kept of this.#all) {
      if (kept.untilMs > nowMs) return;
      this.#drop(kept);
    }
  }

  #dropOldest(): void {
    this.#drop(this.#all.values().next().value as Kept<Result>);
  }

  #drop(kept: Kept<Result>): void {
    if (this.#remove(kept)) this.#onDropped(kept.agentId, kept.key);
  }

  #remove(kept: Kept<Result>): boolean {
    if (!this.#all.delete(kept)) return false;
    this.#bytes -= kept.bytes;
    const keys = this.#agents.get(kept.agentId);
    if (keys?.get(kept.key) === kept) keys.delete(kept.key);
    if (keys?.size === 0) this.#agents.delete(kept.agentId);
    return true;
  }
}
