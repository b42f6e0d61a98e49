interface Entry {
  readonly atMs: number;
  readonly order: number;
  readonly act: () => void;
}

/** What is to happen, by time; what is due at the same time, in the order in which it was asked for. */
export class Agenda {
  nowMs = 0;
  #order = 0;
  readonly #heap: Entry[] = [];

  after(delayMs: number, act: () => void): void {
    const entry = { atMs: this.nowMs + Math.max(0, delayMs), order: this.#order, act };
    this.#order += 1;
    let index = this.#heap.push(entry) - 1;
    while (index > 0) {
      const parent = (index - 1) >> 1;
      if (!isBefore(entry, this.#heap[parent]!)) break;
      this.#swap(index, parent);
      index = parent;
    }
  }

  /** Lets everything happen that is due until then. */
  runUntil(endMs: number, stop: () => boolean = () => false): void {
    for (let first = this.#heap[0]; first !== undefined && first.atMs <= endMs; first = this.#heap[0]) {
      this.#pop();
      this.nowMs = first.atMs;
      first.act();
      if (stop()) return;
    }
    this.nowMs = Math.max(this.nowMs, endMs);
  }

  #pop(): void {
    const last = this.#heap.pop()!;
    if (this.#heap.length === 0) return;
    this.#heap[0] = last;
    for (let index = 0; ; ) {
      let child = 2 * index + 1;
      if (child >= this.#heap.length) return;
      if (child + 1 < this.#heap.length && isBefore(this.#heap[child + 1]!, this.#heap[child]!)) child += 1;
      if (!isBefore(this.#heap[child]!, this.#heap[index]!)) return;
      this.#swap(index, child);
      index = child;
    }
  }

  #swap(a: number, b: number): void {
    const held = this.#heap[a]!;
    this.#heap[a] = this.#heap[b]!;
    this.#heap[b] = held;
  }
}

function isBefore(a: Entry, b: Entry): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order);
}
