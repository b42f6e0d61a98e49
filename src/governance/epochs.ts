import type { Constitution } from '../constitution/index.ts';
import type { Action, Choice } from './body.ts';
import { GENESIS } from './body.ts';
import type { Book } from './book.ts';
import { closureOf } from './closure.ts';
import { outcomeOf } from './outcome.ts';
import { genesisRules, type Rules } from './rules.ts';
import type { StatementOf } from './statement.ts';
import type { Switches } from './switches.ts';
import { ballotFor, type EpochRules, rulesAfter } from './validity.ts';
import type { InvalidProposal } from './views.ts';

/** How an epoch ended: what of it counts, for everybody and for ever. */
export interface EpochEnd {
  readonly change: string;
  /** The voter whose own fence the others did without. */
  readonly without: string | null;
  readonly fences: readonly StatementOf<'fence'>[];
  readonly counts: ReadonlySet<string>;
}

export interface Epoch extends EpochRules {
  readonly end?: EpochEnd | undefined;
}

/** A change of rules that is approved while its fences are still being signed. */
export interface Closing {
  readonly change: string;
  /** Who must sign a fence, and of them, whose keys don't stay. */
  readonly signers: readonly string[];
  readonly leaving: readonly string[];
  /** `without` (null: nobody) → who has signed a fence that counts. */
  readonly signed: ReadonlyMap<string | null, ReadonlySet<string>>;
}

export interface Epochs {
  /** The last one is in force. */
  readonly list: readonly Epoch[];
  readonly closing?: Closing | undefined;
  /** Ids that an epoch's end rests on and that are not here. */
  readonly missing: readonly string[];
}

type Proposal = StatementOf<'proposal'>;

export interface EpochContext {
  readonly net: string;
  readonly off: Switches;
  /** What is wrong with a proposal under the rules of its epoch: `objectTo`, remembered. */
  readonly objection: (proposal: Proposal, epoch: EpochRules) => InvalidProposal | undefined;
}

/** The epochs that a set of statements makes. */
export function epochsOf(book: Book, constitution: Constitution, context: EpochContext): Epochs {
  const { net } = context;
  const list: Epoch[] = [];
  const missing: string[] = [];
  let now: EpochRules = { net, ep: 0, base: GENESIS, rules: genesisRules(constitution) };
  for (;;) {
    const attempts = approvedChanges(book, now, context).map((change) => attempt(book, now, change, context));
    for (const { lacking } of attempts) missing.push(...lacking);
    const done = attempts.find(({ end }) => end !== undefined);
    if (done === undefined || done.end === undefined)
      return { list: [...list, now], closing: attempts[0]?.closing, missing };
    list.push({ ...now, end: done.end });
    now = { net, ep: now.ep + 1, base: done.end.change, rules: done.rules };
  }
}

/** Approved changes of the rules of one epoch; of rivals, which only contradiction can make, the first counts. */
function approvedChanges(book: Book, epoch: EpochRules, context: EpochContext): readonly Proposal[] {
  const approved = (book.changes.get(epoch.ep) ?? []).filter((change) => isApproved(book, epoch, change, context));
  const ending = approved.filter((change) => {
    const action = actionOf(change);
    if (action.op !== 'recover' || context.off.has('intent-first')) return true;
    return (
      action.intent !== null && approved.some((one) => one.id === action.intent && isIntentOf(actionOf(one), action))
    );
  });
  return ending.sort((one, other) => orderOf(one) - orderOf(other) || (one.id < other.id ? -1 : 1));
}

function isIntentOf(intent: Action, final: Extract<Action, { op: 'recover' }>): boolean {
  return intent.op === 'recover' && intent.intent === null && intent.voter === final.voter && intent.key === final.key;
}

/** A removal outranks an amendment that the removed voter could hold up. */
function orderOf(change: Proposal): number {
  return { expel: 0, recover: 1 }[actionOf(change).op as 'expel' | 'recover'] ?? 2;
}

function actionOf(change: Proposal): Action {
  return change.payload.body.actions[0] as Action;
}

