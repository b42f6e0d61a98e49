/** One replica that may be asked now. */
export interface Candidate {
  readonly local: boolean;
  /** Expected wait: see Load.cost. */
  readonly cost: number;
}

/**
 * The index of the replica to ask: the cheaper of two. A local one is always among the two, and wins when equal; the others are drawn
 * by `chance` (0 ≤ chance < 1), so that many callers do not all pick the one that looked idle a moment ago. -1: no candidates.
 */
export function chooseReplica(candidates: readonly Candidate[], chance: number): number {
  const count = candidates.length;
  if (count < 2) return count - 1;
  const drawn = chance * count;
  const local = candidates.findIndex((candidate) => candidate.local);
  const one = local >= 0 ? local : Math.floor(drawn);
  const share = local >= 0 ? chance : drawn - Math.floor(drawn);
  const step = 1 + Math.floor(share * (count - 1));
  const other = (one + step) % count;
  const first = candidates[one] as Candidate;
  const second = candidates[other] as Candidate;
  if (first.cost === second.cost) return second.local && !first.local ? other : one;
  return first.cost < second.cost ? one : other;
}
