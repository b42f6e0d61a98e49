import { questionOf } from './body.ts';
import type { Book } from './book.ts';
import { contradicts, evidenceOf } from './evidence.ts';
import type { Statement, StatementOf } from './statement.ts';
import type { Switches } from './switches.ts';
import type { Evidence } from './views.ts';

/** How many rivals at numbers that are taken are kept of one key, besides those that something rests on. */
const MAX_RIVALS = 256;
/** Fences or overrides of one key about one thing. */
const MAX_SAID_AGAIN = 16;
const MAX_EVIDENCE = 1024;

/** Watches for keys that contradict themselves, and bounds what they can make others keep. */
export class Watch {
  readonly #book: Book;
  readonly #off: Switches;
  readonly #evidence = new Map<string, Evidence>();
  readonly #rivals = new Map<string, number>();

  constructor(book: Book, off: Switches) {
    this.#book = book;
    this.#off = off;
  }

  evidence(): readonly Evidence[] {
    return [...this.#evidence.values()];
  }

  /** Why a statement adds nothing that could count. Never for what an honest key signs: it has one statement to a number. */
  surplus(statement: Statement, restingOn: ReadonlySet<string>): 'repeat' | 'crowded' | undefined {
    const { kind, body, seq } = statement.payload;
    const needed = this.#book.wanted.has(statement.id) || restingOn.has(statement.id);
    if (needed && !this.#off.has('repeats-when-wanted')) return undefined;
    const { registers } = this.#book;
    if (kind === 'commit') {
      if (registers.repeats(statement as StatementOf<'commit'>)) return 'repeat';
      const values = registers.commitsOn(questionOf(body)).get(statement.kid)?.length ?? 0;
      if (values >= 2 && this.#off.has('evidence-of-every-value')) return 'repeat';
    }
    if (this.#book.idsAt(statement.kid, seq).length === 0 || this.#mayCount(statement)) return undefined;
    const rivals = this.#rivals.get(statement.kid) ?? 0;
    if (rivals >= MAX_RIVALS) return 'crowded';
    this.#rivals.set(statement.kid, rivals + 1);
    return undefined;
  }

  /** About something that is known, and not the same again and again: kept beside the rivals, as what it says may count. */
  #mayCount({ kid, payload: { kind, body } }: Statement): boolean {
    if (kind === 'commit') return this.#book.get(body.proposal) !== undefined;
    if (kind !== 'fence' && kind !== 'override') return false;
    const about = kind === 'fence' ? body.change : body.proposal;
    const same =
      kind === 'fence'
        ? (this.#book.fences.get(about) ?? [])
        : this.#book.overrides.filter((one) => one.payload.body.proposal === about);
    return this.#book.get(about) !== undefined && same.filter((one) => one.kid === kid).length < MAX_SAID_AGAIN;
  }

  /** What a statement that is about to be kept proves against its signer. */
  accuse(statement: Statement): readonly Evidence[] {
    const { kind, body, seq } = statement.payload;
    const found: Evidence[] = [];
    if (kind === 'commit') {
      const others = this.#book.registers.commitsOn(questionOf(body)).get(statement.kid) ?? [];
      const other = others.find((one) => one.payload.body.value !== body.value);
      if (other !== undefined) found.push(evidenceOf('register', other, statement));
    }
    if (kind === 'fence') {
      const others = (this.#book.fences.get(body.change) ?? []).filter((one) => contradicts(one, statement));
      if (others[0] !== undefined) found.push(evidenceOf('register', others[0], statement));
    }
    const rival = this.#book.get(this.#book.idsAt(statement.kid, seq)[0] ?? '');
    if (rival !== undefined) found.push(evidenceOf('log', rival, statement));
    return found.filter((evidence) => this.#keep(evidence));
  }

  #keep(evidence: Evidence): boolean {
    const name = evidence.statements.map(({ id }) => id).join();
    if (this.#evidence.has(name)) return false;
    if (this.#evidence.size >= MAX_EVIDENCE && evidence.about === 'log') return false;
    this.#evidence.set(name, evidence);
    return true;
  }
}
