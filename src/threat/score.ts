import type { Finding } from './finding.ts';
import type { Conduct } from './history.ts';

/** One thing that speaks against a call, as it stands in the audit. */
export interface ThreatReason {
  /** `arguments:<family>` or the name of a signal of conduct. */
  readonly signal: string;
  /** Where in the arguments; empty for conduct. */
  readonly at: string;
  /** 0 to 1, what it adds alone. */
  readonly score: number;
}

/** How dangerous a call looks, and why. */
export interface Threat {
  /** 0 to 1. */
  readonly score: number;
  /** Strongest first; empty when there is nothing to say. */
  readonly reasons: readonly ThreatReason[];
}

export const NO_THREAT: Threat = { score: 0, reasons: [] };

type Rungs = readonly (readonly [above: number, score: number])[];
const REFUSED: Rungs = [
  [10, 1],
  [5, 0.7],
  [3, 0.4],
];
const TOOLS_REFUSED: Rungs = [
  [12, 1],
  [7, 0.7],
  [4, 0.4],
];
const PACE: Rungs = [
  [3, 1],
  [2, 0.7],
  [1, 0.4],
];

/**
 * The signals of conduct are those of the domain (brute force, pace, failures, a new place, a dangerous tool), each scaled so
 * that being fast, new or privileged alone never blocks: it takes what is asked, or being refused over and over.
 */
export function scoreOf(
  findings: readonly Finding[],
  conduct: Conduct,
  { isHighRisk, failedLogins }: { readonly isHighRisk: boolean; readonly failedLogins: number },
): Threat {
  const reasons: ThreatReason[] = [];
  const add = (signal: string, score: number, at = '') => {
    if (score > 0) reasons.push({ signal, at, score });
  };
  for (const { family, at, score } of findings) add(`arguments:${family}`, score, at);
  add('brute-force', 0.6 * step(conduct.refusals, REFUSED));
  add('escalation', 0.6 * step(conduct.toolsRefused, TOOLS_REFUSED));
  // Never enough alone: whoever shares the address (all of loopback) would be shut out by one that guesses.
  add('failed-logins', 0.25 * step(failedLogins, REFUSED));
  add('pace', 0.2 * step(conduct.pace, PACE));
  add('failures', conduct.failures > 5 ? 0.2 : 0);
  add('new-place', conduct.isElsewhere ? 0.15 : 0);
  if (reasons.length === 0) return NO_THREAT;
  add('high-risk', isHighRisk ? 0.15 : 0);
  if (reasons.length > 1) reasons.sort((one, other) => other.score - one.score);
  // Independent doubts: what is left of trust is what each of them leaves.
  const left = reasons.reduce((rest, { score }) => rest * (1 - score), 1);
  return { score: Math.round((1 - left) * 1_000) / 1_000, reasons };
}

/** A loop, since every call of a busy agent comes by here. */
function step(value: number, rungs: Rungs): number {
  for (const rung of rungs) if (value > rung[0]) return rung[1];
  return 0;
}
