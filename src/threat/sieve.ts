import { alternativesOf, chanceOf, gramOf, OTHER, requiredBy } from './required.ts';

/** An expression of a sieve that may match the text that was read. */
export interface Candidate<Rule> {
  readonly rule: Rule;
  /** One alternative of the rule's expression. */
  readonly pattern: RegExp;
}

/** Beyond this a list of strings is in most texts anyway. */
const USEFUL = 25;
const MOST_REQUIRED = 3;
const NONE: readonly never[] = [];
const QUAD_BITS = 14;
const QUADS = 1 << QUAD_BITS;
const SIGNS = 128;
const FOLDED = Uint8Array.from({ length: SIGNS }, (_, code) => String.fromCharCode(code).toLowerCase().charCodeAt(0));
const BEYOND = OTHER.charCodeAt(0);

/**
 * Says of many expressions at once which of them a text may match, by reading it once: each alternative of each expression is looked for
 * only where strings stand that every match of it holds. What is left out can't match; what is named may.
 */
export class Sieve<Rule extends { readonly pattern: RegExp }> {
  readonly #candidates: Candidate<Rule>[] = [];
  /** By two and by four characters: which lists of strings they belong to; 0 is none. */
  readonly #pairs = new Uint16Array(SIGNS * SIGNS);
  readonly #quads = new Uint16Array(QUADS);
  readonly #listsOf: number[][] = [[]];
  /** By the same number: the four characters themselves; 0 where it is two, or several that share a slot. */
  readonly #whole: Int32Array;
  /** By list: the candidates that it is the rarest one of. */
  readonly #ledBy: number[][] = [];
  /** By candidate: what it needs besides. */
  readonly #besides: (readonly number[])[] = [];
  readonly #always: number[] = [];
  readonly #seenGram: Uint32Array;
  readonly #seenList: Uint32Array;
  #reading = 0;

  constructor(rules: readonly Rule[]) {
    const lists = new Map<string, number>();
    const grams: { readonly gram: string; readonly list: number }[] = [];
    const listOf = (strings: readonly string[]): number => {
      const own = [...new Set(strings.map(gramOf))].toSorted();
      const key = JSON.stringify(own);
      const known = lists.get(key);
      if (known !== undefined) return known;
      const list = lists.size;
      lists.set(key, list);
      this.#ledBy.push([]);
      for (const gram of own) grams.push({ gram, list });
      return list;
    };
    for (const rule of rules) {
      for (const pattern of alternativesOf(rule.pattern)) {
        const required = requiredBy(pattern)
          .map((strings) => ({ strings, chance: chanceOf(strings) }))
          .filter(({ chance }) => chance < USEFUL)
          .toSorted((one, other) => one.chance - other.chance)
          .slice(0, MOST_REQUIRED)
          .map(({ strings }) => listOf(strings));
        const number = this.#candidates.push({ rule, pattern }) - 1;
        this.#besides.push(required.slice(1));
        const [rarest] = required;
        (rarest === undefined ? this.#always : (this.#ledBy[rarest] as number[])).push(number);
      }
    }
    const whole: number[] = [0];
    for (const { gram, list } of grams) this.#place(gram, list, whole);
    this.#whole = Int32Array.from(this.#listsOf, (_, number) => whole[number] ?? 0);
    this.#seenGram = new Uint32Array(this.#listsOf.length);
    this.#seenList = new Uint32Array(lists.size);
  }

  /** What may match, in the order of the rules; valid for this text only. */
  candidates(text: string): readonly Candidate<Rule>[] {
    this.#reading += 1;
    const hit = this.#read(text);
    if (hit.length === 0 && this.#always.length === 0) return NONE;
    const found = this.#always.slice();
    for (const list of hit) {
      for (const number of this.#ledBy[list] as number[]) if (this.#hasAll(number)) found.push(number);
    }
    if (found.length === 0) return NONE;
    return found.sort((one, other) => one - other).map((number) => this.#candidates[number] as Candidate<Rule>);
  }

  #read(text: string): number[] {
    const hit: number[] = [];
    const pairs = this.#pairs;
    const quads = this.#quads;
    const whole = this.#whole;
    const seen = this.#seenGram;
    const reading = this.#reading;
    let gram = 0;
    for (let at = 0; at < text.length; at += 1) {
      const code = text.charCodeAt(at);
      gram = (gram << 8) | (code < SIGNS ? (FOLDED[code] as number) : BEYOND);
      const pair = pairs[((gram >> 1) & 0x3f80) | (gram & 0x7f)] as number;
      if (pair !== 0 && seen[pair] !== reading) this.#note(pair, hit);
      const quad = quads[slotOf(gram)] as number;
      if (quad === 0 || seen[quad] === reading) continue;
      if (whole[quad] === gram || whole[quad] === 0) this.#note(quad, hit);
    }
    return hit;
  }

  #note(gram: number, hit: number[]): void {
    this.#seenGram[gram] = this.#reading;
    for (const list of this.#listsOf[gram] as number[]) {
      if (this.#seenList[list] === this.#reading) continue;
      this.#seenList[list] = this.#reading;
      hit.push(list);
    }
  }

  #hasAll(candidate: number): boolean {
    for (const list of this.#besides[candidate] as readonly number[]) {
      if (this.#seenList[list] !== this.#reading) return false;
    }
    return true;
  }

  #place(gram: string, list: number, whole: number[]): void {
    const codes = Array.from(gram, (sign) => sign.charCodeAt(0));
    const [first = 0, second = 0] = codes;
    if (codes.length === 4) {
      const packed = codes.reduce((all, code) => (all << 8) | code, 0);
      const slot = this.#add(this.#quads, slotOf(packed), list);
      whole[slot] = (whole[slot] ?? packed) === packed ? packed : 0;
    } else if (codes.length === 2) this.#add(this.#pairs, (first << 7) | second, list);
    else for (let before = 0; before < SIGNS; before += 1) this.#add(this.#pairs, (before << 7) | first, list);
  }

  /** Two strings may share a slot: a text is then read for more than it holds, never for less. */
  #add(slots: Uint16Array, slot: number, list: number): number {
    const own = slots[slot] as number;
    if (own === 0) {
      slots[slot] = this.#listsOf.push([list]) - 1;
      return slots[slot];
    }
    const lists = this.#listsOf[own] as number[];
    if (!lists.includes(list)) lists.push(list);
    return own;
  }
}

function slotOf(gram: number): number {
  return Math.imul(gram, 0x9e3779b1) >>> (32 - QUAD_BITS);
}
