import { z } from 'zod';
import { result, type RoleTool, roleTool } from '../../backends/role.ts';
import type { Explanation } from '../../fog/index.ts';
import { deploymentAnswer, perNodeRows, shardRow, unknownShard } from './answers.ts';
import { READS } from './discover.ts';
import type { FogRoleParts } from './ports.ts';
import { AgentType, DeploymentAnswer, NodeId, NodeRefusal, Shard, ShardRef } from './shapes.ts';

const MAX_LISTED = 1_000;

const TimelineEntry = z.object({
  at: z.string().describe('ISO 8601'),
  of: z.string(),
  from: z.string(),
  to: z.string(),
  because: z.string(),
  detail: z.string().optional(),
  peer: z.string().optional(),
  slot: z.int().optional(),
  epoch: z.int().optional(),
});

export function getShardStatus({ office }: FogRoleParts): RoleTool {
  return roleTool({
    name: 'get_shard_status',
    title: 'Status of a shard',
    description:
      'How a deployment or one slot of it stands: where it runs, under which epoch, and why it does not where it does not.',
    input: z.strictObject({ shard_id: ShardRef }),
    output: DeploymentAnswer,
    annotations: READS,
    handle: ({ shard_id: id }) => {
      const view = office.status(id);
      return view === undefined ? unknownShard(id) : result(deploymentAnswer(view, { office }));
    },
  });
}

export function listShards({ office }: FogRoleParts): RoleTool {
  return roleTool({
    name: 'list_shards',
    title: 'Shards of the village',
    description: 'The slots of every deployment that your node owns or has heard of, with the nodes that run them.',
    input: z.strictObject({
      agent_type: AgentType.optional(),
      node_id: NodeId.optional().describe('only those that run there; 8 characters of its end will do'),
      status: z.string().max(32).optional(),
      limit: z.int().min(1).max(MAX_LISTED).default(MAX_LISTED),
    }),
    output: z.object({ shards: z.array(Shard), total: z.int() }),
    annotations: READS,
    handle: ({ agent_type: type, node_id: node, status, limit }) => {
      const found = office
        .list()
        .flatMap(({ shards }) => shards)
        .filter((one) => type === undefined || one.agentType === type)
        .filter((one) => node === undefined || isNode(one.nodeId, node))
        .filter((one) => status === undefined || one.status === status);
      return result({ shards: found.slice(0, limit).map(shardRow), total: found.length });
    },
  });
}

export function explainShard(parts: FogRoleParts): RoleTool {
  return roleTool({
    name: 'explain_shard',
    title: 'Why a shard is where it is',
    description:
      'Why a shard runs where it runs, or does not run: what each node answered, and every offer, refusal, epoch, failover and exit that this node remembers, oldest first.',
    input: z.strictObject({ shard_id: ShardRef }),
    output: z.object({
      shard: Shard,
      why: z.string(),
      per_node: z.array(NodeRefusal),
      timeline: z.array(TimelineEntry),
    }),
    annotations: READS,
    handle: ({ shard_id: id }) => {
      const explained = parts.office.explain(id);
      if (explained === undefined) return unknownShard(id);
      const { shard, why, perNode } = explained;
      const timeline = timelineRows(explained, parts);
      return result({ shard: shardRow(shard), why, per_node: perNodeRows(perNode), timeline });
    },
  });
}

/** By its whole id, or by 8 characters or more of its end. */
function isNode(nodeId: string | undefined, named: string): boolean {
  return nodeId === named || (named.length >= 8 && nodeId?.endsWith(named) === true);
}

function timelineRows({ timeline }: Explanation, { wallMs, boottimeMs }: FogRoleParts) {
  const bootedMs = wallMs() - boottimeMs();
  return timeline.map(({ atMs, of, from, to, because, detail, peer, slot, fence }) => ({
    at: new Date(bootedMs + atMs).toISOString(),
    ...{ of, from, to, because },
    ...(detail === undefined ? {} : { detail }),
    ...(peer === undefined ? {} : { peer }),
    ...(slot === undefined ? {} : { slot: slot.slot }),
    ...(fence === undefined ? {} : { epoch: fence.epoch }),
  }));
}
