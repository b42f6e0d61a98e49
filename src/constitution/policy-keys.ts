import type { ChangeType } from '../permissions/index.ts';
import type { PolicyValue } from './constitution.ts';
import { nearestKey } from './nearest-key.ts';
import {
  anything,
  digests,
  flag,
  fogLimit,
  level,
  names,
  nodeIds,
  oneOf,
  orNull,
  rawKey,
  rights,
  servers,
  type Shape,
  shortText,
  whole,
} from './policy-shapes.ts';

/** A policy key, or a family of them: `*` stands for one part of the name, at the end for one or more. */
interface PolicyKey {
  readonly key: string;
  readonly shape: Shape;
  /** Where neither the constitution nor a decision says anything. Absent: there is none. */
  readonly preset?: PolicyValue;
  /** Least type of change in a village of the preset. The constitution of each village has its own. */
  readonly least: ChangeType;
  /** The part of the program that goes by it; null: it is kept and shown, and nothing here acts on it. */
  readonly reader: string | null;
}

const days = whole(1, 36_500, 'a whole number of days');
const perMinute = whole(1, 1_000_000, 'calls a minute');
const allCalls = whole(60, 1_000_000, 'calls a minute');
const percent = whole(0, 100, 'a whole number of hundredths');
const changeType = orNull(oneOf('minor_change', 'major_change', 'critical_change'), 'no vote');
const [minor, major, critical] = ['minor_change', 'major_change', 'critical_change'] as const;

/** Every policy key there is. Whole numbers only: every reader of a statement must read the same. */
export const POLICY_KEYS: readonly PolicyKey[] = [
  { key: 'display.village_name', shape: shortText(64, 'a name'), least: minor, reader: 'village' },
  { key: 'notify.resolutions.*', shape: shortText(200, 'a text'), least: minor, reader: null },

  { key: 'knowledge.retention_days', shape: days, preset: 30, least: major, reader: null },
  { key: 'audit.retention_days', shape: days, preset: 365, least: critical, reader: 'audit' },

  { key: 'permissions.tools.*.level', shape: level, least: major, reader: 'permissions' },
  { key: 'permissions.tools.*.audit', shape: flag, least: major, reader: 'permissions' },
  { key: 'permissions.tools.*.audit_content', shape: flag, least: major, reader: 'audit' },
  { key: 'permissions.tools.*.approval', shape: changeType, least: major, reader: 'permissions' },
  { key: 'permissions.tools.*.justification', shape: flag, least: major, reader: 'permissions' },
  { key: 'permissions.tools.*.only_agents', shape: orNull(names, 'anyone'), least: major, reader: 'permissions' },
  // Each node has limits of its own in its configuration: of the two the lower counts. Never so low that nobody could vote.
  { key: 'rates.per_agent.per_minute', shape: orNull(allCalls, 'as configured'), least: major, reader: 'router' },
  { key: 'rates.per_source.per_minute', shape: orNull(allCalls, 'as configured'), least: major, reader: 'gateway' },
  {
    key: 'rates.per_node.per_second',
    shape: orNull(whole(10, 1_000_000, 'calls a second'), 'as configured'),
    least: major,
    reader: 'router',
  },
  { key: 'rates.*.per_minute', shape: perMinute, least: major, reader: 'permissions' },

  { key: 'agents.levels.*', shape: level, least: major, reader: 'permissions' },
  // Who a bare name is that the constitution does not know. It can't replace a key of the constitution.
  { key: 'agents.keys.*', shape: orNull(rawKey, 'nobody'), least: major, reader: 'identity' },
  { key: 'nodes.evicted', shape: nodeIds, preset: [], least: major, reader: 'permissions' },
  { key: 'nodes.admission', shape: oneOf('invite', 'closed'), preset: 'invite', least: critical, reader: 'admission' },
  { key: 'nodes.rights.*', shape: orNull(rights, 'as its credential says'), least: critical, reader: 'admission' },
  { key: 'issuers.blocked', shape: nodeIds, preset: [], least: critical, reader: 'identity' },
  { key: 'tokens.revoked', shape: digests, preset: [], least: major, reader: 'permissions' },
  { key: 'emergency.blocked', shape: servers, preset: [], least: critical, reader: 'router' },

  { key: 'fog.vote_above', shape: fogLimit, preset: { cpu_cores: 8, memory_gb: 16 }, least: major, reader: 'fog' },
  { key: 'fog.vote_above_slots', shape: whole(0, 1_000_000, 'slots'), preset: 8, least: major, reader: 'fog' },
  { key: 'fog.vote_for_gpus', shape: flag, preset: true, least: major, reader: 'fog' },
  { key: 'fog.approved_artifacts', shape: digests, preset: [], least: major, reader: 'fog' },

  { key: 'routing.max_attempts', shape: whole(1, 8, 'replicas tried'), preset: 3, least: major, reader: 'router' },
  { key: 'routing.breaker_failures', shape: whole(1, 1_000, 'failures'), preset: 5, least: major, reader: 'router' },
  {
    key: 'routing.breaker_open_ms',
    shape: whole(10, 600_000, 'milliseconds'),
    preset: 1_000,
    least: major,
    reader: 'router',
  },

  { key: 'threat.block_above', shape: percent, preset: 80, least: major, reader: 'threat' },
  { key: 'threat.quarantined', shape: names, preset: [], least: major, reader: 'threat' },
  // Whom no node puts in quarantine by itself.
  { key: 'threat.pardoned', shape: names, preset: [], least: major, reader: 'threat' },
  { key: 'tools.changed', shape: oneOf('warn', 'block'), preset: 'warn', least: major, reader: 'tools' },
  { key: 'tools.approved', shape: digests, preset: [], least: major, reader: 'tools' },
  { key: 'cache.enabled', shape: flag, preset: true, least: major, reader: 'cache' },
  { key: 'cache.max_ttl_s', shape: whole(0, 86_400, 'seconds'), preset: 3_600, least: major, reader: 'cache' },

  { key: 'custom.*', shape: anything, least: major, reader: null },
];

