import { z } from 'zod';
import { result, type RoleTool, roleTool } from '../../backends/role.ts';
import type { FogNode } from '../../fog/index.ts';
import { amounts, filteredRow, resources } from './answers.ts';
import type { FogRoleParts } from './ports.ts';
import { Amounts, Cores, Gib, Labels, Tiers } from './shapes.ts';

export const READS = {
  readOnlyHint: true,
  destructiveHint: false,
  idempotentHint: true,
  openWorldHint: false,
} as const;

export const NodeRow = z.object({
  node_id: z.string(),
  self: z.boolean(),
  free: Amounts,
  capacity: Amounts,
  shards: z.int(),
  max_shards: z.int(),
  labels: z.record(z.string(), z.string()),
  runtimes: z.array(z.string()),
  enforcement: z.array(z.string()),
  power: z.object({ source: z.string(), percent: z.number().nullable(), charging: z.boolean(), thermal: z.string() }),
  rtt_ms: z.number().nullable().describe('null: not measured yet'),
  trust: z.number().describe('0 to 1: promises kept'),
  ad_age_ms: z.number().describe('how old what is known of it is'),
});

export function nodeRow({ nodeId, self, ad, adAgeMs, rttMs, trust }: FogNode): z.input<typeof NodeRow> {
  return {
    node_id: nodeId,
    self,
    free: amounts(ad.free),
    capacity: amounts(ad.cap),
    shards: ad.shards,
    max_shards: ad.maxShards,
    labels: ad.labels,
    runtimes: ad.runtimes,
    enforcement: ad.enforcement,
    power: { ...ad.power, thermal: ad.thermal },
    rtt_ms: rttMs === undefined ? null : Math.round(rttMs * 10) / 10,
    trust: trust / 1_000,
    ad_age_ms: Math.max(0, Math.round(adAgeMs)),
  };
}

export function discoverFogNodes({ office }: FogRoleParts): RoleTool {
  return roleTool({
    name: 'discover_fog_nodes',
    title: 'Nodes with room',
    description:
      'Lists the nodes that have so much free now, as they last said: your own among them, the one with most free memory first. memory_gb means GiB. ' +
      'filtered counts why the others are not listed. Answers from what your node knows; asks nobody and holds nothing.',
    input: z.strictObject({
      min_cpu_cores: Cores.default(0),
      min_memory_gb: Gib.default(0),
      gpu_required: z.boolean().default(false),
      labels: Labels.default({}).describe('that a node must have'),
      enforcement: Tiers.default([]).describe('how a node holds shards to their limits: tiers that will do'),
      limit: z.int().min(1).max(500).default(64),
    }),
    output: z.object({
      available_nodes: z.array(NodeRow),
      filtered: z.record(z.string(), z.int()).describe('reason → nodes'),
    }),
    annotations: READS,
    handle: ({ min_cpu_cores: cores, min_memory_gb: gib, gpu_required: gpu, labels, enforcement, limit }) => {
      const need = resources({ cores, gib, gpus: gpu ? 1 : 0 });
      const { nodes, filtered } = office.nodes({ need, labels, enforcement, limit });
      return result({ available_nodes: nodes.map(nodeRow), filtered: filteredRow(filtered) });
    },
  });
}
