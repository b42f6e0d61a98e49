import { type Constitution, villageIdOf } from '../constitution/index.ts';
import { type Action, type ProposalType, ratificationOf } from './body.ts';
import { Book, changesRules, touchesOverlay } from './book.ts';
import { type Certificate, certificateOf } from './certificate.ts';
import { openStatement } from './codec.ts';
import { Crowd } from './crowd.ts';
import type { Closing, Epoch } from './epochs.ts';
import { leastType } from './least-type.ts';
import type { Outcome } from './outcome.ts';
import { paceAt } from './pace.ts';
import { proposalView } from './proposal-view.ts';
import { ask, type Question } from './question.ts';
import type { Statement, StatementOf } from './statement.ts';
import { ALL_RULES, type Switches } from './switches.ts';
import { Tally } from './tally.ts';
import { Watch } from './watch.ts';
import type {
  Decision,
  Effect,
  Evidence,
  IngestResult,
  LogHead,
  OverlayEntry,
  PolicyState,
  ProposalView,
} from './views.ts';

/**
 * Everything the voters signed, and what it means. Taking in the same statements in any order, with repeats, ends in the
 * same outcomes and the same state, whoever signed them. One owner; no clock.
 */
export class Ledger {
  readonly net: string;
  readonly constitution: Constitution;
  readonly #book = new Book();
  readonly #tally: Tally;
  readonly #off: Switches;
  readonly #watch: Watch;
  readonly #open = new Set<string>();
  readonly #crowd: Crowd;
  #restingOn: ReadonlySet<string> = new Set();

  /** Throws when the constitution is not one. `off`: rules that the simulator switches off. */
  constructor(constitution: Constitution, { off = ALL_RULES }: { off?: Switches | undefined } = {}) {
    this.constitution = constitution;
    this.net = villageIdOf(constitution);
    this.#off = off;
    this.#watch = new Watch(this.#book, off);
    this.#crowd = new Crowd(this.#book, this.#watch);
    this.#tally = new Tally(this.#book, { constitution, net: this.net, off, watch: this.#watch });
  }

  /** Takes in a token. `checkedId`: its signature was checked under this id before. `nowMs`: a log too long by this clock waits. */
  ingest(
    token: string,
    { checkedId, nowMs }: { checkedId?: string | undefined; nowMs?: number | undefined } = {},
  ): IngestResult {
    const opened = openStatement(token, { net: this.net, keyOf: (kid) => this.keyOf(kid), checkedId });
    if (opened.kind === 'refused') return opened;
    if (opened.kind === 'unknown-key') return { kind: 'parked', id: opened.id, because: 'unknown-key' };
    return this.add(opened.statement, { nowMs });
  }

