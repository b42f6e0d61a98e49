export interface CacheBounds {
  readonly maxEntries: number;
  readonly maxBytes: number;
  /** A larger result is not kept. */
  readonly maxEntryBytes: number;
}

const BOUNDS: CacheBounds = { maxEntries: 10_000, maxBytes: 64 * 1024 * 1024, maxEntryBytes: 1024 * 1024 };

/** Around every entry: its keys and its place in the maps. */
const OVERHEAD_BYTES = 512;

/** What the caller says of a result that it wants kept. */
export interface NewResult {
  readonly body: Uint8Array;
  /** On the clock of `now`: from then on it is not given out. */
  readonly untilMs: number;
  /** What it is the result of, within its server: the tool, or the URI. */
  readonly target: string;
  /** The node that answered; empty: this one. */
  readonly nodeId: string;
}

interface Entry extends NewResult {
  readonly key: string;
  readonly shelf: Shelf;
}

interface Shelf {
  readonly server: string;
  readonly entries: Set<Entry>;
  epoch: number;
  /** Reads that run and may want to keep what they find. */
  readers: number;
  /** Until then a write may still be going on, so nothing read is kept. */
  unsettledUntilMs: number;
}

/** A read under way: what it finds is kept only if nothing was written since it began. */
export interface Reading {
  readonly shelf: Shelf;
  readonly epoch: number;
}

/**
 * Results that may be given out again, the least recently used forgotten first. Whatever may have changed a server's answers is said by
 * `changed`; what was read before that is neither given out nor kept afterwards, also where the read was still going on.
 */
export class ResultCache {
  readonly #bounds: CacheBounds;
  readonly #entries = new Map<string, Entry>();
  readonly #shelves = new Map<string, Shelf>();
  #bytes = 0;

  constructor(bounds: CacheBounds = BOUNDS) {
    this.#bounds = bounds;
  }

  get size(): number {
    return this.#entries.size;
  }

  get bytes(): number {
    return this.#bytes;
  }

  find(key: string, nowMs: number): Uint8Array | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined) return undefined;
    if (entry.untilMs <= nowMs) {
      this.#drop(entry);
      return undefined;
    }
    this.#entries.delete(key);
    this.#entries.set(key, entry);
    return entry.body;
  }

  /** A read of `server` begins; `end` it, whatever comes of it. */
  begin(server: string): Reading {
    const shelf = this.#shelf(server);
    shelf.readers += 1;
    return { shelf, epoch: shelf.epoch };
  }

  /** Whether what this read finds is still what the server would answer now, as far as is known here. */
  isCurrent({ shelf, epoch }: Reading, nowMs: number): boolean {
    return shelf.epoch === epoch && shelf.unsettledUntilMs <= nowMs;
  }

  keep(reading: Reading, key: string, { result, nowMs }: { readonly result: NewResult; readonly nowMs: number }): void {
    const { shelf } = reading;
    const before = this.#entries.get(key);
    if (before !== undefined) this.#drop(before);
    if (!this.isCurrent(reading, nowMs) || result.untilMs <= nowMs) return;
    if (result.body.length > this.#bounds.maxEntryBytes) return;
    const entry: Entry = { ...result, key, shelf };
    this.#entries.set(key, entry);
    shelf.entries.add(entry);
    this.#bytes += sizeOf(entry);
    while (this.#entries.size > this.#bounds.maxEntries || this.#bytes > this.#bounds.maxBytes) {
      this.#drop(this.#entries.values().next().value as Entry);
    }
  }

  end({ shelf }: Reading): void {
    shelf.readers -= 1;
    this.#tidy(shelf);
  }

  /** Answers of `server` may be other ones from here on. `except`: not those about this target. `unsettledUntilMs`: and go on changing. */
  changed(
    server: string,
    { except, unsettledUntilMs = 0 }: { readonly except?: string | undefined; readonly unsettledUntilMs?: number } = {},
  ): void {
    const shelf = unsettledUntilMs > 0 ? this.#shelf(server) : this.#shelves.get(server);
    if (shelf === undefined) return;
    shelf.epoch += 1;
    shelf.unsettledUntilMs = Math.max(shelf.unsettledUntilMs, unsettledUntilMs);
    for (const entry of shelf.entries) if (except === undefined || entry.target !== except) this.#drop(entry);
  }

  /** What this node answered is not known to be current any more. */
  forgetNode(nodeId: string): void {
    for (const shelf of this.#shelves.values()) {
      const theirs = [...shelf.entries].filter((entry) => entry.nodeId === nodeId);
      // Reads under way may be of that node as well.
      shelf.epoch += 1;
      for (const entry of theirs) this.#drop(entry);
    }
  }

  #shelf(server: string): Shelf {
    const known = this.#shelves.get(server);
    if (known !== undefined) return known;
    const shelf: Shelf = { server, entries: new Set(), epoch: 0, readers: 0, unsettledUntilMs: 0 };
    this.#shelves.set(server, shelf);
    if (this.#shelves.size > this.#bounds.maxEntries) this.#sweep();
    return shelf;
  }

  #sweep(): void {
    for (const shelf of this.#shelves.values()) {
      if (this.#shelves.size <= this.#bounds.maxEntries) return;
      if (shelf.entries.size === 0 && shelf.readers === 0) this.#shelves.delete(shelf.server);
    }
  }

  #drop(entry: Entry): void {
    this.#entries.delete(entry.key);
    entry.shelf.entries.delete(entry);
    this.#bytes -= sizeOf(entry);
    this.#tidy(entry.shelf);
  }

  #tidy(shelf: Shelf): void {
    const used = shelf.entries.size > 0 || shelf.readers > 0 || shelf.unsettledUntilMs > 0;
    if (!used && this.#shelves.get(shelf.server) === shelf) this.#shelves.delete(shelf.server);
  }
}

function sizeOf({ body }: Entry): number {
  return body.length + OVERHEAD_BYTES;
}
