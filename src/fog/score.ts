import type { FogAd } from './ad.ts';
import type { Resources } from './resources.ts';

/** What speaks for and against a node that could run it. */
export interface Candidate {
  readonly node: string;
  readonly capacity: Resources;
  readonly free: Resources;
  readonly rttMs: number;
  /** Thousandths. */
  readonly trust: number;
  readonly warm: boolean;
  readonly power: FogAd['power'];
  readonly psi: FogAd['psi'];
  /** Slots of the same deployment there. */
  readonly siblings: number;
  /** It failed with this slot lately. */
  readonly penalised: boolean;
  readonly preempts: boolean;
}

const WEIGHTS = { fit: 0.35, latency: 0.2, trust: 0.2, warm: 0.1, power: 0.1, headroom: 0.05 } as const;
const SIBLING = 0.3;
const PENALTY = 0.5;
const PREEMPTION = 0.2;
const TYPICAL_RTT_MS = 50;
const MAX_FIT = 18;

/** 0 to 1, less what stands against it; higher is better. */
export function scoreOf(candidate: Candidate, { res, spread }: { res: Resources; spread: boolean }): number {
  const fit = bestFit(candidate, res) / MAX_FIT;
  return (
    WEIGHTS.fit * (spread ? 1 - fit : fit) +
    WEIGHTS.latency / (1 + candidate.rttMs / TYPICAL_RTT_MS) +
    (WEIGHTS.trust * candidate.trust) / 1000 +
    WEIGHTS.warm * (candidate.warm ? 1 : 0) +
    WEIGHTS.power * powerShare(candidate.power) +
    WEIGHTS.headroom * headroom(candidate.psi) -
    SIBLING * candidate.siblings -
    PENALTY * (candidate.penalised ? 1 : 0) -
    PREEMPTION * (candidate.preempts ? 1 : 0)
  );
}

/** Nomad's: 20 less ten to the share that stays free, of two dimensions; 0 to 18, most for what is filled. */
function bestFit({ capacity, free }: Candidate, res: Resources): number {
  const left = (what: 'cpuMilli' | 'memMib'): number =>
    capacity[what] === 0 ? 0 : Math.min(1, Math.max(0, (free[what] - res[what]) / capacity[what]));
  return Math.min(MAX_FIT, Math.max(0, 20 - (10 ** left('cpuMilli') + 10 ** left('memMib'))));
}

function powerShare({ source, percent, charging }: FogAd['power']): number {
  if (source !== 'battery' || charging) return 1;
  return (percent ?? 0) / 100;
}

function headroom(psi: FogAd['psi']): number {
  return psi === null ? 0.5 : 1 - Math.max(psi.cpu, psi.mem) / 100;
}

const TOP = 3;

/**
 * In the order in which to try: the first is drawn among the best three by weight, the rest follow by score. Everyone
 * choosing the best by the same advertisements would all come to one node. `chance`: 0 up to 1.
 */
export function rank(
  candidates: readonly Candidate[],
  { res, spread, chance }: { res: Resources; spread: boolean; chance: number },
): readonly Candidate[] {
  const scored = candidates
    .map((candidate) => ({ candidate, score: scoreOf(candidate, { res, spread }) }))
    .sort((a, b) => b.score - a.score || (a.candidate.node < b.candidate.node ? -1 : 1));
  const top = scored.slice(0, TOP);
  const floor = Math.min(...top.map(({ score }) => score)) - 0.05;
  let left = chance * top.reduce((sum, { score }) => sum + (score - floor), 0);
  const drawn = top.find(({ score }) => (left -= score - floor) < 0) ?? top[0];
  if (drawn === undefined) return [];
  return [drawn, ...scored.filter((one) => one !== drawn)].map(({ candidate }) => candidate);
}

/** How many of `n` to ask in a round (from 0): max(min, ceil(log2 n)), doubled with each round. */
export function askedIn(n: number, { round, min, max }: { round: number; min: number; max: number }): number {
  const first = Math.min(max, Math.max(min, Math.ceil(Math.log2(Math.max(1, n)))));
  return Math.min(n, first * 2 ** round);
}
