/** How one replica did since it was last looked at. */
export interface Sibling {
  readonly calls: number;
  readonly faults: number;
  /** Answer time as a moving average. */
  readonly ewmaMs: number;
  readonly isEjected: boolean;
}

export interface OutlierRules {
  /** Fewer calls say nothing. */
  readonly minCalls: number;
  /** At most this share of the siblings is out at one time, and at least one may be. */
  readonly maxShare: number;
  /** Faulty: more than this share of its calls failed, and more than twice the share of its siblings. */
  readonly faultShare: number;
  /** Slow: so many times slower than the middle one of its siblings, and slower by at least `slowByMs`. */
  readonly slowTimes: number;
  readonly slowByMs: number;
}

const RULES: OutlierRules = { minCalls: 10, maxShare: 1 / 3, faultShare: 0.3, slowTimes: 4, slowByMs: 50 };

/** Indices of those that do so much worse than their siblings that they should not be asked for a while; the worst first. */
export function outliersAmong(siblings: readonly Sibling[], rules: OutlierRules = RULES): number[] {
  if (siblings.length < 2) return [];
  const out = siblings.filter((one) => one.isEjected).length;
  const room = Math.max(1, Math.floor(siblings.length * rules.maxShare)) - out;
  if (room <= 0) return [];
  const judged = siblings.flatMap((one, index) =>
    one.isEjected || one.calls < rules.minCalls ? [] : [{ one, index }],
  );
  if (judged.length < 2) return [];
  const total = judged.reduce((sum, { one }) => ({ calls: sum.calls + one.calls, faults: sum.faults + one.faults }), {
    calls: 0,
    faults: 0,
  });
  const times = judged.map(({ one }) => one.ewmaMs).sort((one, other) => one - other);
  return judged
    .map(({ one, index }) => ({ index, excess: excessOf(one, { total, times, rules }) }))
    .filter(({ excess }) => excess > 0)
    .sort((one, other) => other.excess - one.excess || one.index - other.index)
    .slice(0, room)
    .map(({ index }) => index);
}

/** By how much it is worse than what is borne; faults weigh more than any slowness. */
function excessOf(
  { calls, faults, ewmaMs }: Sibling,
  {
    total,
    times,
    rules,
  }: {
    readonly total: { readonly calls: number; readonly faults: number };
    readonly times: readonly number[];
    readonly rules: OutlierRules;
  },
): number {
  const share = faults / calls;
  const others = (total.faults - faults) / (total.calls - calls);
  if (share > rules.faultShare && share > 2 * others) return 1e6 + share;
  // Of an even number the quicker middle: of two, the other one.
  const usual = times[Math.floor((times.length - 1) / 2)] as number;
  const isSlow = ewmaMs > usual * rules.slowTimes && ewmaMs - usual > rules.slowByMs;
  return isSlow ? ewmaMs / Math.max(usual, 0.001) : 0;
}
