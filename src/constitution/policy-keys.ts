import { isLevel } from '../permissions/index.ts';
import type { PolicyValue } from './constitution.ts';

interface Rule {
  readonly pattern: RegExp;
  readonly says: string;
  readonly fits: (value: PolicyValue) => boolean;
}

const isInt = (least: number, most: number) => (value: PolicyValue) =>
  typeof value === 'number' && Number.isInteger(value) && value >= least && value <= most;
const isTextList = (most: number) => (value: PolicyValue) =>
  Array.isArray(value) && value.length <= most && value.every((item) => typeof item === 'string' && item.length <= 128);
const CHANGE_TYPES: readonly unknown[] = [null, 'minor_change', 'major_change', 'critical_change'];

/** What the keys that the program reads may hold. Others may hold any plain JSON. */
const RULES: readonly Rule[] = [
  { pattern: /^knowledge\.retention_days$/, says: 'a whole number of days, 1 to 36500', fits: isInt(1, 36_500) },
  { pattern: /^rates\.[^.]+\.per_minute$/, says: 'calls a minute, 1 to 1000000', fits: isInt(1, 1_000_000) },
  { pattern: /^permissions\.tools\.[^.]+\.level$/, says: 'a governance level', fits: isLevel },
  {
    pattern: /^permissions\.tools\.[^.]+\.approval$/,
    says: 'a type of change, or null',
    fits: (value) => CHANGE_TYPES.includes(value),
  },
  {
    pattern: /^permissions\.tools\.[^.]+\.(?:audit|justification)$/,
    says: 'true or false',
    fits: (value) => typeof value === 'boolean',
  },
  {
    pattern: /^permissions\.tools\.[^.]+\.only_agents$/,
    says: 'a list of agents, or null',
    fits: (value) => value === null || isTextList(256)(value),
  },
  { pattern: /^agents\.levels\..+$/, says: 'a governance level', fits: isLevel },
  { pattern: /^nodes\.evicted$/, says: 'a list of node ids', fits: isTextList(4_096) },
  {
    pattern: /^tokens\.revoked$/,
    says: 'a list of token ids: SHA-256 in hex',
    fits: (value) => isTextList(4_096)(value) && (value as string[]).every((id) => /^[0-9a-f]{64}$/.test(id)),
  },
  { pattern: /^emergency\.blocked$/, says: 'a list of servers, or *', fits: isTextList(256) },
  { pattern: /^fog\.vote_above$/, says: '{cpu_cores, memory_gb}, whole numbers', fits: isFogLimit },
  {
    pattern: /^display\.village_name$/,
    says: 'a name of 1 to 64 characters',
    fits: (value) => typeof value === 'string' && value.length >= 1 && value.length <= 64,
  },
];

/** What is wrong with a value for a key, in words; undefined: nothing. */
export function objectToPolicyValue(key: string, value: PolicyValue): string | undefined {
  const rule = RULES.find(({ pattern }) => pattern.test(key));
  return rule === undefined || rule.fits(value) ? undefined : `${key} must be ${rule.says}`;
}

function isFogLimit(value: PolicyValue): boolean {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  const { cpu_cores: cores, memory_gb: memory, ...others } = value as Readonly<Record<string, PolicyValue>>;
  const isCount = isInt(0, 1_000_000);
  return Object.keys(others).length === 0 && isCount(cores ?? null) && isCount(memory ?? null);
}
