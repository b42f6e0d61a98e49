const WORDS = 4;
const FIRST_SLOTS = 512;
/** How far from its place an id is looked for. Half full, ids that are random lie hardly ever so far. */
const REACH = 16;

/**
 * A set of call ids, 16 bytes each, in one flat array at the place that their first word names: an id costs one look at memory, where a
 * set of strings costs several and a string. Ids that crowd around one place, as only somebody who chooses them can make them, go into such a set.
 */
export class CallIds {
  #words: Int32Array;
  #mask: number;
  #count = 0;
  readonly #crowded = new Set<string>();

  /** `room`: how many ids it will hold, if that is known. */
  constructor(room = 0) {
    let slots = FIRST_SLOTS;
    while (slots < room * 2) slots *= 2;
    this.#words = new Int32Array(slots * WORDS);
    this.#mask = slots - 1;
  }

  get size(): number {
    return this.#count + this.#crowded.size;
  }

  has(id: Uint8Array): boolean {
    const place = this.#placeOf(wordAt(id, 0), wordAt(id, 4), wordAt(id, 8), wordAt(id, 12));
    return place === FOUND || (this.#crowded.size > 0 && this.#crowded.has(nameOf(id)));
  }

  /** False when it is there already. */
  add(id: Uint8Array): boolean {
    const a = wordAt(id, 0);
    const b = wordAt(id, 4);
    const c = wordAt(id, 8);
    const d = wordAt(id, 12);
    const place = this.#placeOf(a, b, c, d);
    if (place === FOUND || (this.#crowded.size > 0 && this.#crowded.has(nameOf(id)))) return false;
    // Four zeros mean that nothing is there.
    if (place === NONE_FREE || (a | b | c | d) === 0) {
      this.#crowded.add(nameOf(id));
      return true;
    }
    this.#put(place, a, b, c, d);
    this.#count += 1;
    if (this.#count * 2 > this.#mask) this.#grow();
    return true;
  }

  /** Where it is to be put. */
  #placeOf(a: number, b: number, c: number, d: number): number {
    const words = this.#words;
    for (let step = 0; step < REACH; step += 1) {
      const at = ((a + step) & this.#mask) * WORDS;
      const there = words[at] as number;
      if (there === a && words[at + 1] === b && words[at + 2] === c && words[at + 3] === d && (a | b | c | d) !== 0) {
        return FOUND;
      }
      if ((there | (words[at + 1] as number) | (words[at + 2] as number) | (words[at + 3] as number)) === 0) return at;
    }
    return NONE_FREE;
  }

  #put(at: number, a: number, b: number, c: number, d: number): void {
    const words = this.#words;
    words[at] = a;
    words[at + 1] = b;
    words[at + 2] = c;
    words[at + 3] = d;
  }

  #grow(): void {
    const before = this.#words;
    this.#words = new Int32Array(before.length * 2);
    this.#mask = this.#mask * 2 + 1;
    for (let from = 0; from < before.length; from += WORDS) {
      const a = before[from] as number;
      const b = before[from + 1] as number;
      const c = before[from + 2] as number;
      const d = before[from + 3] as number;
      if ((a | b | c | d) === 0) continue;
      const at = this.#placeOf(a, b, c, d);
      if (at !== NONE_FREE) {
        this.#put(at, a, b, c, d);
        continue;
      }
      const id = Buffer.from(before.buffer, before.byteOffset + from * 4, WORDS * 4);
      this.#crowded.add(id.toString('latin1'));
      this.#count -= 1;
    }
  }
}

const FOUND = -1;
const NONE_FREE = -2;

function wordAt(id: Uint8Array, at: number): number {
  return (
    (id[at] as number) | ((id[at + 1] as number) << 8) | ((id[at + 2] as number) << 16) | ((id[at + 3] as number) << 24)
  );
}

function nameOf(id: Uint8Array): string {
  return Buffer.from(id.buffer, id.byteOffset, id.byteLength).toString('latin1');
}
