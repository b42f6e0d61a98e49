/** The replicas of one service as a chooser sees them, by index; nothing is made for those that are not looked at. */
export interface Field {
  readonly count: number;
  /** The one on this node; -1: none. */
  readonly local: number;
  /** Whether it may be asked now. */
  usable(index: number): boolean;
  /** Expected wait: see ReplicaHealth.cost. */
  cost(index: number): number;
}

/** Dearer by so little is equal: else of several that are alike the one that was luckiest of late is given every call, as long as they come one by one. */
const ALIKE = 1.125;

/**
 * The index of the replica to ask: the cheaper of two. A local one is always among the two, and wins when equal; the others are drawn
 * by `chance` (0 ≤ chance < 1), so that many callers do not all pick the one that looked idle a moment ago. -1: none may be asked.
 */
export function chooseReplica(field: Field, chance: number): number {
  const { count, local } = field;
  const drawn = chance * count;
  const near = local >= 0 && field.usable(local);
  const one = near ? local : nextUsable(field, Math.floor(drawn), -1);
  if (one < 0 || count === 1) return one;
  const share = near ? chance : drawn - Math.floor(drawn);
  const other = nextUsable(field, (one + 1 + Math.floor(share * (count - 1))) % count, one);
  if (other < 0) return one;
  const first = field.cost(one);
  const second = field.cost(other);
  return first <= second * ALIKE ? one : other;
}

/** The first from `from` on, around the end, that may be asked and is not `except`. */
function nextUsable(field: Field, from: number, except: number): number {
  for (let step = 0; step < field.count; step += 1) {
    const index = (from + step) % field.count;
    if (index !== except && field.usable(index)) return index;
  }
  return -1;
}
