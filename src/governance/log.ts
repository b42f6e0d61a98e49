import type { Statement } from './statement.ts';
import { sha256Hex } from '../kernel/index.ts';
import type { LogHead } from './views.ts';

/** What one key has signed, as far as it is here: by number, with every rival at one number kept apart. */
export class Log {
  readonly kid: string;
  readonly voter: string;
  readonly #bySeq = new Map<number, string[]>();
  #complete = 0;
  #highest = 0;
  #digest: string | undefined;

  constructor(kid: string, voter: string) {
    this.kid = kid;
    this.voter = voter;
  }

  /** The ids at one number: one for an honest key. */
  at(seq: number): readonly string[] {
    return this.#bySeq.get(seq) ?? [];
  }

  add({ id, payload: { seq } }: Statement): void {
    const rivals = this.#bySeq.get(seq);
    if (rivals === undefined) this.#bySeq.set(seq, [id]);
    else rivals.push(id);
    rivals?.sort();
    this.#highest = Math.max(this.#highest, seq);
    while (this.#bySeq.has(this.#complete + 1)) this.#complete += 1;
    this.#digest = undefined;
  }

  /** Numbers from `after` up that are here, in order, at most `limit` of them. */
  *after(after: number, limit: number): Iterable<string> {
    let left = limit;
    for (let seq = after + 1; seq <= this.#highest && left > 0; seq += 1) {
      for (const id of this.at(seq)) {
        yield id;
        left -= 1;
      }
    }
  }

  /** The numbers below the highest that are missing, at most `limit`. */
  gaps(limit: number): readonly number[] {
    const gaps: number[] = [];
    for (let seq = this.#complete + 1; seq < this.#highest && gaps.length < limit; seq += 1) {
      if (!this.#bySeq.has(seq)) gaps.push(seq);
    }
    return gaps;
  }

  /** Every number up to this one is here. */
  get complete(): number {
    return this.#complete;
  }

  get highest(): number {
    return this.#highest;
  }

  head(): LogHead {
    this.#digest ??= sha256Hex([...this.#bySeq.values()].flat().sort().join());
    const { kid, voter } = this;
    return { kid, voter, complete: this.#complete, highest: this.#highest, digest: this.#digest };
  }
}
