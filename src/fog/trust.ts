/** Promises a node kept and broke, each worth less as it ages. Beta(1, 1) to begin with. */
export interface Trust {
  readonly kept: number;
  readonly broken: number;
  readonly atMs: number;
}

export const NO_TRUST: Trust = { kept: 0, broken: 0, atMs: 0 };
const HALF_LIFE_MS = 24 * 3_600_000;

export function observe(trust: Trust, what: 'kept' | 'broken', nowMs: number): Trust {
  const faded = fade(trust, nowMs);
  return { ...faded, [what]: faded[what] + 1 };
}

/** Mean of the distribution, in thousandths: 500 for a stranger. */
export function trustOf(trust: Trust, nowMs: number): number {
  const { kept, broken } = fade(trust, nowMs);
  return Math.round((1000 * (kept + 1)) / (kept + broken + 2));
}

function fade(trust: Trust, nowMs: number): Trust {
  const share = 0.5 ** (Math.max(0, nowMs - trust.atMs) / HALF_LIFE_MS);
  return { kept: trust.kept * share, broken: trust.broken * share, atMs: nowMs };
}