  /** Takes in a statement whose form and signature were checked. */
  add(statement: Statement, { nowMs = Infinity }: { nowMs?: number | undefined } = {}): IngestResult {
    if (this.#book.get(statement.id) !== undefined) return { kind: 'known', id: statement.id };
    const { ep, voter, seq, ts } = statement.payload;
    const epoch = this.#tally.epochAt(ep);
    if (epoch === undefined) return { kind: 'parked', id: statement.id, because: 'unknown-epoch' };
    if (epoch.rules.kids.get(voter) !== statement.kid) return { kind: 'refused', because: 'not-a-voter' };
    const { isImpossible, isEarly, maxBytes } = paceAt({ bornMs: this.constitution.created_at, nowMs }, { seq, ts });
    if (isImpossible) return { kind: 'refused', because: 'too-many' };
    const restingOn = this.#restingOn;
    const surplus = isEarly ? 'crowded' : this.#watch.surplus(statement, { restingOn, maxBytes });
    if (surplus !== undefined) return { kind: 'parked', id: statement.id, because: surplus };
    this.#watch.count(statement);
    const accusations = this.#watch.accuse(statement).map((evidence): Effect => ({ kind: 'evidence', evidence }));
    return { kind: 'accepted', statement, effects: [...accusations, ...this.#enter(statement)] };
  }

  has(id: string): boolean {
    return this.#book.get(id) !== undefined;
  }

  get(id: string): Statement | undefined {
    return this.#book.get(id);
  }

  get size(): number {
    return this.#book.size;
  }

  /** The raw key with this thumbprint, of any epoch. */
  keyOf(kid: string): string | undefined {
    return this.#tally.keyOf(kid);
  }

  /** The epoch in force. */
  epoch(): Epoch {
    return this.#tally.epochs.list.at(-1) as Epoch;
  }

  /** Every epoch, the one in force last. */
  epochs(): readonly Epoch[] {
    return this.#tally.epochs.list;
  }

  /** The change of rules that is approved and waits for its fences. */
  closing(): Closing | undefined {
    return this.#tally.epochs.closing;
  }

  /** Whether a voter has fenced an approved change and the next epoch has not begun: whatever it signs meanwhile may be void. */
  isFrozen(voter: string): boolean {
    const { rules, ep } = this.epoch();
    const fences = this.#book.fencesBy(rules.kids.get(voter) ?? '', ep);
    return fences.some(({ payload }) => this.outcome(payload.body.change) === 'approved');
  }

  /** By thumbprint. */
  heads(): readonly LogHead[] {
    return [...this.#book.logs.values()].map((log) => log.head()).sort((one, other) => (one.kid < other.kid ? -1 : 1));
  }

  /** What a key signed after number `after`, in order, about `limit` of it. */
  since(kid: string, { after, limit }: { after: number; limit: number }): readonly Statement[] {
    return [...(this.#book.logs.get(kid)?.after(after, limit) ?? [])].flatMap((id) => this.#book.get(id) ?? []);
  }

  /** Ids at the end of each log, rivals included: what a fence cites. At most 32. */
  tips(): readonly string[] {
    return [...this.#book.logs.values()].flatMap((log) => log.at(log.highest)).slice(0, 32);
  }

  /** The latest that any other voter's clock is known to have said, milliseconds since 1970; 0: none spoke. */
  lastHeardMs({ except }: { except: string }): number {
    const { kids } = this.epoch().rules;
    return Math.max(0, ...[...kids].map(([voter, kid]) => (voter === except ? 0 : this.#book.lastSaidMs(kid))));
  }

  /** Ids that something here rests on: ask for these by name. */
  wanted(): readonly string[] {
    return [...this.#book.wanted];
  }

  proposal(id: string): ProposalView | undefined {
    const proposal = this.#book.proposals.get(id);
    return proposal === undefined ? undefined : proposalView(proposal, { book: this.#book, tally: this.#tally });
  }

  proposals(): readonly ProposalView[] {
    return [...this.#book.proposals.keys()].flatMap((id) => this.proposal(id) ?? []);
  }

  /** Those that are neither decided nor dropped. */
  openProposals(): readonly string[] {
    return [...this.#open];
  }

  /** What every key said about a question: a proposal's id, or `ratificationOf` an overlay entry. */
  registers(): Pick<Book['registers'], 'votesOn' | 'commitsOn'> {
    return this.#book.registers;
  }

  /** The outcome by commits, overrides left aside. */
  outcome(proposal: string): Outcome {
    return this.#tally.outcome(proposal);
  }

  ratification(entry: Pick<OverlayEntry, 'id' | 'ep'>): Outcome {
    return this.#tally.ratification(entry.id, entry.ep);
  }

  decisions(): readonly Decision[] {
    return [...this.#tally.decisions()];
  }

  /** What is in force. The same object until something changed it. */
  policy(): PolicyState {
    return this.#tally.state();
  }

  /** What voters are asked and have not settled: proposals of this epoch, and the overlay's entries until they are ratified. */
  questions(): readonly Question[] {
    const { ep } = this.epoch();
    const entries = this.policy().overlay.filter((entry) => entry.inForce && !entry.ratified && entry.ep === ep);
    const names = [...this.#open, ...entries.map(({ id }) => ratificationOf(id))];
    return names.flatMap((name) => this.question(name) ?? []).filter((one) => one.ep === ep && one.outcome === 'open');
  }

  /** `name`: a proposal's id, or `ratificationOf` an overlay entry. */
  question(name: string): Question | undefined {
    return ask(name, { book: this.#book, tally: this.#tally });
  }

  /** Other proposals for the same key, whatever version they name, or for the same change of epoch. */
  rivalsOf(proposal: string, action: Action): readonly string[] {
    return this.#book.rivalsOf(proposal, action);
  }

  /** Approved intents of this epoch to replace a lost key. */
  intents(): readonly string[] {
    return this.#tally.intents();
  }

  /** The least type of proposal that may do this now. */
  leastType(actions: readonly Action[]): ProposalType {
    return leastType(actions, this.epoch().rules);
  }

  /** The proof of a decided proposal; undefined while there is none. */
  certificate(id: string): Certificate | undefined {
    return certificateOf(this, id);
  }

  /** Nodes that hold voters' keys, as the voters say. */
  homes(): ReadonlySet<string> {
    return this.#tally.homes();
  }

  /** Whether a statement counts: its signer votes in its epoch, and the epoch did not close without it. */
  counts(statement: Statement): boolean {
    return this.#tally.counts(statement);
  }

  evidence(): readonly Evidence[] {
    return this.#watch.evidence();
  }

  /** Fences for a change of rules, whether they count yet or not. */
  fencesFor(change: string): readonly StatementOf<'fence'>[] {
    return this.#book.fences.get(change) ?? [];
  }

  #enter(statement: Statement): readonly Effect[] {
    const watched = this.#watched(statement);
    const before = this.#seen(watched);
    const gap = this.#book.completeTo(statement.kid) + 1;
    this.#book.add(statement);
    const filledGap = this.#book.completeTo(statement.kid) > gap;
    const effects: Effect[] = [];
    if (this.#mayEndAnEpoch(statement) && this.#refreshEpochs()) effects.push({ kind: 'epoch', ep: this.epoch().ep });
    if (watched !== undefined) {
      this.#refresh(watched);
      const after = this.#seen(watched);
      if (before !== after) effects.push({ kind: 'outcome', proposal: watched, from: before, to: after });
      if (before !== after && (before === 'approved' || after === 'approved')) effects.push({ kind: 'policy' });
    }
    const unsettled = this.#crowd.unsettledBy(statement);
    for (const id of unsettled) this.#refresh(id);
    if (unsettled.length > 0 || touchesOverlay(statement) || filledGap || this.#isOverridden(statement.id)) {
      this.#tally.touch();
      effects.push({ kind: 'policy' });
    }
    return effects;
  }

  /** The proposal whose outcome a statement may change. */
  #watched({ id, payload }: Statement): string | undefined {
    if (payload.kind === 'proposal') return id;
    if (payload.kind === 'commit' || payload.kind === 'override') return payload.body.proposal;
    return payload.kind === 'vote' && this.#off.has('commits-decide') ? payload.body.proposal : undefined;
  }

  #seen(proposal: string | undefined): Outcome {
    if (proposal === undefined) return 'open';
    const outcome = this.#tally.outcome(proposal);
    const overridable = outcome !== 'approved' && outcome !== 'invalid';
    return overridable && this.#isOverridden(proposal) ? (this.proposal(proposal)?.outcome ?? outcome) : outcome;
  }

  #isOverridden(proposal: string): boolean {
    return this.#book.overrides.some(({ payload }) => payload.body.proposal === proposal);
  }

  #refresh(proposal: string): void {
    this.#tally.refresh(proposal);
    const isOpen = this.#book.proposals.has(proposal) && this.#tally.outcome(proposal) === 'open';
    if (isOpen) this.#open.add(proposal);
    else this.#open.delete(proposal);
  }

  #mayEndAnEpoch({ payload, id }: Statement): boolean {
    if (payload.kind === 'fence' || this.#restingOn.has(id)) return true;
    const proposal =
      payload.kind === 'commit' ? this.#book.proposals.get(payload.body.proposal) : this.#book.proposals.get(id);
    return proposal !== undefined && changesRules(proposal);
  }

  #refreshEpochs(): boolean {
    const changed = this.#tally.refreshEpochs();
    const { missing } = this.#tally.epochs;
    for (const id of missing) this.#book.want(id);
    this.#restingOn = new Set(missing);
    if (changed) for (const id of this.#book.proposals.keys()) this.#refresh(id);
    return changed;
  }
}
