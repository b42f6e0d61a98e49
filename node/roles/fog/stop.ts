import { z } from 'zod';
import { refusal, result, type RoleTool, roleTool } from '../../backends/role.ts';
import { refused, shardRow, statusOf, unknownShard } from './answers.ts';
import { waitOf } from './deploy.ts';
import type { FogRoleParts } from './ports.ts';
import { NodeId, Shard, ShardRef } from './shapes.ts';

const ENDS = { readOnlyHint: false, destructiveHint: true, idempotentHint: true, openWorldHint: false } as const;
const DRAIN_SECONDS = 300;

export function stopAgentShard({ office }: FogRoleParts): RoleTool {
  return roleTool({
    name: 'stop_agent_shard',
    title: 'Stop a shard',
    description:
      'Ends a deployment everywhere and forgets it. Only the node that deployed it can. status stopped: none of its processes is left; stopping: that is not known yet, look again.',
    input: z.strictObject({ shard_id: ShardRef }),
    output: z.object({ shard_id: z.string(), status: z.string(), shards: z.array(Shard) }),
    annotations: ENDS,
    handle: async ({ shard_id: id }, context) => {
      if (office.status(id) === undefined) return unknownShard(id);
      const answer = await office.stop(id, { signal: waitOf(context) });
      if (answer.kind === 'refused') return refused(answer.refusal, { office });
      const { shards } = answer.value;
      return result({ shard_id: id, status: statusOf(shards), shards: shards.map(shardRow) });
    },
  });
}

export function drainFogNode({ office, nodeId }: FogRoleParts): RoleTool {
  return roleTool({
    name: 'drain_fog_node',
    title: 'Drain a node',
    description:
      'Your own node takes no shards any more; their owners move those that run here, and what is left at the deadline is ended. undrain: it takes shards again.',
    input: z.strictObject({
      node_id: NodeId.optional().describe('your own node, which is what it is without it'),
      deadline_seconds: z.int().min(1).max(86_400).default(DRAIN_SECONDS),
      undrain: z.boolean().default(false),
    }),
    output: z.object({
      node_id: z.string(),
      draining: z.boolean(),
      shards: z.int().describe('that run here now'),
      deadline_seconds: z.int().nullable(),
    }),
    annotations: ENDS,
    handle: ({ node_id: asked = nodeId, deadline_seconds: seconds, undrain }) => {
      if (asked !== nodeId) {
        const message = `only node ${asked} drains itself: call this tool through its own gateway`;
        return refusal({ code: 'REFUSED_POLICY', message, retryable: false, node_id: asked });
      }
      if (undrain) office.undrain();
      else office.drain({ deadlineMs: seconds * 1_000 });
      const { draining, shards } = office.ledger();
      return result({ node_id: nodeId, draining, shards, deadline_seconds: undrain ? null : seconds });
    },
  });
}
