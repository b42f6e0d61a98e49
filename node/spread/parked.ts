/** Whoever still has it brings it again by then. */
const KEPT_MS = 3_600_000;
/** More from one peer push out its own oldest, and nobody else's. */
const MAX_PER_SENDER = 64;

export interface ParkedOptions<Item> {
  /** What is the same has the same. */
  readonly idOf: (item: Item) => string;
  readonly bytesOf: (item: Item) => number;
  readonly maxItems: number;
  readonly maxBytes: number;
}

/** Something, and the node that sent it. */
export interface Waiting<Item> {
  readonly item: Item;
  readonly from: string;
}

/** What may count when more is known. Bounded, and in memory only: whoever has it brings it again. */
export class Parked<Item> {
  readonly #options: ParkedOptions<Item>;
  /** By id, oldest first. */
  readonly #parked = new Map<string, Waiting<Item> & { readonly untilMs: number }>();
  #bytes = 0;

  constructor(options: ParkedOptions<Item>) {
    this.#options = options;
  }

  get size(): number {
    return this.#parked.size;
  }

  /** Answers whether it is new here. What is here already takes the newer form; its sender, its place and its end stay. */
  add(item: Item, { from, nowMs }: { readonly from: string; readonly nowMs: number }): boolean {
    const { idOf, bytesOf, maxItems, maxBytes } = this.#options;
    const id = idOf(item);
    const before = this.#parked.get(id);
    this.#bytes += bytesOf(item) - (before === undefined ? 0 : bytesOf(before.item));
    if (before !== undefined) {
      this.#parked.set(id, { ...before, item });
      return false;
    }
    const ofSender = [...this.#parked].filter(([, waiting]) => waiting.from === from);
    if (ofSender.length >= MAX_PER_SENDER) this.#drop(ofSender[0]?.[0]);
    this.#parked.set(id, { item, from, untilMs: nowMs + KEPT_MS });
    while (this.#parked.size > maxItems || this.#bytes > maxBytes) this.#drop(this.#parked.keys().next().value);
    return true;
  }

  list(): readonly Waiting<Item>[] {
    return [...this.#parked.values()];
  }

  remove(item: Item): void {
    this.#drop(this.#options.idOf(item));
  }

  forgetOld(nowMs: number): void {
    for (const [id, { untilMs }] of this.#parked) if (untilMs <= nowMs) this.#drop(id);
  }

  #drop(id: string | undefined): void {
    const parked = id === undefined ? undefined : this.#parked.get(id);
    if (id === undefined || parked === undefined) return;
    this.#parked.delete(id);
    this.#bytes -= this.#options.bytesOf(parked.item);
  }
}
