import type { Constitution } from '../constitution/index.ts';
import type { ProposalType, RuleChanges } from './body.ts';
import { isSoundKey, thumbprint } from './key.ts';

const MINUTE_MS = 60_000;
const DAY_MS = 24 * 60 * MINUTE_MS;

type PerType = Readonly<Record<ProposalType, number>>;

/** Who decides in one epoch, and how. */
export interface Rules {
  /** Voter → raw key, base64url. */
  readonly voters: ReadonlyMap<string, string>;
  /** Voter → thumbprint. */
  readonly kids: ReadonlyMap<string, string>;
  /** Who alone may act in an emergency and override. */
  readonly overseer: string | undefined;
  readonly thresholds: PerType;
  /** Least type for a policy key, by pattern; the longest that fits. */
  readonly changeTypes: Readonly<Record<string, ProposalType>>;
  readonly periodMs: PerType;
  readonly coolOffMs: PerType;
  /** What an emergency action may set. */
  readonly emergencyKeys: readonly string[];
}

const PERIOD_MS: PerType = {
  minor_change: DAY_MS,
  major_change: DAY_MS,
  critical_change: DAY_MS,
  emergency_action: DAY_MS,
};
const COOL_OFF_MS: PerType = { minor_change: 0, major_change: 0, critical_change: 10 * MINUTE_MS, emergency_action: 0 };
const EMERGENCY_KEYS = ['emergency.*', 'fog.*', 'rates.*', 'tokens.revoked'];
const OVERSEER = 'king';

/** The rules a village is born with. A voter's key that is not sound is no voter. */
export function genesisRules(constitution: Constitution): Rules {
  const { voters, thresholds, change_types, governance = {} } = constitution;
  const sound = Object.entries(voters).filter(([, key]) => isSoundKey(key));
  const overseer = governance.overseer ?? OVERSEER;
  return {
    ...electorate(new Map(sound)),
    overseer: Object.hasOwn(voters, overseer) ? overseer : undefined,
    thresholds,
    changeTypes: change_types,
    periodMs: governance.period_ms ?? PERIOD_MS,
    coolOffMs: governance.cool_off_ms ?? COOL_OFF_MS,
    emergencyKeys: governance.emergency_keys ?? EMERGENCY_KEYS,
  };
}

/** The rules after a change of them; undefined when they would be no rules. */
export function amendedRules(rules: Rules, changes: RuleChanges): Rules | undefined {
  const voters = changes.voters === undefined ? rules.voters : new Map(Object.entries(changes.voters));
  const overseer = changes.overseer === undefined ? rules.overseer : (changes.overseer ?? undefined);
  const amended: Rules = {
    ...electorate(voters),
    overseer: overseer !== undefined && voters.has(overseer) ? overseer : undefined,
    thresholds: changes.thresholds ?? rules.thresholds,
    changeTypes: changes.change_types ?? rules.changeTypes,
    periodMs: changes.period_ms ?? rules.periodMs,
    coolOffMs: changes.cool_off_ms ?? rules.coolOffMs,
    emergencyKeys: changes.emergency_keys ?? rules.emergencyKeys,
  };
  return areSane(amended) ? amended : undefined;
}

/** The rules without a voter, or with another key for it. */
export function withKey(rules: Rules, voter: string, key: string | undefined): Rules {
  const voters = new Map(rules.voters);
  if (key === undefined) voters.delete(voter);
  else voters.set(voter, key);
  return { ...rules, ...electorate(voters), overseer: voters.has(rules.overseer ?? '') ? rules.overseer : undefined };
}

/** How many approvals a proposal of this type takes: never more than there are voters. */
export function requiredBy(rules: Rules, type: ProposalType): number {
  return Math.min(rules.thresholds[type], Math.max(1, rules.voters.size));
}

function electorate(voters: ReadonlyMap<string, string>): Pick<Rules, 'voters' | 'kids'> {
  return { voters, kids: new Map([...voters].map(([voter, key]) => [voter, thumbprint(key)])) };
}

function areSane({ voters, kids, thresholds }: Rules): boolean {
  const keys = [...voters.values()];
  return (
    voters.size >= 1 &&
    voters.size <= 9 &&
    new Set(kids.values()).size === voters.size &&
    keys.every(isSoundKey) &&
    thresholds.minor_change <= thresholds.major_change &&
    thresholds.major_change <= thresholds.critical_change &&
    // Two quorums of a major change must share a voter, or two rivals could both pass.
    2 * Math.min(thresholds.major_change, voters.size) > voters.size
  );
}
