import type { SigningClock } from './attention.ts';
import type { Choice, CommitBody, FenceBody } from './body.ts';
import { commitReason } from './commit-reason.ts';
import type { Question } from './question.ts';
import type { SigningContext } from './signing-context.ts';
import { prospect, standOf } from './stands.ts';

/** Why a voter can't sign anything now: it has no seat, or has closed its epoch, so that whatever it signs may be void. */
type SigningObstacle = 'not-a-voter' | 'frozen';

/** To be asked before every statement but the fences that `decideToSign` asks for. undefined: nothing is in the way. */
export function signingObstacle(
  voter: string,
  { ledger, off }: Pick<SigningContext, 'ledger' | 'off'>,
): SigningObstacle | undefined {
  if (!ledger.epoch().rules.voters.has(voter)) return 'not-a-voter';
  return ledger.isFrozen(voter) && !off?.has('frozen-after-fence') ? 'frozen' : undefined;
}

/** What a voter's node signs next, one statement each. */
export type Act =
  | { readonly kind: 'commit'; readonly body: CommitBody }
  | { readonly kind: 'fence'; readonly body: FenceBody };

/** How far ahead another's clock may be before a deadline that it signed is no longer believed. */
const SKEW_MS = 3_600_000;

/**
 * What `voter` should sign now, from its own votes, what it knows and its own clocks. Nothing here binds anybody else: it
 * is how an honest node keeps its word. Sign, store and take in one act before asking for the next.
 */
export function decideToSign(voter: string, context: SigningContext): readonly Act[] {
  const { ledger } = context;
  const closing = ledger.closing();
  const fence = fenceToSign(voter, context);
  if (fence !== undefined) return [{ kind: 'fence', body: fence }];
  // Between a fence and the next epoch a commit would be void where others have closed already.
  if (closing !== undefined && !context.off?.has('frozen-after-fence')) return [];
  if (signingObstacle(voter, context) !== undefined) return [];
  const open = ledger.questions();
  const intents = ledger.intents().map((id) => `intent ${id}`);
  context.attention.keepOnly(new Set([...open.flatMap(({ name }) => [name, `support ${name}`]), ...intents]));
  // The silence that a recovery needs is counted from when its intent was seen approved.
  for (const intent of intents) context.attention.since(intent, context.clock);
  for (const question of open) {
    const body = commitToSign(voter, question, context);
    if (body !== undefined) return [{ kind: 'commit', body }];
  }
  return [];
}

function commitToSign(voter: string, question: Question, context: SigningContext): CommitBody | undefined {
  const { ledger, clock, attention } = context;
  const seen = attention.since(question.name, clock);
  if (!question.voters.includes(voter)) return undefined;
  if (hasCommitted(voter, question, context)) return undefined;
  const { about } = question;
  if (ledger.proposal(about.proposal)?.withdrawn === true && about.ratifies !== true) {
    return { ...about, value: 'reject', because: 'withdrawn' };
  }
  const own = standOf(question, voter);
  const late = isPast(voter, question, seen, context);
  if (!late && !(own !== undefined && (context.final?.has(question.name) || isSupported(own, question, context)))) {
    return undefined;
  }
  if (own === undefined) return { ...about, value: 'abstain', because: 'no-vote' };
  if (own !== 'approve') return { ...about, value: own };
  const reason = about.ratifies === true ? undefined : commitReason(voter, about.proposal, context);
  if (reason === undefined) return { ...about, value: 'approve' };
  if (reason === 'not-known-yet') return late ? { ...about, value: 'reject', because: 'stale-base' } : undefined;
  if (reason === 'not-justified') return late ? { ...about, value: 'abstain', because: reason } : undefined;
  return { ...about, value: 'reject', because: reason };
}

function hasCommitted(voter: string, question: Question, { ledger, off }: SigningContext): boolean {
  if (!question.committed.includes(voter)) return false;
  if (!off?.has('write-once')) return true;
  const said =
    ledger
      .registers()
      .commitsOn(question.name)
      .get(ledger.epoch().rules.kids.get(voter) ?? '') ?? [];
  return said.some((one) => one.payload.body.value === standOf(question, voter));
}

/** Whether enough others are known to want the same, and the time to think again is over. */
function isSupported(own: Choice, question: Question, context: SigningContext): boolean {
  const { ledger, attention, clock, off } = context;
  const enough = prospect(question, ledger) === (own === 'approve' ? 'approve' : 'refuse');
  const name = `support ${question.name}`;
  if (!enough && !off?.has('support-first')) {
    attention.forget(name);
    return false;
  }
  return clock.monoMs - attention.since(name, clock).monoMs >= ledger.epoch().rules.coolOffMs[question.type];
}

/**
 * Whether the deadline has passed: by the wall clock, and by the time that went by here since the question was first seen
 * or by what another voter's clock said. One wrong clock must not throw a vote away; to wait too long harms nothing. A
 * deadline that the proposer's clock puts too far off ends with the period counted from here, or nothing would ever lapse.
 */
function isPast(
  voter: string,
  question: Question,
  seen: SigningClock,
  { ledger, clock, off }: SigningContext,
): boolean {
  if (off?.has('own-deadline')) return false;
  const period = ledger.epoch().rules.periodMs[question.type];
  const longest = seen.wallMs + period + SKEW_MS;
  const deadline = off?.has('bounded-deadline') ? question.deadline : Math.min(question.deadline, longest);
  if (clock.wallMs <= deadline) return false;
  return clock.monoMs - seen.monoMs > period || ledger.lastHeardMs({ except: voter }) > deadline;
}

function fenceToSign(voter: string, context: SigningContext): FenceBody | undefined {
  const { ledger, clock, attention, off } = context;
  const closing = ledger.closing();
  const kid = ledger.epoch().rules.kids.get(voter);
  if (closing === undefined || !closing.signers.includes(voter)) return undefined;
  const { change, signers, leaving, signed } = closing;
  const mine = ledger.fencesFor(change).filter((one) => one.kid === kid);
  const have = (without: string | null): boolean => mine.some((one) => one.payload.body.without === without);
  const heads = [...ledger.tips()];
  const absent = (name: string): boolean => name !== voter && signed.get(null)?.has(name) !== true;
  const waits = !leaving.includes(voter) && leaving.some(absent);
  if (!have(null) && !waits) return { change, heads, without: null };
  const since = attention.since(`closing ${change}`, clock);
  const patience = ledger.epoch().rules.periodMs.critical_change;
  if (clock.monoMs - since.monoMs <= patience || off?.has('fence-without')) return undefined;
  const missing = leaving.some(absent) ? leaving.filter(absent) : signers.filter(absent);
  const [without, another] = missing;
  if (without === undefined || another !== undefined || signers.length < 3 || have(without)) return undefined;
  return { change, heads, without };
}
