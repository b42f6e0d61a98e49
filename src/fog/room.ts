import type { FogAd } from './ad.ts';
import type { Enforcement } from './enforcement.ts';
import type { RefusalCode } from './reasons.ts';
import { type Dimension, type Resources, shortOf } from './resources.ts';
import { type Priority, priorityRank, type ShardSpec } from './spec.ts';

/** What is asked of a node. */
export type Need = Pick<ShardSpec, 'res' | 'priority' | 'artifact' | 'labels' | 'enforcement'> & {
  readonly trustMin?: number;
};

/** What a node has, by its own ledger or by its advertisement. */
export interface Room {
  readonly capacity: Resources;
  readonly free: Resources;
  readonly shards: number;
  readonly maxShards: number;
  readonly runtimes: readonly string[];
  readonly enforcement: readonly Enforcement[];
  readonly labels: Readonly<Record<string, string>>;
  readonly draining: boolean;
  /** Whether power and heat allow new work. */
  readonly lowPower: boolean;
  readonly policy: FogAd['policy'];
  /** Thousandths; 1000 for oneself. */
  readonly trust?: number;
}

export interface Objection {
  readonly code: RefusalCode;
  readonly detail: string;
  readonly dimension?: Dimension;
  readonly requested?: number;
  readonly available?: number;
}

/** The one filter that plan, offer, reserve and start go through: what stands against it, or undefined. */
export function objectTo(need: Need, room: Room): Objection | undefined {
  return objectToKind(need, room) ?? objectToAmount(need, room);
}

function objectToKind(need: Need, room: Room): Objection | undefined {
  if (room.draining) return { code: 'DRAINING', detail: 'draining' };
  if (room.lowPower) return { code: 'LOW_POWER', detail: 'power or heat allows no new work' };
  if (!room.policy.accepts) return { code: 'REFUSED_POLICY', detail: 'takes no shards of others' };
  if (priorityRank(need.priority) > priorityRank(room.policy.maxPriority))
    return { code: 'REFUSED_POLICY', detail: `takes priority ${room.policy.maxPriority} at most` };
  if (!runs(need.artifact, room.runtimes))
    return { code: 'REFUSED_POLICY', detail: `cannot run ${need.artifact.slice(0, 80)}` };
  const label = Object.entries(need.labels).find(([name, value]) => room.labels[name] !== value);
  if (label !== undefined) return { code: 'REFUSED_POLICY', detail: `label ${label[0]} is not ${label[1]}` };
  if (need.enforcement.length > 0 && !need.enforcement.some((tier) => room.enforcement.includes(tier)))
    return { code: 'REFUSED_POLICY', detail: `enforces ${room.enforcement.join(', ') || 'nothing'}` };
  if (room.trust !== undefined && room.trust < (need.trustMin ?? 0))
    return { code: 'REFUSED_POLICY', detail: `trusted ${room.trust} of 1000` };
  return undefined;
}

/** `cmd:NAME` will do with any version; `cmd:NAME@VERSION` with that one. A runtime `mod` stands for every module. */
function runs(artifact: string, runtimes: readonly string[]): boolean {
  if (artifact.startsWith('mod:')) return runtimes.includes('mod');
  return runtimes.some((runtime) => runtime === artifact || runtime.startsWith(`${artifact}@`));
}

function objectToAmount({ res, priority }: Need, room: Room): Objection | undefined {
  // A node that would give one shard all it has refuses nothing by policy: it is too small.
  const over = shortOf(res, room.policy.maxShard).find((one) => room.policy.maxShard[one] < room.capacity[one]);
  if (over !== undefined) return short(over, res, room.policy.maxShard, 'REFUSED_POLICY');
  const never = shortOf(res, room.capacity)[0];
  if (never !== undefined) return short(never, res, room.capacity, 'INSUFFICIENT');
  if (mayPreempt(priority)) return undefined;
  return objectToFree({ res }, room);
}

/** Whether that much is free now. */
export function objectToFree(
  { res }: Pick<Need, 'res'>,
  room: Pick<Room, 'free' | 'shards' | 'maxShards'>,
): Objection | undefined {
  if (room.shards >= room.maxShards)
    return { code: 'INSUFFICIENT', detail: `runs ${room.shards} shards, at most ${room.maxShards}` };
  const dimension = shortOf(res, room.free)[0];
  return dimension === undefined ? undefined : short(dimension, res, room.free, 'INSUFFICIENT');
}

/** From `high` on a shard may make room by stopping those of a lower class: that nothing is free says nothing. */
export function mayPreempt(priority: Priority): boolean {
  return priorityRank(priority) >= priorityRank('high');
}

function short(dimension: Dimension, need: Resources, has: Resources, code: RefusalCode): Objection {
  const requested = need[dimension];
  const available = has[dimension];
  return {
    code,
    detail: shortBy(dimension, requested - available),
    dimension,
    requested,
    available,
  };
}

/** As people count: "memory short by 1.2 GiB". */
function shortBy(dimension: Dimension, amount: number): string {
  const gib = (amount / 1024).toFixed(1);
  switch (dimension) {
    case 'cpuMilli':
      return `CPU short by ${amount / 1000} cores`;
    case 'memMib':
      return amount < 1024 ? `memory short by ${amount} MiB` : `memory short by ${gib} GiB`;
    case 'diskMib':
      return amount < 1024 ? `disk short by ${amount} MiB` : `disk short by ${gib} GiB`;
    case 'gpus':
      return `short of ${amount} GPUs`;
  }
}
