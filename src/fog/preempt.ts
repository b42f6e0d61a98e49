import type { Ledger } from './ledger.ts';
import type { NodeState, Placement, Row } from './node-state.ts';
import { add, DIMENSIONS, fits, type Resources, subtract } from './resources.ts';
import { priorityRank } from './spec.ts';
import { slotKey } from './states.ts';

type PlacedRow = Row & { readonly placement: Placement };

/**
 * Who has to stop so that `need` fits: of a lower class and willing, none that was a victim lately; the fewest, then those
 * whose end frees least in vain, then the youngest. Undefined: it can't be had that way.
 */
export function chooseVictims(
  state: NodeState,
  { need, priority, ledger }: { need: Resources; priority: Row['spec']['priority']; ledger: Ledger },
): readonly PlacedRow[] | undefined {
  const { limits } = state.config;
  const may = [...state.rows.values()].filter((row): row is PlacedRow => {
    if (row.placement === undefined || row.placement.stopping !== undefined) return false;
    const lately = state.victims.get(slotKey(row.slot));
    if (lately !== undefined && lately + limits.preemptEveryMs > state.nowMs) return false;
    return row.spec.preemptible && priorityRank(row.spec.priority) < priorityRank(priority);
  });
  let sets: readonly (readonly PlacedRow[])[] = [[]];
  for (let count = 1; count <= limits.maxVictims; count += 1) {
    sets = sets.flatMap((set) => may.filter((row) => isAfter(may, set.at(-1), row)).map((row) => [...set, row]));
    const enough = sets
      .filter((set) => fits(need, freed(ledger, set)))
      .map((set) => ({ set, waste: wasteOf(subtract(freed(ledger, set), need), state.config.capacity) }))
      .sort((a, b) => a.waste - b.waste || youngest(b.set) - youngest(a.set));
    if (enough[0] !== undefined) return enough[0].set;
  }
  return undefined;
}

const isAfter = (all: readonly PlacedRow[], last: PlacedRow | undefined, row: PlacedRow): boolean =>
  last === undefined || all.indexOf(row) > all.indexOf(last);

const freed = (ledger: Ledger, set: readonly PlacedRow[]): Resources =>
  set.reduce((sum, { booked }) => add(sum, booked), ledger.free);

const youngest = (set: readonly PlacedRow[]): number => Math.min(...set.map(({ placement }) => placement.committedMs));

/** Shares of the node that would lie idle, added up. */
function wasteOf(left: Resources, capacity: Resources): number {
  return DIMENSIONS.reduce((sum, what) => sum + (capacity[what] === 0 ? 0 : left[what] / capacity[what]), 0);
}
