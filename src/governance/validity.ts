import type { Action, ProposalBody } from './body.ts';
import { isEvidence } from './evidence.ts';
import { isKeyProof } from './key-proof.ts';
import { isSoundKey, thumbprint } from './key.ts';
import { isForEmergency, leastType, rankOfType } from './least-type.ts';
import { amendedRules, type Rules, requiredBy, withKey } from './rules.ts';
import type { StatementOf } from './statement.ts';
import { ALL_RULES, type Switches } from './switches.ts';
import type { InvalidProposal } from './views.ts';

type Proposal = StatementOf<'proposal'>;
type Amend = Extract<Action, { op: 'amend' }>;
type Removal = Extract<Action, { op: 'expel' | 'recover' }>;

/** Rules in force, and what the next change of them must name as its base. */
export interface EpochRules {
  readonly net: string;
  readonly ep: number;
  readonly base: string;
  readonly rules: Rules;
}

/** What is wrong with a proposal, from its own content and the rules of its epoch alone. */
export function objectTo(
  proposal: Proposal,
  epoch: EpochRules,
  off: Switches = ALL_RULES,
): InvalidProposal | undefined {
  const { body, ts, voter } = proposal.payload;
  const { rules } = epoch;
  if (body.deadline !== ts + rules.periodMs[body.type]) return 'deadline';
  if (body.type === 'emergency_action') return objectToEmergency(body, voter, rules);
  const least = leastType(body.actions, rules);
  if (rankOfType(body.type) < rankOfType(least) && !off.has('type-is-computed')) return 'type-too-low';
  return isWellMade(body, epoch) ? undefined : 'bad-change';
}

function objectToEmergency(body: ProposalBody, voter: string, rules: Rules): InvalidProposal | undefined {
  if (voter !== rules.overseer) return 'not-the-overseer';
  if (body.description.trim().length < 20) return 'not-for-emergencies';
  if (!body.actions.every((action) => isForEmergency(action, rules))) return 'not-for-emergencies';
  return setsEachKeyOnce(body.actions) ? undefined : 'bad-change';
}

function isWellMade(body: ProposalBody, epoch: EpochRules): boolean {
  const [first, ...others] = body.actions;
  if (first === undefined) return false;
  if (first.op === 'set' || first.op === 'revoke' || first.op === 'call') {
    // All or nothing needs one kind of thing: what is voted into the policy, what ends an overlay entry, or what runs.
    return others.every((action) => action.op === first.op) && setsEachKeyOnce(body.actions);
  }
  if (others.length > 0 || first.base !== epoch.base) return false;
  return first.op === 'amend' ? isGoodAmendment(first, epoch) : isGoodRemoval(first, epoch);
}

function setsEachKeyOnce(actions: readonly Action[]): boolean {
  const keys = actions.flatMap((action) => (action.op === 'set' ? [action.key] : []));
  return new Set(keys).size === keys.length;
}

function isGoodAmendment({ changes, proofs }: Amend, { rules, net, ep }: EpochRules): boolean {
  const amended = amendedRules(rules, changes);
  if (amended === undefined) return false;
  return [...amended.voters].every(
    ([voter, key]) =>
      rules.voters.get(voter) === key || proofs.some((proof) => isKeyProof(proof, { net, ep, voter, key })),
  );
}

/** Against one voter's will takes proof or silence, and always two others: alone nobody changes who decides. */
function isGoodRemoval(action: Removal, { rules, net, ep }: EpochRules): boolean {
  const key = rules.voters.get(action.voter);
  if (key === undefined || rules.voters.size < 3) return false;
  if (action.op === 'expel') return isEvidence(action.evidence, { net, key });
  const taken = [...rules.kids.values()].includes(thumbprint(action.key));
  return (
    !taken && isSoundKey(action.key) && isKeyProof(action.proof, { net, ep, voter: action.voter, key: action.key })
  );
}

/** The rules that an approved change of them makes. */
export function rulesAfter(action: Action, rules: Rules): Rules {
  if (action.op === 'amend') return amendedRules(rules, action.changes) ?? rules;
  if (action.op === 'expel') return withKey(rules, action.voter, undefined);
  return action.op === 'recover' ? withKey(rules, action.voter, action.key) : rules;
}

export interface Ballot {
  /** Thumbprints of those whose commits count. */
  readonly kids: readonly string[];
  readonly voters: readonly string[];
  readonly required: number;
}

/** Whose commits decide a proposal, and how many approvals it takes. */
export function ballotFor(
  body: Pick<ProposalBody, 'type' | 'actions'>,
  rules: Rules,
  off: Switches = ALL_RULES,
): Ballot {
  const first = body.actions[0];
  if (body.type === 'emergency_action') return ballotOf([rules.overseer ?? ''], rules, 1);
  const everyone = [...rules.voters.keys()];
  if (first?.op === 'amend') return ballotOf(everyone, rules, everyone.length);
  if (first?.op === 'expel' || first?.op === 'recover') {
    const others = everyone.filter((voter) => voter !== first.voter);
    return ballotOf(others, rules, off.has('two-to-remove') ? 1 : others.length);
  }
  return ballotOf(everyone, rules, requiredBy(rules, body.type));
}

/** The ballot on whether an overlay entry stays. */
export function ratificationBallot(rules: Rules): Ballot {
  return ballotOf([...rules.voters.keys()], rules, requiredBy(rules, 'major_change'));
}

function ballotOf(voters: readonly string[], rules: Rules, required: number): Ballot {
  const kids = voters.flatMap((voter) => rules.kids.get(voter) ?? []);
  return { voters, kids, required };
}
