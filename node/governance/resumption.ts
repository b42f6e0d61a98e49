import type { Store } from '../storage/index.ts';
import type { GovernanceClock } from './ports.ts';

/** With nobody in reach for so long, a voter signs without having asked anybody. */
const UNREACHED_MS = 5_000;
/** And with others in reach of whom some do not answer. */
const UNANSWERED_MS = 30_000;
const RESTORED = 'restored/';
const ANYBODY = 'any other node';

export interface Reach {
  /** Nobody else can know of statements that this disk lacks: the village has no other nodes. */
  alone(): boolean;
  /** Connected now. */
  connected(): Iterable<string>;
  /** The nodes that hold the other voters' keys, as these say. */
  homes(): Iterable<string>;
  /** Every node that ever said what it enforces. */
  known(): Iterable<string>;
}

export interface Hearing {
  /** Its disk may be an older copy: of what it signed then, only others know. */
  readonly restored: boolean;
  readonly asked: ReadonlySet<string>;
  readonly reach: Reach;
  readonly sinceStartMs: number;
}

/**
 * Whom a voter's node has still to hear from before it signs; nobody: it may. What a disk holds that nobody exchanged is all that was
 * signed on it, so there asking is a precaution that ends. After a return to an older copy it does not end: everybody counts who is
 * connected, the nodes of all other voters, and for a while every node that is known.
 */
export function mustHearFrom({ restored, asked, reach, sinceStartMs }: Hearing): readonly string[] {
  if (reach.alone()) return [];
  const connected = new Set(reach.connected());
  if (!restored) {
    if (connected.size === 0) return asked.size > 0 || sinceStartMs > UNREACHED_MS ? [] : [ANYBODY];
    return sinceStartMs > UNANSWERED_MS ? [] : [...connected].filter((nodeId) => !asked.has(nodeId));
  }
  const known = sinceStartMs > UNANSWERED_MS ? [] : reach.known();
  const missing = [...new Set([...connected, ...reach.homes(), ...known])].filter((nodeId) => !asked.has(nodeId));
  return missing.length === 0 && asked.size === 0 ? [ANYBODY] : missing;
}

export interface ResumptionOptions {
  readonly store: Store;
  readonly clock: GovernanceClock;
  readonly reach: Reach;
  /** The voters whose keys are here, and whether the disk is a copy that was put back. */
  readonly voters: () => readonly string[];
  readonly restored: boolean;
}

/** Which voters may sign again since this node started. That a disk was put back is remembered until it is made good. */
export class Resumption {
  readonly #options: ResumptionOptions;
  readonly #restored: Set<string>;
  readonly #asked = new Set<string>();
  readonly #startedAt: number;

  private constructor(options: ResumptionOptions, restored: Set<string>) {
    this.#options = options;
    this.#restored = restored;
    this.#startedAt = options.clock.now();
  }

  static async open(options: ResumptionOptions): Promise<Resumption> {
    const restored = new Set<string>();
    for await (const [key] of options.store.entries({ gte: RESTORED, lt: `${RESTORED}~` }))
      restored.add(key.slice(RESTORED.length));
    const resumption = new Resumption(options, restored);
    if (options.restored) for (const voter of options.voters()) await resumption.distrust(voter);
    return resumption;
  }

  /** A peer gave us all it has, our own logs included. */
  askedPeer(nodeId: string): void {
    this.#asked.add(nodeId);
  }

  isRestored(voter: string): boolean {
    return this.#restored.has(voter);
  }

  mustHearFrom(voter: string): readonly string[] {
    const { reach, clock } = this.#options;
    const sinceStartMs = clock.now() - this.#startedAt;
    return mustHearFrom({ restored: this.isRestored(voter), asked: this.#asked, reach, sinceStartMs });
  }

  /** What this disk holds of the voter's log may not be all of it. Durable on return. */
  async distrust(voter: string): Promise<void> {
    this.#restored.add(voter);
    await markRestored(this.#options.store, voter);
  }

  /** All of the voter's log is here. Durable on return. */
  async trust(voter: string): Promise<void> {
    if (!this.#restored.has(voter)) return;
    await this.#options.store.batch([{ type: 'del', key: `${RESTORED}${voter}` }], { sync: true });
    this.#restored.delete(voter);
  }
}

/** The same on a disk that no node uses. Durable on return. */
export function markRestored(store: Pick<Store, 'put'>, voter: string): Promise<void> {
  return store.put(`${RESTORED}${voter}`, new Uint8Array(), { sync: true });
}
