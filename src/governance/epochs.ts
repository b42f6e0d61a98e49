import type { Constitution } from '../constitution/index.ts';
import type { Action, Choice } from './body.ts';
import { GENESIS } from './body.ts';
import type { Book } from './book.ts';
import { both, closuresOf, type Closure, goodFences } from './fencing.ts';
import { outcomeOf } from './outcome.ts';
import { genesisRules, type Rules } from './rules.ts';
import type { StatementOf } from './statement.ts';
import type { Switches } from './switches.ts';
import { ballotFor, type EpochRules, rulesAfter } from './validity.ts';
import type { InvalidProposal } from './views.ts';

/** How an epoch ended: what of it counts, for everybody and for ever. */
export interface EpochEnd extends Closure {
  readonly change: string;
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
    const done = endingOf(book, now, attempts, context);
    if (done?.end === undefined) return { list: [...list, now], closing: attempts[0]?.closing, missing };
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

function isApproved(book: Book, epoch: EpochRules, change: Proposal, context: EpochContext): boolean {
  const isSound = epoch.rules.kids.get(change.payload.voter) === change.kid;
  return isSound && context.objection(change, epoch) === undefined && isApprovedBy(book, epoch, change, context);
}

/** Whether the commits that are known, or those of them that are `within`, approve a change. */
function isApprovedBy(
  book: Book,
  { rules, ep }: EpochRules,
  change: Proposal,
  { off, within }: Pick<EpochContext, 'off'> & { readonly within?: ReadonlySet<string> | undefined },
): boolean {
  const ballot = ballotFor(change.payload.body, rules, off);
  const commits = book.registers.commitsOn(change.id);
  const registers = ballot.kids.map(
    (kid) =>
      new Set<Choice>(
        (commits.get(kid) ?? [])
          .filter((one) => one.payload.ep === ep && within?.has(one.id) !== false)
          .map((one) => one.payload.body.value),
      ),
  );
  return outcomeOf(registers, { voters: ballot.kids.length, required: ballot.required }) === 'approved';
}

interface Attempt {
  readonly change: Proposal;
  readonly closing: Closing;
  readonly end?: EpochEnd | undefined;
  /** What every way of closing that the fences allow agrees on. */
  readonly core: ReadonlySet<string>;
  readonly rules: Rules;
  readonly lacking: readonly string[];
}

function attempt(book: Book, epoch: EpochRules, change: Proposal, { off }: EpochContext): Attempt {
  const rules = rulesAfter(actionOf(change), epoch.rules);
  const { voters: signers } = ballotFor(change.payload.body, epoch.rules, off);
  const kept = new Set(rules.kids.values());
  const leaving = signers.filter((voter) => !kept.has(epoch.rules.kids.get(voter) ?? ''));
  const fencing = { change: change.id, signers, leaving, off };
  const { good, lacking } = goodFences(book, epoch, fencing);
  const signed = new Map<string | null, Set<string>>();
  for (const { fence } of good) {
    const { without } = fence.payload.body;
    signed.set(without, (signed.get(without) ?? new Set()).add(fence.payload.voter));
  }
  const closing: Closing = { change: change.id, signers, leaving, signed };
  const closures = closuresOf(good, signed, fencing);
  const [first] = closures;
  const core = closures.map(({ counts }) => counts).reduce(both, first?.counts ?? new Set());
  const end = first === undefined ? undefined : { ...first, change: change.id };
  return { change, closing, rules, lacking, core, end };
}

/**
 * Of several that are approved and fenced, the one that ended the epoch. A change is cut off by another when what approves
 * it lies beyond the other's fences: then it was signed after the epoch had closed, perhaps with keys that were replaced
 * since. Who is cut off gives way; where each cuts the other, the change that everybody signed stands before a removal.
 */
function endingOf(
  book: Book,
  epoch: EpochRules,
  attempts: readonly Attempt[],
  context: EpochContext,
): Attempt | undefined {
  const done = attempts.filter(({ end }) => end !== undefined);
  if (done.length < 2 || context.off.has('cut-off')) return done[0];
  const isCut = (one: Attempt): boolean =>
    done.some((other) => other !== one && !isApprovedBy(book, epoch, one.change, { ...context, within: other.core }));
  const weight = (one: Attempt): number => {
    if (!isCut(one)) return 0;
    return actionOf(one.change).op === 'amend' ? 1 : 2;
  };
  return done.reduce((best, one) => (weight(one) < weight(best) ? one : best));
}
