import { z } from 'zod';
import { ENFORCEMENTS } from './enforcement.ts';
import { Resources } from './resources.ts';
import { Labels, PRIORITIES } from './spec.ts';

const NodeId = z.string().min(1).max(128);
const Count = z.int().nonnegative();
const Percent = z.int().min(0).max(100);

export const Gpu = z.strictObject({
  id: z.string().min(1).max(64),
  model: z.string().max(128),
  memMib: Count,
});
export type Gpu = z.infer<typeof Gpu>;

export const POWER_SOURCES = ['mains', 'battery', 'unknown'] as const;
export const Power = z.strictObject({
  source: z.enum(POWER_SOURCES),
  /** null: it has no battery, or does not say. */
  percent: Percent.nullable(),
  charging: z.boolean(),
});
export type Power = z.infer<typeof Power>;

export const THERMAL_LEVELS = ['normal', 'warm', 'hot', 'critical'] as const;
export type ThermalLevel = (typeof THERMAL_LEVELS)[number];

/** What a node says of itself, signed as a whole. A hint: the node's own ledger decides. */
export const FogAd = z.strictObject({
  v: z.literal(1),
  /** 64 hex digits. */
  village: z.string().regex(/^[0-9a-f]{64}$/),
  node: NodeId,
  /** Rises by one with each start of the node, kept on disk. */
  bootSeq: Count,
  /** Drawn at each start: two living ones for one node are a copied key. */
  instance: z.string().regex(/^[0-9a-f]{32}$/),
  seq: Count,
  /** Milliseconds since 1970, by the node's clock. */
  ts: Count,
  ttlMs: z.int().min(1_000).max(600_000),
  cap: Resources,
  free: Resources,
  held: Resources,
  gpus: z.array(Gpu).max(64),
  maxShards: Count,
  shards: Count,
  /** What it can run: `role`, `cmd`, `mod`, and the names of its roles and commands. */
  runtimes: z.array(z.string().min(1).max(160)).max(256),
  enforcement: z.array(z.enum(ENFORCEMENTS)).max(ENFORCEMENTS.length),
  labels: Labels,
  power: Power,
  thermal: z.enum(THERMAL_LEVELS),
  /** Share of the last ten seconds in which something waited, in percent; null: not measured. */
  psi: z.strictObject({ cpu: Percent, mem: Percent }).nullable(),
  draining: z.boolean(),
  policy: z.strictObject({ maxShard: Resources, maxPriority: z.enum(PRIORITIES), accepts: z.boolean() }),
});
export type FogAd = z.infer<typeof FogAd>;
