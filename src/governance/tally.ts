import { type Constitution } from '../constitution/index.ts';
import { type Choice, ratificationOf } from './body.ts';
import { type Book, endsEpoch } from './book.ts';
import { type Epoch, type Epochs, epochsOf } from './epochs.ts';
import { fold, type Folded } from './fold.ts';
import { outcomeOf, type Outcome } from './outcome.ts';
import { layOverlay } from './overlay.ts';
import type { Statement, StatementOf } from './statement.ts';
import { stateOf } from './state.ts';
import type { Switches } from './switches.ts';
import type { Watch } from './watch.ts';
import { type Ballot, ballotFor, type EpochRules, objectTo, ratificationBallot } from './validity.ts';
import type { Decision, InvalidProposal, PolicyState } from './views.ts';

type Proposal = StatementOf<'proposal'>;

export interface TallyOptions {
  readonly constitution: Constitution;
  readonly net: string;
  readonly off: Switches;
  readonly watch: Pick<Watch, 'isCrowded' | 'isForked'>;
}

/**
 * What a book means: epochs, outcomes, policy. Everything here is a function of the set of statements; what is kept
 * between calls is only what nothing new has touched.
 */
export class Tally {
  readonly #book: Book;
  readonly #options: TallyOptions;
  readonly #objections = new Map<string, InvalidProposal | undefined>();
  readonly #outcomes = new Map<string, Outcome>();
  readonly #approved = new Map<string, Decision>();
  #epochs: Epochs;
  #state: PolicyState | undefined;
  /** Of the decisions as they are: what is laid above them does not change it. */
  #folded: Folded | undefined;

  constructor(book: Book, options: TallyOptions) {
    this.#book = book;
    this.#options = options;
    this.#epochs = this.#deriveEpochs();
  }

  get epochs(): Epochs {
    return this.#epochs;
  }

  epochAt(ep: number): Epoch | undefined {
    return this.#epochs.list[ep];
  }

  keyOf(kid: string): string | undefined {
    for (const { rules } of this.#epochs.list) {
      for (const [voter, known] of rules.kids) if (known === kid) return rules.voters.get(voter);
    }
    return undefined;
  }

