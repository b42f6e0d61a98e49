import { questionOf } from './body.ts';
import type { Book } from './book.ts';
import { contradicts, evidenceOf } from './evidence.ts';
import { MAX_FENCES } from './fencing.ts';
import type { Statement, StatementOf } from './statement.ts';
import type { Switches } from './switches.ts';
import type { Evidence } from './views.ts';

/** How many rivals at numbers that are taken are kept of one key, besides those that something rests on. */
const MAX_RIVALS = 256;
const MAX_EVIDENCE = 1024;

/** What has an effect, or may have one, by its signer's word alone: of these everybody must know the same. */
function isAct({ payload: { kind, body } }: Statement): boolean {
  if (kind === 'proposal') return body.type === 'minor_change' || body.type === 'emergency_action';
  return kind !== 'vote' && kind !== 'commit';
}

/** Watches for keys that contradict themselves, and bounds what they can make others keep. */
export class Watch {
  readonly #book: Book;
  readonly #off: Switches;
  readonly #evidence = new Map<string, Evidence>();
  readonly #counts = new Map<string, { acts: number; others: number; bytes: number }>();

  constructor(book: Book, off: Switches) {
    this.#book = book;
    this.#off = off;
  }

  evidence(): readonly Evidence[] {
    return [...this.#evidence.values()];
  }

  /** Why a statement is not kept now. Never for what an honest key signs: it has one statement to a number, and few. */
  surplus(
    statement: Statement,
    { restingOn, maxBytes }: { readonly restingOn: ReadonlySet<string>; readonly maxBytes: number },
  ): 'repeat' | 'crowded' | undefined {
    const spares = !this.#off.has('repeats-when-wanted');
    if (spares && (this.#book.isNeeded(statement) || restingOn.has(statement.id))) return undefined;
    // A repeat that its own signer built on fills a gap, and what stands above a gap is not judged.
    if (this.#isRepeat(statement) && !(spares && this.#book.isWanted(statement.id))) return 'repeat';
    const kept = this.#kept(statement.kid);
    if (kept.bytes + statement.token.length > maxBytes) return 'crowded';
    if (statement.payload.kind === 'fence' && this.#book.get(statement.payload.body.change) !== undefined)
      return this.#isFencedOut(statement as StatementOf<'fence'>);
    return this.#rivalry(statement) > 0 && !this.#mayCount(statement) && this.#isFull(statement)
      ? 'crowded'
      : undefined;
  }

  /** Whether others may hold other acts of this key than are here: then what it did by its word alone counts nowhere. */
  isCrowded(kid: string): boolean {
    return !this.#off.has('crowded-is-unheard') && this.#kept(kid).acts >= MAX_RIVALS;
  }

  /** Whether several acts of a key stand at this number. */
  isForked(kid: string, seq: number): boolean {
    return this.#actsAt(kid, seq) > 1;
  }

  /** Counts what is about to be kept. */
  count(statement: Statement): void {
    const { kid, token } = statement;
    const kept = this.#kept(kid);
    kept.bytes += token.length;
    if (this.#rivalry(statement) > 0) kept[isAct(statement) ? 'acts' : 'others'] += 1;
  }

  #kept(kid: string): { acts: number; others: number; bytes: number } {
    const known = this.#counts.get(kid) ?? { acts: 0, others: 0, bytes: 0 };
    this.#counts.set(kid, known);
    return known;
  }

  /** How many stand at its number already: of an act, how many acts. */
  #rivalry(statement: Statement): number {
    const { kid, payload } = statement;
    return isAct(statement) ? this.#actsAt(kid, payload.seq) : this.#book.idsAt(kid, payload.seq).length;
  }

  #actsAt(kid: string, seq: number): number {
    return this.#book.idsAt(kid, seq).filter((id) => isAct(this.#book.get(id) as Statement)).length;
  }

  /** A second act at a number is always kept: it shows everybody that the log forks there. */
  #isFull(statement: Statement): boolean {
    const { acts, others } = this.#kept(statement.kid);
    return isAct(statement) ? acts >= MAX_RIVALS && this.#rivalry(statement) > 1 : others >= MAX_RIVALS;
  }

  #isRepeat(statement: Statement): boolean {
    const { kind, body } = statement.payload;
    if (kind !== 'commit') return false;
    const { registers } = this.#book;
    if (registers.repeats(statement as StatementOf<'commit'>)) return true;
    const values = registers.commitsOn(questionOf(body)).get(statement.kid)?.length ?? 0;
    return values >= 2 && this.#off.has('evidence-of-every-value');
  }

  #isFencedOut({ kid, payload: { body } }: StatementOf<'fence'>): 'crowded' | undefined {
    const same = (this.#book.fences.get(body.change) ?? []).filter(
      (one) => one.kid === kid && one.payload.body.without === body.without,
    );
    return same.length >= MAX_FENCES ? 'crowded' : undefined;
  }

  /** On a proposal that is known: kept beside the rivals, as it may decide. */
  #mayCount({ payload: { kind, body } }: Statement): boolean {
    return kind === 'commit' && this.#book.get(body.proposal) !== undefined;
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
