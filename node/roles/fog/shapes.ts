import { z } from 'zod';
import { DeploymentId, REFUSAL_CODES, ShardSpec } from '../../../src/fog/index.ts';

const { priority, mode, labels, enforcement, antiAffinity, args, env, artifact, agentType } = ShardSpec.shape;

export const Cores = z.number().nonnegative().max(4_096);
export const Gib = z.number().nonnegative().max(65_536);
export const NodeId = z.string().min(1).max(128);
export const AgentType = agentType;
export const Priority = priority;
export const Labels = labels;
export const Tiers = enforcement;
/** A deployment, or one slot of it: `ID/SLOT`. */
export const ShardRef = z
  .string()
  .min(1)
  .max(140)
  .describe('shard_id as deploy_agent_shard or list_shards gave it; ID/SLOT of a deployment with several slots');

/** Bytes of JSON that a deployment may hand to its shards: it travels in one message. */
export const MAX_INPUT_BYTES = 32 * 1024;

const Allocation = z.strictObject({
  cpu_cores: Cores.optional(),
  memory_gb: Gib.optional().describe('GiB'),
  priority: priority.default('normal').describe('high and above need a vote and may stop low ones'),
});

/** What is to run. Left out: what the agent's profile says. */
export const Wanted = z.strictObject({
  agent_type: agentType.describe(
    'magi, sage, king, oracle, twin or any other kind: it says how much a shard needs by default',
  ),
  shard_id: DeploymentId.describe(
    'your name for it, unique among what this node deploys; the same again is the same shard',
  ),
  target_node: NodeId.optional().describe(
    'PeerId of the node that is to run it, or 8 characters of its end; without it nodes are asked, as the kind of agent wants',
  ),
  resource_allocation: Allocation.prefault({}).describe('for each slot'),
  slots: z.int().min(1).max(64).default(1).describe('so many of it, on distinct nodes where there are enough'),
  gpu: z.int().min(0).max(64).default(0).describe('devices for each slot; needs a vote'),
  artifact: artifact
    .optional()
    .describe('role:agent (default: hashes, embeds, summarises and searches), cmd:NAME or mod:sha256:HEX'),
  args: args.default({}).describe('handed to each shard, as JSON'),
  env: env.default({}).describe('only names that the artifact allows reach it'),
  state: z.json().optional().describe('a snapshot to begin with, handed to each shard as args.state'),
  mode: mode.default('exclusive').describe('exclusive: never two at once; at_least_once: replaced sooner, may overlap'),
  allow_fallback: z.boolean().default(false).describe('another node if target_node cannot'),
  anti_affinity: antiAffinity.optional(),
  all_or_nothing: z
    .boolean()
    .default(false)
    .describe('all slots begin together or none does; one that is lost later is replaced by itself'),
  labels: labels.default({}).describe('that a node must have'),
  enforcement: enforcement.default([]).describe('tiers that will do; any by default'),
  min_trust: z.number().min(0).max(1).default(0),
  lease_seconds: z.int().min(6).max(300).default(15),
});
export type Wanted = z.output<typeof Wanted>;

export const NodeRefusal = z.object({ node_id: z.string(), code: z.enum(REFUSAL_CODES), detail: z.string() });

export const Shard = z.object({
  shard_id: z.string(),
  deployment_id: z.string(),
  slot: z.int(),
  epoch: z.int().describe('rises with each placement of the slot'),
  node_id: z.string().nullable(),
  placement_id: z.string().nullable(),
  status: z.string(),
  reason: z.string().optional(),
  detail: z.string().optional(),
  agent_type: z.string(),
  owner: z.string().describe('the node that deployed it'),
  server: z.string().describe('its tools are called SERVER__tool, through any gateway'),
});

/** Beside a status that is no success: why. */
export const Why = {
  code: z.enum(REFUSAL_CODES).optional(),
  message: z.string().optional(),
  retryable: z.boolean().optional(),
  dimension: z.string().optional(),
  requested: z.number().optional(),
  best_available: z.number().optional(),
  per_node: z.array(NodeRefusal).optional(),
} as const;

export const DeploymentAnswer = z.object({
  deployment_id: z.string(),
  shard_id: z.string(),
  node_id: z.string().nullable(),
  placement_id: z.string().nullable(),
  epoch: z.int(),
  status: z.enum(['running', 'starting', 'awaiting_vote', 'blocked', 'unknown', 'failed', 'stopping', 'stopped']),
  proposal_id: z.string().optional(),
  server: z.string(),
  owner: z.string(),
  agent_type: z.string(),
  shards: z.array(Shard),
  ...Why,
});

export const Amounts = z.object({ cpu_cores: z.number(), memory_gb: z.number(), gpus: z.int() });
