const FIRST_SLOTS = 64;

/**
 * The calls of a stream that are under way, by key. Not a Map: one that is filled and emptied all the time is laid out anew after every few
 * dozen calls, each table it leaves points to the next, and once an old one is out of the young generation all that come after it are
 * kept until the next full collection, with every call that stood in them.
 */
export class CallsByKey<Call extends { readonly key: number }> {
  #slots: (Call | undefined)[] = Array.from({ length: FIRST_SLOTS }, () => undefined);
  #size = 0;

  get size(): number {
    return this.#size;
  }

  get(key: number): Call | undefined {
    return this.#slots[this.#find(key)];
  }

  has(key: number): boolean {
    return this.get(key) !== undefined;
  }

  /** Its key is not there yet. */
  add(call: Call): void {
    if (this.#size * 2 >= this.#slots.length) this.#grow();
    this.#slots[this.#find(call.key)] = call;
    this.#size += 1;
  }

  delete(key: number): void {
    const slots = this.#slots;
    const mask = slots.length - 1;
    let free = this.#find(key);
    if (slots[free] === undefined) return;
    this.#size -= 1;
    slots[free] = undefined;
    // What lies behind it up to the next gap was perhaps put there for want of this place.
    for (let at = (free + 1) & mask; ; at = (at + 1) & mask) {
      const call = slots[at];
      if (call === undefined) return;
      const wanted = call.key & mask;
      if (((at - wanted) & mask) < ((at - free) & mask)) continue;
      slots[free] = call;
      slots[at] = undefined;
      free = at;
    }
  }

  /** All that are there now. */
  all(): Call[] {
    return this.#slots.filter((call) => call !== undefined);
  }

  /** Where the key is, or the free place where it belongs. */
  #find(key: number): number {
    const slots = this.#slots;
    const mask = slots.length - 1;
    let at = key & mask;
    for (;;) {
      const call = slots[at];
      if (call === undefined || call.key === key) return at;
      at = (at + 1) & mask;
    }
  }

  #grow(): void {
    const calls = this.all();
    this.#slots = Array.from({ length: this.#slots.length * 2 }, () => undefined);
    for (const call of calls) this.#slots[this.#find(call.key)] = call;
  }
}
