import { GENESIS, type Action, type CommitBody } from './body.ts';
import type { Ledger } from './ledger.ts';
import { RECOVERY_SILENCE_MS, type SigningContext } from './signing-context.ts';

type Reason = NonNullable<CommitBody['because']> | 'not-known-yet';

/** Why a voter's node does not commit the approval that its voter wants; undefined: it does. */
export function commitReason(voter: string, proposal: string, context: SigningContext): Reason | undefined {
  const { ledger, off } = context;
  const { actions = [], type } = ledger.proposal(proposal)?.body ?? {};
  for (const action of actions) {
    const stale = off?.has('stale-base') ? undefined : staleness(action, context);
    if (stale !== undefined) return stale;
    if (type !== 'emergency_action' && !off?.has('slot-lock') && isTaken(voter, proposal, action, context))
      return 'slot-conflict';
    if (!off?.has('recover-waits') && !isSilentLongEnough(action, context)) return 'not-justified';
  }
  return undefined;
}

function staleness(action: Action, { ledger }: SigningContext): Reason | undefined {
  if (action.op !== 'set') return undefined;
  const { base, key } = action;
  if (base === (ledger.policy().entries.get(key)?.base ?? GENESIS)) return undefined;
  // What it builds on may be decided, and not have come here yet.
  return base === GENESIS || ledger.outcome(base) === 'approved' ? 'stale-base' : 'not-known-yet';
}

/**
 * Whether this voter has approved a rival that may still pass, or that passed from the same version. The lock is on the key
 * and not on the version alone: where one voter may move a version, two majorities could otherwise build on two of them.
 */
function isTaken(voter: string, proposal: string, action: Action, { ledger, off }: SigningContext): boolean {
  const kid = ledger.epoch().rules.kids.get(voter) ?? '';
  return ledger.rivalsOf(proposal, action).some((rival) => {
    const said = ledger.registers().commitsOn(rival).get(kid) ?? [];
    if (!said.some((one) => one.payload.body.value === 'approve')) return false;
    const outcome = ledger.outcome(rival);
    // A removal may pass an amendment that only the removed voter could still complete.
    const removes = action.op === 'expel' || action.op === 'recover';
    if (removes && outcome === 'open' && isAmendment(rival, ledger)) return false;
    if (outcome === 'approved') return action.op !== 'set' || baseIn(ledger, rival, action.key) === action.base;
    return outcome === 'open' || (outcome !== 'invalid' && off?.has('slot-release') === true);
  });
}

function isAmendment(proposal: string, ledger: Ledger): boolean {
  return ledger.proposal(proposal)?.body.actions[0]?.op === 'amend';
}

function baseIn(ledger: Ledger, proposal: string, key: string): string | undefined {
  const write = ledger.proposal(proposal)?.body.actions.find((one) => one.op === 'set' && one.key === key);
  return write?.op === 'set' ? write.base : undefined;
}

/** The intent was approved long ago, and the voter it is about has not been heard of since. */
function isSilentLongEnough(action: Action, { ledger, attention, clock }: SigningContext): boolean {
  if (action.op !== 'recover' || action.intent === null) return true;
  const intent = ledger.get(action.intent);
  if (intent === undefined || ledger.outcome(action.intent) !== 'approved') return false;
  const kid = ledger.epoch().rules.kids.get(action.voter) ?? '';
  const since = attention.since(`intent ${action.intent}`, clock);
  const alive = ledger
    .since(kid, { after: 0, limit: Number.MAX_SAFE_INTEGER })
    .some(({ payload }) => payload.ts > intent.payload.ts);
  return !alive && clock.monoMs - since.monoMs >= RECOVERY_SILENCE_MS;
}
