import type { PolicyValue } from '../constitution/index.ts';
import { atLeast, isLevel } from '../permissions/index.ts';
import type { Action, ProposalType, SetAction } from './body.ts';
import type { Rules } from './rules.ts';

const RANK: Readonly<Record<ProposalType, number>> = {
  minor_change: 0,
  major_change: 1,
  critical_change: 2,
  emergency_action: -1,
};

/** 0 minor, 1 major, 2 critical. An emergency action has no rank: it never enters the voted policy. */
export function rankOfType(type: ProposalType): number {
  return RANK[type];
}

/** Keys that say who decides. No type below critical reaches them, whatever `change_types` says, and no overlay ever. */
const FLOOR =
  /^(?:constitution|voters|issuers|thresholds|privacy)\.|^(?:permissions\.tools|rates)\.(?:governance_[a-z_]+|policy_query|king_override_vote|emergency_[a-z_]+|register_agent|agent_authorization_management|compliance_audit)\./;
const QUARANTINED = 'threat.quarantined';
const LEVEL_OF = /^agents\.levels\.(.+)$/;

/** The least type of proposal that may set `key` to `value`: computed, never believed. */
export function leastTypeOfKey(key: string, value: PolicyValue, rules: Rules): ProposalType {
  if (isFloor(key, value, rules)) return 'critical_change';
  const pattern = longestFit(key, Object.keys(rules.changeTypes));
  return pattern === undefined ? 'critical_change' : (rules.changeTypes[pattern] as ProposalType);
}

export function leastType(actions: readonly Action[], rules: Rules): ProposalType {
  const types = actions.map((action): ProposalType => {
    if (action.op === 'set') return leastTypeOfKey(action.key, action.value, rules);
    if (action.op === 'call') return 'minor_change'; // the node that runs it checks what the tool asks for then
    return action.op === 'revoke' ? 'major_change' : 'critical_change';
  });
  return types.reduce((most, type) => (RANK[type] > RANK[most] ? type : most), 'minor_change');
}

/** Whether the overlay may touch what this action sets. */
export function isForOverlay(action: Action, rules: Rules): action is SetAction {
  return action.op === 'set' && !isFloor(action.key, action.value, rules);
}

export function isForEmergency(action: Action, rules: Rules): action is SetAction {
  return isForOverlay(action, rules) && longestFit(action.key, rules.emergencyKeys) !== undefined;
}

function isFloor(key: string, value: PolicyValue, rules: Rules): boolean {
  if (FLOOR.test(key)) return true;
  if (key === QUARANTINED && Array.isArray(value)) return value.some((agent) => rules.voters.has(String(agent)));
  const agent = LEVEL_OF.exec(key)?.[1];
  if (agent === undefined) return false;
  // A level that votes are cast with, given or taken away.
  return rules.voters.has(agent) || (isLevel(value) && atLeast(value, 'GOVERNANCE'));
}

function longestFit(key: string, patterns: readonly string[]): string | undefined {
  const fits = patterns.filter(
    (pattern) => pattern === '*' || pattern === key || (pattern.endsWith('.*') && key.startsWith(pattern.slice(0, -1))),
  );
  return fits.reduce<string | undefined>(
    (best, one) => (best === undefined || one.length > best.length ? one : best),
    undefined,
  );
}
