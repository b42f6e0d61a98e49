import type { Transition } from '../../src/fog/index.ts';

const MAX_OF_ONE = 256;
const MAX_DEPLOYMENTS = 512;

/** What is remembered of each deployment's slots: the newest changes, whoever owns them. */
export class Timeline {
  readonly #of = new Map<string, Transition[]>();
  readonly #own: string;

  /** `own`: the node whose deployments are forgotten last, however many others ask for room under ever new names. */
  constructor(own: string) {
    this.#own = `${own} `;
  }

  add(what: Transition): void {
    const key = keyOf(what);
    if (key === undefined) return;
    const known = this.#of.get(key) ?? [];
    this.#of.delete(key); // the newest is last
    this.#of.set(key, known);
    known.push(what);
    if (known.length > MAX_OF_ONE) known.shift();
    if (this.#of.size > MAX_DEPLOYMENTS) this.#of.delete(this.#least(key));
  }

  /** The one that changed longest ago, of others first. */
  #least(newest: string): string {
    const oldest = [...this.#of.keys()].find((key) => !key.startsWith(this.#own));
    return oldest ?? this.#of.keys().next().value ?? newest;
  }

  /** Oldest first. `slot`: of that one, and what concerns all. */
  read(owner: string, deployment: string, slot?: number | undefined): readonly Transition[] {
    const all = this.#of.get(`${owner} ${deployment}`) ?? [];
    return slot === undefined ? [...all] : all.filter((one) => one.slot === undefined || one.slot.slot === slot);
  }
}

function keyOf({ slot }: Transition): string | undefined {
  return slot === undefined ? undefined : `${slot.owner} ${slot.deployment}`;
}
