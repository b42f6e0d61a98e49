import { ledgerOf, type NodeState, type OwnerState } from '../../src/fog/index.ts';
import type { FogFigures } from '../telemetry/index.ts';

/** What metrics say of this node's part in fog. */
export function figuresOf(node: NodeState, owner: OwnerState): FogFigures {
  const { capacity, free, held, committed } = ledgerOf(node.config, node.rows.values());
  const placements = [...node.rows.values()].flatMap(({ placement }) => (placement === undefined ? [] : [placement]));
  const slots = [...owner.slots.values()].flatMap((ofOne) => [...ofOne.values()]);
  return { amounts: { capacity, free, held, committed }, placements: states(placements), slots: states(slots) };
}

function states(all: readonly { readonly state: string }[]): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const { state } of all) counts.set(state, (counts.get(state) ?? 0) + 1);
  return counts;
}
