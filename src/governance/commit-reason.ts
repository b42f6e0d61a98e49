import { GENESIS, type Action, type CommitBody } from './body.ts';
import { RECOVERY_SILENCE_MS, type SigningContext } from './decide-to-sign.ts';

type Reason = NonNullable<CommitBody['because']> | 'not-known-yet';

/** Why a voter's node does not commit the approval that its voter wants; undefined: it does. */
export function commitReason(voter: string, proposal: string, context: SigningContext): Reason | undefined {
  const { ledger, off } = context;
  const actions = ledger.proposal(proposal)?.body.actions ?? [];
  for (const action of actions) {
    const stale = off?.has('stale-base') ? undefined : staleness(action, context);
    if (stale !== undefined) return stale;
    if (!off?.has('slot-lock') && isTaken(voter, proposal, action, context)) return 'slot-conflict';
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

/** Whether this voter has approved a rival for the same version of the same key, and the rival may still pass. */
function isTaken(voter: string, proposal: string, action: Action, { ledger, off }: SigningContext): boolean {
  const kid = ledger.epoch().rules.kids.get(voter) ?? '';
  return ledger.rivalsOf(proposal, action).some((rival) => {
    const said = ledger.registers().commitsOn(rival).get(kid) ?? [];
    if (!said.some((one) => one.payload.body.value === 'approve')) return false;
    const outcome = ledger.outcome(rival);
    if (outcome === 'invalid') return false;
    // A removal may pass an amendment that only the removed voter could still complete.
    if ((action.op === 'expel' || action.op === 'recover') && outcome === 'open' && ledger.isAmendment(rival))
      return false;
    return (outcome !== 'rejected' && outcome !== 'dropped') || off?.has('slot-release') === true;
  });
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
