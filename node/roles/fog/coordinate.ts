import { z } from 'zod';
import { result, type RoleTool, roleTool } from '../../backends/role.ts';
import { filteredRow, resources } from './answers.ts';
import { nodeRow, NodeRow, READS } from './discover.ts';
import type { FogRoleParts } from './ports.ts';
import { Cores, Gib, Priority } from './shapes.ts';

const MIB_PER_GIB = 1_024;

const Answer = z.object({
  status: z.enum(['available', 'insufficient']),
  held: z.literal(false).describe('nothing is held: deploy_agent_shard reserves and runs'),
  recommended_node: z.string().nullable(),
  candidates: z.array(NodeRow),
  filtered: z.record(z.string(), z.int()),
  note: z.string(),
});
const NOTE = 'What nodes last said; nothing is held for you. Deploy to have it: the node decides when it is asked.';

export function fogCoordination({ office }: FogRoleParts): RoleTool {
  return roleTool({
    name: 'fog_coordination',
    title: 'Find room for a task',
    description:
      'Finds the nodes that have what a task needs, near enough to answer in time, best first. It holds nothing and starts nothing: deploy_agent_shard does.',
    input: z.strictObject({
      action: z.enum(['request_resources']),
      resource_requirements: z.strictObject({
        cpu_cores: Cores.default(0),
        memory_gb: Gib.default(0).describe('GiB'),
        gpu_required: z.boolean().default(false),
        max_latency_ms: z.number().positive().max(60_000).optional().describe('round trip from your node'),
      }),
      task_description: z.string().max(4_096).default(''),
    }),
    output: Answer.extend({ task_description: z.string() }),
    annotations: READS,
    handle: ({ resource_requirements: need, task_description }) => {
      const { cpu_cores: cores, memory_gb: gib, gpu_required: gpu, max_latency_ms: maxRttMs } = need;
      const found = look({ office, need: resources({ cores, gib, gpus: gpu ? 1 : 0 }), maxRttMs });
      return result({ ...found, task_description });
    },
  });
}

export function resourceRequest({ office }: FogRoleParts): RoleTool {
  return roleTool({
    name: 'resource_request',
    title: 'Ask whether resources are there',
    description:
      'Says whether the village has so much free for an agent now, and where. It holds nothing, so there is nothing to give back: who wants it runs a shard (deploy_agent_shard), which is bounded by its lease and ended by stop_agent_shard. memory_mb means MiB.',
    input: z.strictObject({
      agent_id: z.string().min(1).max(128),
      cpu_cores: Cores.default(0),
      memory_mb: z
        .number()
        .nonnegative()
        .max(65_536 * MIB_PER_GIB)
        .default(0)
        .describe('MiB'),
      gpu_required: z.boolean().default(false),
      duration_minutes: z.number().positive().max(525_600).optional().describe('on record only: nothing is held'),
      priority: Priority.default('normal'),
    }),
    output: Answer.extend({ agent_id: z.string() }),
    annotations: READS,
    handle: ({ agent_id, cpu_cores: cores, memory_mb: mib, gpu_required: gpu }) => {
      const need = resources({ cores, gib: mib / MIB_PER_GIB, gpus: gpu ? 1 : 0 });
      return result({ ...look({ office, need, maxRttMs: undefined }), agent_id });
    },
  });
}

function look({
  office,
  need,
  maxRttMs,
}: {
  readonly office: FogRoleParts['office'];
  readonly need: ReturnType<typeof resources>;
  readonly maxRttMs: number | undefined;
}): z.input<typeof Answer> {
  const { nodes, filtered } = office.nodes({ need });
  // Of what was never measured nothing can be promised.
  const near = nodes.filter(({ rttMs }) => maxRttMs === undefined || (rttMs !== undefined && rttMs <= maxRttMs));
  const far = nodes.length - near.length;
  const trusted = near.toSorted(
    (one, other) => other.trust - one.trust || (one.rttMs ?? Infinity) - (other.rttMs ?? Infinity),
  );
  return {
    status: trusted.length > 0 ? 'available' : 'insufficient',
    held: false,
    recommended_node: trusted[0]?.nodeId ?? null,
    candidates: trusted.map(nodeRow),
    filtered: { ...filteredRow(filtered), ...(far === 0 ? {} : { latency: far }) },
    note: NOTE,
  };
}
