import { ASKED_WELL, REFUSED_WELL } from './agent.ts';
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
  'own → ok',
  'liar (wrong-id) → ok',
  'liar (again) → ok',
  'liar (garbage) → ok',
  'liar (large) → ok',
  'a private answer',
  "another's session refused",
];
/** Memory is looked at once it has settled, and over a stretch in which a leak would show. */
const SETTLED_MINUTES = 4;
const LEAST_MINUTES = 5;
const MAX_GROWTH_MIB = 40;
/** A busy machine may take a node for gone; a village that does not find it again would refuse far more. */
const MAX_REFUSED = 0.02;

/** All that is wrong with a run. */
export function judged({ book, resident }: MixedLoadResult): string[] {
  const missing = MUST_HAPPEN.filter((what) => !book.counts.has(what)).map((what) => `never happened: ${what}`);
  return [...book.violations, ...more(book), ...missing, ...refused(book), ...growth(resident)];
}

function more({ violated, violations }: MixedLoadResult['book']): string[] {
  return violated > violations.length ? [`${violated - violations.length} more`] : [];
}

function refused({ counts }: MixedLoadResult['book']): string[] {
  const [asked, often] = [counts.get(ASKED_WELL) ?? 0, counts.get(REFUSED_WELL) ?? 0];
  return often > asked * MAX_REFUSED ? [`${often} of ${asked} calls refused though all was well`] : [];
}

function growth(resident: MixedLoadResult['resident']): string[] {
  const settled = resident.filter(([minutes]) => minutes >= SETTLED_MINUTES);
  const span = (settled.at(-1)?.[0] ?? 0) - (settled[0]?.[0] ?? 0);
  if (span < LEAST_MINUTES) return [];
  const grown = slopeOf(settled) * span;
  return grown > MAX_GROWTH_MIB ? [`memory grew by ${grown.toFixed(0)} MiB in ${span.toFixed(0)} minutes`] : [];
}

/** Of the line with the least squares, MiB a minute. */
function slopeOf(points: readonly (readonly [number, number])[]): number {
  const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const x = mean(points.map(([at]) => at));
  const y = mean(points.map(([, mib]) => mib));
  const over = points.reduce((sum, [at, mib]) => sum + (at - x) * (mib - y), 0);
  return over / points.reduce((sum, [at]) => sum + (at - x) ** 2, 0);
}