const EXACT = new Map(POLICY_KEYS.map((one) => [one.key, one]));
const FAMILIES = POLICY_KEYS.filter(({ key }) => key.includes('*')).map((one) => ({
  one,
  pattern: patternOf(one.key),
}));

/** What is known of a key; undefined: there is no such key. */
function policyKey(key: string): PolicyKey | undefined {
  const exact = EXACT.get(key);
  if (exact !== undefined && !key.includes('*')) return exact;
  return FAMILIES.find(({ pattern }) => pattern.test(key))?.one;
}

/** What the program goes by where nobody said anything. */
export function presetOf(key: string): PolicyValue | undefined {
  return EXACT.get(key)?.preset;
}

/** The part of this program that goes by the key; null: none does. */
export function readerOf(key: string): string | null {
  return policyKey(key)?.reader ?? null;
}

/** Keys that have a value from the start, whatever the constitution says. */
export function presetKeys(): readonly string[] {
  return POLICY_KEYS.filter(({ preset }) => preset !== undefined).map(({ key }) => key);
}

/**
 * What is wrong with a value for a key, in words; undefined: nothing. `declared`: the village has the key, though this
 * program doesn't know it; then it may hold any plain JSON.
 */
export function objectToPolicyValue(
  key: string,
  value: PolicyValue,
  { declared = false }: { declared?: boolean | undefined } = {},
): string | undefined {
  const known = policyKey(key);
  if (known !== undefined) {
    return known.shape.schema.safeParse(value).success ? undefined : `${key} must be ${known.shape.says}`;
  }
  if (declared) return undefined;
  const near = nearestKey(key, [...EXACT.keys()]);
  const hint = near === undefined ? '' : ` Did you mean ${near}?`;
  return `there is no policy key ${key}.${hint} Values of your own go under custom.*`;
}

function patternOf(key: string): RegExp {
  const parts = key.split('.').map((part, index, all) => {
    if (part !== '*') return part;
    return index === all.length - 1 ? '.+' : '[^.]+';
  });
  return new RegExp(`^${parts.join('\\.')}$`);
}