  /** Computes the epochs again. Returns whether the rules in force or the end of an epoch changed. */
  refreshEpochs(): boolean {
    const before = this.#epochs;
    this.#epochs = this.#deriveEpochs();
    const same = spell(before) === spell(this.#epochs);
    if (!same) {
      this.#outcomes.clear();
      this.#approved.clear();
      this.#folded = undefined;
      for (const id of this.#book.proposals.keys()) this.refresh(id);
      this.#state = undefined;
    }
    return !same;
  }

  /** Forgets what is derived from overlay and policy statements. */
  touch(): void {
    this.#state = undefined;
  }

  /** Computes a proposal's outcome by commits again; returns what it was and is. */
  refresh(id: string): { readonly from: Outcome; readonly to: Outcome } {
    const proposal = this.#book.proposals.get(id);
    const from = this.#outcomes.get(id) ?? 'open';
    if (proposal === undefined) return { from, to: from };
    const counted = this.#count(proposal);
    const to = this.#options.off.has('approval-dominates') && from !== 'open' ? from : counted;
    this.#outcomes.set(id, to);
    if (from === to && to !== 'approved') return { from, to };
    if (to === 'approved') {
      const { type, actions } = proposal.payload.body;
      this.#approved.set(id, { id, ep: proposal.payload.ep, type, actions });
    } else this.#approved.delete(id);
    if (from !== to) {
      this.#state = undefined;
      this.#folded = undefined;
    }
    return { from, to };
  }

  outcome(id: string): Outcome {
    return this.#outcomes.get(id) ?? 'open';
  }

  ratification(entry: string, ep: number): Outcome {
    const epoch = this.epochAt(ep);
    return epoch === undefined
      ? 'open'
      : this.#countCommits(ratificationOf(entry), epoch, ratificationBallot(epoch.rules));
  }

  objection(proposal: Proposal): InvalidProposal | undefined {
    const epoch = this.epochAt(proposal.payload.ep);
    return epoch === undefined ? undefined : this.#objection(proposal, epoch);
  }

  ballot(proposal: Proposal): Ballot | undefined {
    const epoch = this.epochAt(proposal.payload.ep);
    return epoch === undefined ? undefined : ballotFor(proposal.payload.body, epoch.rules, this.#options.off);
  }

  /** Whether a statement counts: its signer votes in its epoch, and the epoch has not closed without it. */
  counts(statement: Statement): boolean {
    const { ep, voter } = statement.payload;
    const epoch = this.epochAt(ep);
    if (epoch === undefined || epoch.rules.kids.get(voter) !== statement.kid) return false;
    if (this.#options.off.has('held-keep-their-vote') && this.#isSilenced(statement)) return false;
    if (epoch.end === undefined || this.#options.off.has('fence-closes')) return true;
    return epoch.end.counts.has(statement.id);
  }

  state(): PolicyState {
    this.#state ??= this.#deriveState();
    return this.#state;
  }

  decisions(): Iterable<Decision> {
    return this.#approved.values();
  }

  intents(): readonly string[] {
    const changes = this.#book.changes.get(this.#epochs.list.length - 1) ?? [];
    return changes.flatMap((one) => (!endsEpoch(one) && this.outcome(one.id) === 'approved' ? [one.id] : []));
  }

  homes(): ReadonlySet<string> {
    const kids = this.#epochs.list.at(-1)?.rules.kids ?? new Map<string, string>();
    const heard = [...kids.values()].filter((kid) => !this.#options.watch.isCrowded(kid));
    return new Set(heard.flatMap((kid) => this.#book.homes.get(kid)?.payload.body.node ?? []));
  }

  #deriveEpochs(): Epochs {
    const { constitution, net, off } = this.#options;
    const objection = (proposal: Proposal, epoch: EpochRules) => this.#objection(proposal, epoch);
    return epochsOf(this.#book, constitution, { net, off, objection });
  }

  #objection(proposal: Proposal, epoch: EpochRules): InvalidProposal | undefined {
    const name = `${epoch.base} ${proposal.id}`;
    if (!this.#objections.has(name)) this.#objections.set(name, objectTo(proposal, epoch, this.#options.off));
    return this.#objections.get(name);
  }

  #count(proposal: Proposal): Outcome {
    const epoch = this.epochAt(proposal.payload.ep);
    if (epoch === undefined) return 'open';
    if (epoch.end?.change === proposal.id) return 'approved';
    if (epoch.rules.kids.get(proposal.payload.voter) !== proposal.kid) return 'invalid';
    if (this.#objection(proposal, epoch) !== undefined) return 'invalid';
    const outcome = this.#countCommits(
      proposal.id,
      epoch,
      ballotFor(proposal.payload.body, epoch.rules, this.#options.off),
    );
    // Of what would have ended the epoch one thing did; the others can't any more.
    if (epoch.end !== undefined && endsEpoch(proposal) && outcome === 'approved') return 'dropped';
    if (outcome === 'approved' && this.#isUnheard(proposal)) return epoch.end === undefined ? 'open' : 'dropped';
    return outcome;
  }

  #countCommits(question: string, epoch: Epoch, ballot: Ballot): Outcome {
    const { off } = this.#options;
    const bound = (statement: Statement): boolean => statement.payload.ep === epoch.ep || off.has('epoch-binds');
    const said = this.#book.registers.commitsOn(question);
    const votes = this.#book.registers.votesOn(question);
    const registers = ballot.kids.map((kid) => {
      const counted = (said.get(kid) ?? []).filter((one) => bound(one) && this.counts(one));
      const values = counted.map((one) => one.payload.body.value);
      const vote = off.has('commits-decide') ? votes.get(kid)?.payload.body.value : undefined;
      return new Set<Choice>(vote === undefined ? values : [vote]);
    });
    const outcome = outcomeOf(registers, { voters: ballot.kids.length, required: ballot.required });
    return outcome === 'open' && epoch.end !== undefined && !off.has('fence-closes') ? 'dropped' : outcome;
  }

  /** Its signer alone approved it, at a number where it signed much else: somebody else may hold another one there. */
  #isUnheard({ id, kid, payload }: Proposal): boolean {
    const { watch } = this.#options;
    if (!watch.isCrowded(kid) || !watch.isForked(kid, payload.seq)) return false;
    const { registers } = this.#book;
    const approvedByAnother = (about: string): boolean =>
      [...registers.commitsOn(about)].some(
        ([by, said]) => by !== kid && said.some((one) => one.payload.body.value === 'approve'),
      );
    return !approvedByAnother(id) && !this.#book.buildingOn(id).some(approvedByAnother);
  }

  #isLinked({ kid, payload }: Statement): boolean {
    return this.#options.off.has('log-order') || this.#book.completeTo(kid) >= payload.seq;
  }

  #isSilenced({ payload }: Statement): boolean {
    const home = this.#book.homes.get(this.epochAt(payload.ep)?.rules.kids.get(payload.voter) ?? '')?.payload.body.node;
    return this.#book.holds.some(({ payload: { body, voter } }) => voter !== payload.voter && body.target.id === home);
  }

  #deriveState(): PolicyState {
    const { constitution, off } = this.#options;
    const decisions = [...this.#approved.values()];
    this.#folded ??= fold(
      decisions.filter(({ type, actions }) => type !== 'emergency_action' && actions[0]?.op === 'set'),
      off,
    );
    const revoked = new Set(
      decisions.flatMap(({ actions }) => actions.flatMap((one) => (one.op === 'revoke' ? [one.entry] : []))),
    );
    const homes = this.homes();
    const overlay = layOverlay({
      book: this.#book,
      epochs: this.#epochs.list,
      off,
      homes,
      revoked,
      counts: (statement) =>
        this.counts(statement) && this.#isLinked(statement) && !this.#options.watch.isCrowded(statement.kid),
      outcomeOf: (question, ep) =>
        question.startsWith('ratify:') ? this.ratification(question.slice(7), ep) : this.outcome(question),
    });
    const calls = decisions.filter(({ actions }) => actions[0]?.op === 'call');
    const { ep, base } = this.#epochs.list.at(-1) as Epoch;
    return stateOf({ constitution, folded: this.#folded, overlay, calls, homes, epoch: { ep, base }, off });
  }
}

function spell({ list, closing }: Epochs): string {
  const ends = list.map(({ base, end }) => `${base}:${end?.counts.size ?? ''}:${end?.without ?? ''}`);
  return `${ends.join()} ${closing?.change ?? ''}`;
}
