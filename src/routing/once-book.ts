/** What became of a call that may be sent again under the same key. */
export interface Once<Result> {
  /** What it was: the same key for another call is a mistake. */
  readonly digest: string;
  /** The end of it, once it ended. */
  readonly result: Promise<Result>;
}

/** A call that was kept from its beginning on. One of both is said of it, once. */
interface Begun {
  /** How large its result is; answers whether there was room for it. */
  ended(bytes: number, nowMs: number): boolean;
  /** It never began. */
  forget(): void;
}

const KEEP_MS = 10 * 60_000;
const MAX_OF_AGENT = 1_024;
const MAX_ALL = 16_384;
const MAX_BYTES = 64 * 1024 * 1024;

interface Kept<Result> extends Once<Result> {
  readonly agentId: string;
  readonly key: string;
  /** Of one that ended. */
  untilMs: number;
  bytes: number;
}

/**
 * Calls by their agent's own keys, until ten minutes after they ended: a call that comes again finds the first one. Bounded: of those that
 * ended the oldest are forgotten first. One that is under way is never forgotten, or it could run twice at once; where nothing but
 * such calls could make room, no more are begun.
 */
export class OnceBook<Result> {
  readonly #agents = new Map<string, Map<string, Kept<Result>>>();
  readonly #underWay = new Set<Kept<Result>>();
  /** The first that ended first. */
  readonly #ended = new Set<Kept<Result>>();
  #bytes = 0;
  readonly #onDropped: (agentId: string, key: string) => void;

  /** `onDropped` hears of each call that is forgotten, save of one whose key went on to another. */
  constructor(onDropped: (agentId: string, key: string) => void = () => undefined) {
    this.#onDropped = onDropped;
  }

  get size(): number {
    return this.#underWay.size + this.#ended.size;
  }

  find(agentId: string, key: string, nowMs: number): Once<Result> | undefined {
    this.#expire(nowMs);
    return this.#agents.get(agentId)?.get(key);
  }

  /** Keeps a call; undefined: too many are under way, of this agent or of all, so that it must not begin. */
  begin(agentId: string, key: string, { digest, result }: Once<Result>): Begun | undefined {
    const before = this.#agents.get(agentId)?.get(key);
    if (before === undefined && !this.#makeRoom(agentId)) return undefined;
    if (before !== undefined) this.#remove(before);
    const kept: Kept<Result> = { agentId, key, digest, result, untilMs: 0, bytes: 0 };
    const keys = this.#agents.get(agentId) ?? new Map<string, Kept<Result>>();
    this.#agents.set(agentId, keys);
    keys.set(key, kept);
    this.#underWay.add(kept);
    return {
      ended: (bytes, nowMs) => {
        if (!this.#underWay.delete(kept)) return false;
        kept.bytes = bytes;
        kept.untilMs = nowMs + KEEP_MS;
        this.#ended.add(kept);
        this.#bytes += bytes;
        while (this.#bytes > MAX_BYTES) this.#dropOldest();
        return this.#ended.has(kept);
      },
      forget: () => this.#drop(kept),
    };
  }

  #makeRoom(agentId: string): boolean {
    const keys = this.#agents.get(agentId);
    if (keys !== undefined && keys.size >= MAX_OF_AGENT) {
      const oldest = this.#firstEnded(keys.values());
      if (oldest === undefined) return false;
      this.#drop(oldest);
    }
    if (this.size < MAX_ALL) return true;
    if (this.#ended.size === 0) return false;
    this.#dropOldest();
    return true;
  }

  #firstEnded(of: Iterable<Kept<Result>>): Kept<Result> | undefined {
    for (const kept of of) if (this.#ended.has(kept)) return kept;
    return undefined;
  }

  #expire(nowMs: number): void {
    for (const kept of this.#ended) {
      if (kept.untilMs > nowMs) return;
      this.#drop(kept);
    }
  }

  #dropOldest(): void {
    this.#drop(this.#ended.values().next().value as Kept<Result>);
  }

  #drop(kept: Kept<Result>): void {
    if (this.#remove(kept)) this.#onDropped(kept.agentId, kept.key);
  }

  #remove(kept: Kept<Result>): boolean {
    if (!this.#underWay.delete(kept) && !this.#ended.delete(kept)) return false;
    this.#bytes -= kept.bytes;
    const keys = this.#agents.get(kept.agentId);
    if (keys?.get(kept.key) === kept) keys.delete(kept.key);
    if (keys?.size === 0) this.#agents.delete(kept.agentId);
    return true;
  }
}
