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
  readonly by: string;
  readonly way: Way<Result>;
  isUnderWay: boolean;
  /** Of one that ended. */
  untilMs: number;
  bytes: number;
}

/** Calls that came by one peer, or by none. The first that began, and that ended, are first. */
interface Way<Result> {
  readonly agents: Map<string, Set<Kept<Result>>>;
  readonly ended: Set<Kept<Result>>;
  size: number;
  bytes: number;
}

/**
 * Calls by their agent's own keys, until ten minutes after they ended: a call that comes again finds the first one, by whichever peer it
 * comes. Bounded: of those that ended the oldest are forgotten first, of the agent that has too many by the same peer, else of the peer
 * that brought most, so that nobody's flood makes another's be forgotten. One that is under way never is, or it could run twice at once; where
 * nothing but such calls could make room, no more are begun.
 */
export class OnceBook<Result> {
  readonly #agents = new Map<string, Map<string, Kept<Result>>>();
  readonly #ways = new Map<string, Way<Result>>();
  /** The first that ended first. */
  readonly #ended = new Set<Kept<Result>>();
  #size = 0;
  #bytes = 0;
  readonly #onDropped: (agentId: string, key: string) => void;

  /** `onDropped` hears of each call that is forgotten, save of one whose key went on to another. */
  constructor(onDropped: (agentId: string, key: string) => void = () => undefined) {
    this.#onDropped = onDropped;
  }

  get size(): number {
    return this.#size;
  }

  find(agentId: string, key: string, nowMs: number): Once<Result> | undefined {
    for (const kept of this.#ended) {
      if (kept.untilMs > nowMs) break;
      this.#drop(kept);
    }
    return this.#agents.get(agentId)?.get(key);
  }

  /** Keeps a call that came `by` a peer, empty: by none. Undefined: too many are under way, so that it must not begin. */
  begin(
    agentId: string,
    key: string,
    { by, digest, result }: Once<Result> & { readonly by: string },
  ): Begun | undefined {
    const before = this.#agents.get(agentId)?.get(key);
    if (before !== undefined) this.#remove(before);
    else if (!this.#makeRoom(agentId, by)) return undefined;
    const way = this.#ways.get(by) ?? { agents: new Map(), ended: new Set(), size: 0, bytes: 0 };
    this.#ways.set(by, way);
    const kept: Kept<Result> = { agentId, key, by, way, digest, result, isUnderWay: true, untilMs: 0, bytes: 0 };
    this.#add(kept);
    return {
      ended: (bytes, nowMs) => {
        if (!kept.isUnderWay) return false;
        kept.isUnderWay = false;
        if (!way.agents.get(agentId)?.has(kept)) return false;
        kept.untilMs = nowMs + KEEP_MS;
        kept.bytes = bytes;
        way.bytes += bytes;
        this.#bytes += bytes;
        way.ended.add(kept);
        this.#ended.add(kept);
        while (this.#bytes > MAX_BYTES) this.#dropOfMost('bytes');
        return this.#ended.has(kept);
      },
      forget: () => this.#drop(kept),
    };
  }

  #makeRoom(agentId: string, by: string): boolean {
    const ofAgent = this.#ways.get(by)?.agents.get(agentId);
    if (ofAgent !== undefined && ofAgent.size >= MAX_OF_AGENT) {
      const oldest = firstEnded(ofAgent);
      if (oldest === undefined) return false;
      this.#drop(oldest);
    }
    return this.#size < MAX_ALL || this.#dropOfMost('size');
  }

  /** The oldest that ended by whom most is kept; false: nothing ended. */
  #dropOfMost(what: 'size' | 'bytes'): boolean {
    let most: Way<Result> | undefined;
    for (const way of this.#ways.values()) {
      if (way.ended.size > 0 && (most === undefined || way[what] > most[what])) most = way;
    }
    const oldest = most?.ended.values().next().value;
    if (oldest !== undefined) this.#drop(oldest);
    return oldest !== undefined;
  }

  #add(kept: Kept<Result>): void {
    const { agentId, key, way } = kept;
    const keys = this.#agents.get(agentId) ?? new Map<string, Kept<Result>>();
    this.#agents.set(agentId, keys.set(key, kept));
    const ofAgent = way.agents.get(agentId) ?? new Set<Kept<Result>>();
    way.agents.set(agentId, ofAgent.add(kept));
    way.size += 1;
    this.#size += 1;
  }

  #drop(kept: Kept<Result>): void {
    if (this.#remove(kept)) this.#onDropped(kept.agentId, kept.key);
  }

  #remove(kept: Kept<Result>): boolean {
    const { agentId, key, way, by, bytes } = kept;
    const ofAgent = way.agents.get(agentId);
    if (ofAgent?.delete(kept) !== true) return false;
    if (ofAgent.size === 0) way.agents.delete(agentId);
    way.ended.delete(kept);
    this.#ended.delete(kept);
    way.size -= 1;
    this.#size -= 1;
    way.bytes -= bytes;
    this.#bytes -= bytes;
    if (way.size === 0) this.#ways.delete(by);
    const keys = this.#agents.get(agentId);
    if (keys?.get(key) === kept) keys.delete(key);
    if (keys?.size === 0) this.#agents.delete(agentId);
    return true;
  }
}

function firstEnded<Result>(of: Iterable<Kept<Result>>): Kept<Result> | undefined {
  for (const kept of of) if (!kept.isUnderWay) return kept;
  return undefined;
}
