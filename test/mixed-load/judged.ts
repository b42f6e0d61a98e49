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
/** What each process took is looked at once it has settled, and over a stretch in which it shows where it goes. */
const SETTLED = { cutMinutes: 4, leastMinutes: 5 };
/** What a node needs while it rests may grow by this, most of it code that was compiled meanwhile. */
const MAX_GROWTH_MIB = 10;
/** Under load V8 collects seldom; it does not go beyond this. */
const MAX_RESIDENT_MIB = 450;

/** All that is wrong with a run. */
export function judged({ book, lives, rests }: MixedLoadResult): string[] {
  const missing = MUST_HAPPEN.filter((what) => !book.counts.has(what)).map((what) => `never happened: ${what}`);
  return [...book.violations, ...more(book), ...missing, ...growth(rests), ...tooLarge(lives)];
}

function more({ violated, violations }: MixedLoadResult['book']): string[] {
  return violated > violations.length ? [`${violated - violations.length} more`] : [];
}

function growth(rests: MixedLoadResult['rests']): string[] {
  return [...rests].flatMap(([name, [first, ...more]]) => {
    const last = more.at(-1);
    if (first === undefined || last === undefined) return [];
    const grown = last.heapMib + last.externalMib - first.heapMib - first.externalMib;
    const minutes = last.minutes - first.minutes;
    if (grown <= MAX_GROWTH_MIB) return [];
    return `${name} needs ${grown.toFixed(0)} MiB more than ${minutes.toFixed(0)} minutes before`;
  });
}

function tooLarge(lives: MixedLoadResult['lives']): string[] {
  return [...lives].flatMap(([name, life]) => {
    const most = Math.max(...life.map(({ residentMib }) => residentMib));
    return most > MAX_RESIDENT_MIB ? `${name} took ${most.toFixed(0)} MiB` : [];
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
