import { WATCHDOG_MARGIN } from './enforcement.ts';
import type { NodeConfig, NodeState, Row } from './node-state.ts';
import { add, NOTHING, type Resources, subtract } from './resources.ts';
import type { Totals } from './vote.ts';

/** What a node has and what of it is taken. Counted from its rows each time: it can't drift from them, and can't leak. */
export interface Ledger {
  readonly capacity: Resources;
  readonly held: Resources;
  readonly committed: Resources;
  /** Spoken for by those who wait until others have stopped; not free for anybody else. */
  readonly promised: Resources;
  readonly free: Resources;
  readonly freeGpuIds: readonly string[];
  readonly shards: number;
}

export function ledgerOf(config: NodeConfig, rows: Iterable<Row>): Ledger {
  let [held, committed, promised] = [NOTHING, NOTHING, NOTHING];
  let shards = 0;
  const taken = new Set<string>();
  for (const row of rows) {
    shards += 1;
    for (const id of row.gpuIds) taken.add(id);
    if (row.state === 'held') held = add(held, row.booked);
    else if (row.state === 'promised') promised = add(promised, row.booked);
    else committed = add(committed, row.booked);
  }
  const { capacity } = config;
  return {
    capacity,
    held,
    committed,
    promised,
    free: subtract(capacity, add(promised, add(held, committed))),
    freeGpuIds: config.gpuIds.filter((id) => !taken.has(id)),
    shards,
  };
}

/** What is booked for a shard: where an overrun is seen only after it happened, more than it asks for. */
export function bookedFor(res: Resources, config: Pick<NodeConfig, 'enforcement'>): Resources {
  if (config.enforcement.includes('cgroup') || !config.enforcement.includes('watchdog')) return res;
  return { ...res, memMib: Math.ceil((res.memMib * (1000 + WATCHDOG_MARGIN)) / 1000) };
}

/**
 * What an owner has here by its node or by its agent, so that neither many agents of one node nor one agent on many
 * nodes splits what needs a vote. The slot that is asked for is not counted.
 */
export function heldBy(
  state: Pick<NodeState, 'rows'>,
  of: { owner: string; agent: string; slotKey: string; deployment?: string; voted?: boolean },
  keyOf: (row: Row) => string,
): Totals {
  let res = NOTHING;
  const slots = new Set<string>();
  for (const row of state.rows.values()) {
    const key = keyOf(row);
    const theirs = row.owner === of.owner || row.agent === of.agent;
    if (!theirs || key === of.slotKey) continue;
    if (of.deployment !== undefined && (row.owner !== of.owner || row.slot.deployment !== of.deployment)) continue;
    if (of.voted !== undefined && row.voted !== of.voted) continue;
    res = add(res, row.spec.res);
    slots.add(key);
  }
  return { res, slots: slots.size };
}
