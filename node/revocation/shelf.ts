import type { RevocationShelf, Shelved } from '../../protocols/revocation/index.ts';
import { sha256Hex } from '../../src/kernel/index.ts';
import type { Revocations } from '../identity/index.ts';

/** What this node honours, in the order in which it is passed on. Sorted when it is asked for, and again only after a change. */
export class Shelf implements RevocationShelf {
  readonly chainOf: RevocationShelf['chainOf'];
  readonly #revocations: Pick<Revocations, 'list'>;
  #sorted: readonly Shelved[] | undefined;
  #digest: string | undefined;

  constructor(revocations: Pick<Revocations, 'list'>, chainOf: RevocationShelf['chainOf']) {
    this.#revocations = revocations;
    this.chainOf = chainOf;
  }

  changed(): void {
    this.#sorted = undefined;
    this.#digest = undefined;
  }

  digest(): string {
    this.#digest ??= sha256Hex(
      this.#all()
        .map(({ id }) => `${id}\n`)
        .join(''),
    );
    return this.#digest;
  }

  *after(id: string | undefined): Iterable<Shelved> {
    const all = this.#all();
    for (let at = id === undefined ? 0 : firstAfter(all, id); at < all.length; at += 1) yield all[at] as Shelved;
  }

  #all(): readonly Shelved[] {
    this.#sorted ??= this.#revocations
      .list()
      .map(({ jws, revocation }) => ({ id: sha256Hex(jws), statement: jws, signer: revocation.by }))
      .sort((one, other) => (one.id < other.id ? -1 : 1));
    return this.#sorted;
  }
}

function firstAfter(sorted: readonly Shelved[], id: string): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((sorted[middle] as Shelved).id <= id) low = middle + 1;
    else high = middle;
  }
  return low;
}
