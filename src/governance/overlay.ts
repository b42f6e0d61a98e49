import { ratificationOf, type SetAction } from './body.ts';
import type { Book } from './book.ts';
import type { Epoch } from './epochs.ts';
import { isForOverlay } from './least-type.ts';
import type { Outcome } from './outcome.ts';
import type { Statement, StatementOf } from './statement.ts';
import type { Switches } from './switches.ts';
import type { OverlayEntry } from './views.ts';

/** Between two acts of the overseer that count, by its own clock. */
const MIN_SPACING_MS = 60_000;

export interface LaidEntry extends OverlayEntry {
  /** What it sets, each above the version that its `base` names. */
  readonly writes: readonly SetAction[];
}

export interface OverlayContext {
  readonly book: Book;
  readonly epochs: readonly Epoch[];
  readonly off: Switches;
  /**
   * Whether a statement counts in its epoch and all before it in its log is here: what one voter lays depends on what it
   * laid before, so it must not be judged before that is known.
   */
  readonly counts: (statement: Statement) => boolean;
  /** The outcome by commits, of a proposal or of a ratification in epoch `ep`. */
  readonly outcomeOf: (question: string, ep: number) => Outcome;
  /** Overlay entries that decisions end. */
  readonly revoked: ReadonlySet<string>;
  /** Where the voters' keys are. */
  readonly homes: ReadonlySet<string>;
}

type Draft = Omit<LaidEntry, 'inForce' | 'ended' | 'ratified'> & { readonly void: boolean };

/**
 * What single voters put in force at once, in the order of their own logs, and what became of it. Every term is a set
 * that only grows, so the order of arrival does not matter.
 */
export function layOverlay(context: OverlayContext): readonly LaidEntry[] {
  const entries: LaidEntry[] = [];
  for (const epoch of context.epochs) {
    const laid = [...actsOfOverseer(epoch, context), ...holdsIn(epoch, context)].map((draft) =>
      settle(draft, epoch, context),
    );
    entries.push(...(context.off.has('taken-back-stays') ? laid : withoutTheTakenBack(laid)));
  }
  return entries;
}

/**
 * The overseer's acts in the order of its log. Each has its place by the statement that proposes it and not by a commit: of
 * a key that repeats itself each node may know another one.
 */
function actsOfOverseer(epoch: Epoch, context: OverlayContext): readonly Draft[] {
  const { rules, ep } = epoch;
  const kid = rules.kids.get(rules.overseer ?? '');
  const acts = [...context.book.overrides, ...context.book.emergencies].filter(
    (act) => act.kid === kid && act.payload.ep === ep && context.counts(act),
  );
  const overridden = new Set<string>();
  let last = -MIN_SPACING_MS;
  return acts.sort(inLogOrder).flatMap((act): Draft[] => {
    const isEmergency = act.payload.kind === 'proposal';
    const draft = isEmergency
      ? emergency(act as StatementOf<'proposal'>)
      : override(act as StatementOf<'override'>, epoch, context);
    const again = draft.proposal !== undefined && overridden.has(draft.proposal);
    if (draft.proposal !== undefined) overridden.add(draft.proposal);
    // Spaced from the act before, whether that one counts or not: so nothing learnt later moves it.
    const tooSoon = act.payload.ts < last + MIN_SPACING_MS;
    last = act.payload.ts;
    if (isEmergency && context.outcomeOf(act.id, ep) !== 'approved') return [];
    return [{ ...draft, void: draft.void || again || tooSoon }];
  });
}

function emergency({ id, payload }: StatementOf<'proposal'>): Draft {
  const writes = payload.body.actions.filter((action) => action.op === 'set');
  return { id, kind: 'emergency', by: payload.voter, ts: payload.ts, ep: payload.ep, writes, void: false };
}

function override({ id, payload }: StatementOf<'override'>, epoch: Epoch, context: OverlayContext): Draft {
  const { proposal, action } = payload.body;
  const body = context.book.proposals.get(proposal)?.payload.body;
  const actions = body?.actions ?? [];
  const reachable =
    (body?.type === 'minor_change' || body?.type === 'major_change') &&
    actions.every((one) => isForOverlay(one, epoch.rules)) &&
    context.outcomeOf(proposal, context.book.proposals.get(proposal)?.payload.ep ?? 0) !== 'invalid';
  const writes = action === 'approve' ? actions.filter((one) => one.op === 'set') : [];
  const isVoid = !reachable && !(context.off.has('overlay-floors') && body !== undefined);
  return { id, kind: action, by: payload.voter, ts: payload.ts, ep: payload.ep, writes, proposal, void: isVoid };
}

function holdsIn(epoch: Epoch, { book, counts, homes, off }: OverlayContext): readonly Draft[] {
  const { rules, ep } = epoch;
  const held = new Set<string>();
  return book.holds
    .filter((hold) => hold.payload.ep === ep && rules.kids.get(hold.payload.voter) === hold.kid && counts(hold))
    .sort(inLogOrder)
    .map(({ id, payload }) => {
      const { target } = payload.body;
      const name = `${payload.voter} ${target.kind} ${target.id}`;
      const again = held.has(name) && !off.has('one-hold-a-target');
      held.add(name);
      const exempt = isVoters(target, epoch, homes) && !off.has('homes-are-exempt');
      return { id, kind: 'hold', by: payload.voter, ts: payload.ts, ep, writes: [], target, void: again || exempt };
    });
}

/** A hold never reaches a voter or the node that holds its key: what one voter signs must not silence another. */
function isVoters(target: { kind: string; id: string }, { rules }: Epoch, homes: ReadonlySet<string>): boolean {
  return target.kind === 'agent' ? rules.voters.has(target.id) : target.kind === 'node' && homes.has(target.id);
}

function settle({ void: isVoid, ...draft }: Draft, epoch: Epoch, context: OverlayContext): LaidEntry {
  const { book, counts, outcomeOf, off, revoked } = context;
  const outcome = outcomeOf(ratificationOf(draft.id), epoch.ep);
  const lapsed =
    (outcome === 'rejected' && !off.has('ratification-lapses')) ||
    (epoch.end !== undefined && outcome !== 'approved' && !off.has('epoch-ends-overlay'));
  const takenBack = book.revokes.some(
    (one) => one.payload.body.entry === draft.id && one.kid === epoch.rules.kids.get(draft.by) && counts(one),
  );
  const ended = isVoid
    ? 'void'
    : revoked.has(draft.id)
      ? 'revoked'
      : lapsed
        ? 'lapsed'
        : takenBack
          ? 'withdrawn'
          : undefined;
  return { ...draft, ended, inForce: ended === undefined, ratified: outcome === 'approved' };
}

/** What the others ended can't be laid again by the same hand in the same epoch, or lapsing would mean nothing. */
function withoutTheTakenBack(entries: readonly LaidEntry[]): readonly LaidEntry[] {
  const closed = new Set<string>();
  return entries.map((entry) => {
    const keys = entry.writes.map(({ key }) => key);
    const again = !entry.ratified && entry.inForce && keys.some((key) => closed.has(key));
    if (entry.ended === 'revoked' || entry.ended === 'lapsed') for (const key of keys) closed.add(key);
    return again ? { ...entry, inForce: false, ended: 'lapsed' } : entry;
  });
}

function inLogOrder(one: Statement, other: Statement): number {
  return one.payload.seq - other.payload.seq || (one.id < other.id ? -1 : 1);
}
