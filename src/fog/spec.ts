import { z } from 'zod';
import { canonicalJson, sha256Hex } from '../kernel/index.ts';
import { ENFORCEMENTS } from './enforcement.ts';
import { Resources } from './resources.ts';

/** Exclusive: never two at once, at the price of a wait. At least once: replaced at suspicion, so two may overlap. */
export const MODES = ['exclusive', 'at_least_once'] as const;
export type Mode = (typeof MODES)[number];

/** Classes, lowest first. `emergency` needs the EMERGENCY level. */
export const PRIORITIES = ['low', 'normal', 'high', 'emergency'] as const;
export type Priority = (typeof PRIORITIES)[number];

export function priorityRank(priority: Priority): number {
  return PRIORITIES.indexOf(priority);
}

/** What runs: a built-in role, a command of the operator's allow-list, or a module by its hash. Never a command line. */
export const ArtifactRef = z
  .string()
  .max(160)
  .regex(/^(?:role:[a-z][a-z0-9-]{0,63}|cmd:[A-Za-z0-9_.-]{1,64}(?:@[A-Za-z0-9_.+-]{1,64})?|mod:sha256:[0-9a-f]{64})$/);
export type ArtifactRef = z.infer<typeof ArtifactRef>;

/** A deployment's id, chosen by its owner and unique for it. Opaque. */
export const DeploymentId = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._@:-]{0,127}$/);
const AgentType = z.string().regex(/^[A-Za-z0-9_-]{1,64}$/);
export const Labels = z
  .record(z.string().min(1).max(64), z.string().max(128))
  .refine((labels) => Object.keys(labels).length <= 32, 'at most 32 labels');

/** What each slot of a deployment runs, and under which conditions. Its hash is what a vote and an Accept name. */
export const ShardSpec = z.strictObject({
  v: z.literal(1),
  agentType: AgentType,
  artifact: ArtifactRef,
  /** Handed to the artifact as data. */
  args: z.record(z.string().min(1).max(64), z.json()),
  /** Only names that the artifact's entry or manifest allows reach the process. */
  env: z.record(z.string().regex(/^[A-Z_][A-Z0-9_]{0,63}$/), z.string().max(1024)),
  res: Resources,
  priority: z.enum(PRIORITIES),
  mode: z.enum(MODES),
  /** Whether a higher class may stop it. */
  preemptible: z.boolean(),
  /** Labels that a node must have. */
  labels: Labels,
  /** Tiers that will do; empty: any. */
  enforcement: z.array(z.enum(ENFORCEMENTS)).max(ENFORCEMENTS.length),
  /** Slots of one deployment on distinct nodes: `hard` refuses, `soft` prefers, `none` does not care. */
  antiAffinity: z.enum(['hard', 'soft', 'none']),
  /** Thousandths; nodes that are trusted less are not asked. */
  trustMin: z.int().min(0).max(1000),
  leaseMs: z.int().min(6_000).max(300_000),
  /** How long it may run on when its owner does not renew, beyond the lease; only `at_least_once`. 0: it stops. */
  lingerMs: z.int().min(0).max(3_600_000),
});
export type ShardSpec = z.infer<typeof ShardSpec>;

/** SHA-256 of the canonical JSON of the spec, hex. */
export function specDigest(spec: ShardSpec): string {
  return sha256Hex(canonicalJson(spec));
}
