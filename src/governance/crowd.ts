import type { Book } from './book.ts';
import type { Statement } from './statement.ts';
import type { Watch } from './watch.ts';

/** The keys that contradict themselves so often that what they do alone is not heard. */
export class Crowd {
  readonly #book: Book;
  readonly #watch: Watch;
  readonly #kids = new Set<string>();

  constructor(book: Book, watch: Watch) {
    this.#book = book;
    this.#watch = watch;
  }

  /** Proposals whose outcome a statement that was just kept may change by this: its signer's own, and what others build on. */
  unsettledBy({ kid, payload, id }: Statement): readonly string[] {
    const isNew = this.#watch.isCrowded(kid) && !this.#kids.has(kid);
    if (isNew) this.#kids.add(kid);
    if (this.#kids.size === 0) return [];
    const { proposals } = this.#book;
    const said = proposals.get(payload.kind === 'commit' ? payload.body.proposal : id);
    const bases = said?.payload.body.actions.flatMap((action) => (action.op === 'set' ? [action.base] : [])) ?? [];
    const beside = this.#kids.has(kid) ? this.#book.idsAt(kid, payload.seq) : [];
    const own = isNew ? [...proposals.values()].filter((one) => one.kid === kid).map((one) => one.id) : beside;
    return [...own, ...bases, id].filter((one) => proposals.has(one) || isNew);
  }
}
