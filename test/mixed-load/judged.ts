import { ASKED_WELL } from './agent.ts';
import { growthOf } from './measures.ts';
import type { MixedLoadResult } from './run.ts';

/** What must have happened, or a run without a violation says nothing. */
const MUST_HAPPEN = [
  'event: kill',
  'event: join',
  'event: leave',
  'event: stop',
  'event: two',
  'event: backend',
  'expired tokens refused',
  'calls found in the audit',
  'calls found in both audits',
  'calls matched between two logs',
  'chains verified',
  'say → ok',
  'slow → ok',
  ASKED_WELL,
  'own → ok',
  'liar (wrong-id) → ok',
  'liar (again) → ok',
  'liar (garbage) → ok',
  'liar (large) → ok',
  'a private answer',
  "another's session refused",
];
/** Memory is looked at once it has settled, and over a stretch in which a leak would show. */
const SETTLED = { cutMinutes: 4, leastMinutes: 5 };
const MAX_GROWTH_MIB = 40;

/** All that is wrong with a run. */
export function judged({ book, lives }: MixedLoadResult): string[] {
  const missing = MUST_HAPPEN.filter((what) => !book.counts.has(what)).map((what) => `never happened: ${what}`);
  return [...book.violations, ...more(book), ...missing, ...growth(lives)];
}

function more({ violated, violations }: MixedLoadResult['book']): string[] {
  return violated > violations.length ? [`${violated - violations.length} more`] : [];
}

function growth(lives: MixedLoadResult['lives']): string[] {
  return [...lives].flatMap(([name, life]) => {
    const anHour = growthOf(life, { ...SETTLED, of: 'residentMib' });
    if (anHour === undefined) return [];
    const minutes = (life.at(-1)?.minutes ?? 0) - (life[0]?.minutes ?? 0) - SETTLED.cutMinutes;
    const grown = (anHour * minutes) / 60;
    return grown > MAX_GROWTH_MIB
      ? [`the memory of ${name} grew by ${grown.toFixed(0)} MiB in ${minutes.toFixed(0)} minutes`]
      : [];
  });
}

/** How what each process took changed, for people; of those that lived long enough. */
export function slopes(lives: MixedLoadResult['lives']): string[] {
  return [...lives].flatMap(([name, life]) => {
    const of = (what: 'residentMib' | 'heapMib' | 'externalMib' | 'diskMib') =>
      growthOf(life, { ...SETTLED, of: what })?.toFixed(1);
    if (of('residentMib') === undefined) return [];
    return `${name}, MiB/h: resident ${of('residentMib')}, heap ${of('heapMib')}, external ${of('externalMib')}, disk ${of('diskMib')}`;
  });
}