function isApproved(book: Book, epoch: EpochRules, change: Proposal, { off, objection }: EpochContext): boolean {
  const { rules, ep } = epoch;
  if (rules.kids.get(change.payload.voter) !== change.kid || objection(change, epoch) !== undefined) return false;
  const ballot = ballotFor(change.payload.body, rules, off);
  const commits = book.registers.commitsOn(change.id);
  const registers = ballot.kids.map(
    (kid) =>
      new Set<Choice>(
        (commits.get(kid) ?? []).filter((one) => one.payload.ep === ep).map((one) => one.payload.body.value),
      ),
  );
  return outcomeOf(registers, { voters: ballot.kids.length, required: ballot.required }) === 'approved';
}

interface Attempt {
  readonly closing: Closing;
  readonly end?: EpochEnd | undefined;
  readonly rules: Rules;
  readonly lacking: readonly string[];
}

function attempt(book: Book, epoch: EpochRules, change: Proposal, { off }: EpochContext): Attempt {
  const rules = rulesAfter(actionOf(change), epoch.rules);
  const { voters: signers } = ballotFor(change.payload.body, epoch.rules, off);
  const kept = new Set(rules.kids.values());
  const leaving = signers.filter((voter) => !kept.has(epoch.rules.kids.get(voter) ?? ''));
  const { good, lacking } = goodFences(book, epoch, { change: change.id, signers, leaving, off });
  const signed = new Map<string | null, Set<string>>();
  for (const { fence } of good) {
    const { without } = fence.payload.body;
    signed.set(without, (signed.get(without) ?? new Set()).add(fence.payload.voter));
  }
  const closing: Closing = { change: change.id, signers, leaving, signed };
  const without = enough(closing);
  if (without === undefined) return { closing, rules, lacking };
  const agreed = good.filter(({ fence }) => fence.payload.body.without === without);
  // What a leaving key signs counts as far as those who stay have cited it, and no further: it may be in other hands.
  const staying = agreed.filter(
    ({ fence }) => leaving.length === signers.length || !leaving.includes(fence.payload.voter),
  );
  const counts = new Set(staying.flatMap(({ ids }) => [...ids]));
  return {
    closing,
    rules,
    lacking,
    end: { change: change.id, without, fences: agreed.map(({ fence }) => fence), counts },
  };
}

/** Whether enough have signed: all, or all but one who then must be one of three or more. undefined: not yet. */
export function enough({ signers, signed }: Pick<Closing, 'signers' | 'signed'>): string | null | undefined {
  // The others' word counts more than that of the one they waited for in vain, so that who comes late converges with them.
  for (const absent of [...signers].sort()) {
    const others = signers.filter((voter) => voter !== absent);
    if (others.length >= 2 && others.every((voter) => signed.get(absent)?.has(voter))) return absent;
  }
  return signers.every((voter) => signed.get(null)?.has(voter)) ? null : undefined;
}

interface Fencing {
  readonly change: string;
  readonly signers: readonly string[];
  readonly leaving: readonly string[];
  readonly off: Switches;
}
interface GoodFence {
  readonly fence: StatementOf<'fence'>;
  readonly ids: ReadonlySet<string>;
}

function goodFences(
  book: Book,
  epoch: EpochRules,
  fencing: Fencing,
): { good: readonly GoodFence[]; lacking: readonly string[] } {
  const { change, signers, leaving, off } = fencing;
  const good: GoodFence[] = [];
  const lacking: string[] = [];
  for (const fence of book.fences.get(change) ?? []) {
    const { ep, voter } = fence.payload;
    if (ep !== epoch.ep || !signers.includes(voter) || epoch.rules.kids.get(voter) !== fence.kid) continue;
    const closure = closureOf(fence, book);
    if (closure.kind === 'incomplete' && !off.has('closing-waits')) lacking.push(...closure.missing);
    else {
      const ids = closure.kind === 'complete' ? closure.ids : new Set([fence.id]);
      if (leaving.includes(voter) || citesAll(book, ids, { change, leaving, without: fence.payload.body.without })) {
        good.push({ fence, ids });
      }
    }
  }
  return { good, lacking };
}

/** Those who stay close after those who leave, so that nothing which a leaving key signed in time is lost. */
function citesAll(
  book: Book,
  ids: ReadonlySet<string>,
  options: { change: string; leaving: readonly string[]; without: string | null },
): boolean {
  const cited = new Set(
    (book.fences.get(options.change) ?? []).filter(({ id }) => ids.has(id)).map(({ payload }) => payload.voter),
  );
  return options.leaving.every((voter) => voter === options.without || cited.has(voter));
}
