import type { z } from 'zod';
import type { DeploymentView, FogOffice, FogRefusal, NodeRefusal, ShardStatus, ShardView } from '../../fog/index.ts';
import { refusal, result, type ToolOutcome } from '../../backends/role.ts';
import type { Dimension, Resources } from '../../../src/fog/index.ts';
import type { Amounts, DeploymentAnswer, Shard } from './shapes.ts';

const MIB = 1_024;
/** The status of several slots is that of the one that is worst off. */
const WORST: readonly ShardStatus[] = [
  'failed',
  'unknown',
  'blocked',
  'awaiting_vote',
  'stopping',
  'starting',
  'running',
  'stopped',
];

/** Whole milli-cores and MiB as agents read them. */
export function amounts({ cpuMilli, memMib, gpus }: Resources): z.input<typeof Amounts> {
  return { cpu_cores: cpuMilli / 1_000, memory_gb: Math.round((memMib / MIB) * 1_000) / 1_000, gpus };
}

/** What an agent asks for, in whole milli-cores and MiB. */
export function resources({ cores = 0, gib = 0, gpus = 0 }): Resources {
  return { cpuMilli: Math.round(cores * 1_000), memMib: Math.round(gib * MIB), diskMib: 0, gpus };
}

export function shardRow(view: ShardView): z.input<typeof Shard> {
  const { reason, detail } = view;
  return {
    shard_id: view.shardId,
    deployment_id: view.deployment,
    slot: view.slot,
    epoch: view.epoch,
    node_id: view.nodeId ?? null,
    placement_id: view.placementId ?? null,
    status: view.status,
    ...(reason === undefined ? {} : { reason }),
    ...(detail === undefined || detail === '' ? {} : { detail }),
    agent_type: view.agentType,
    owner: view.owner,
    server: view.server,
  };
}

export function statusOf(shards: readonly ShardView[]): ShardStatus {
  return WORST.find((status) => shards.some((one) => one.status === status)) ?? 'stopped';
}

export function deploymentAnswer(
  view: DeploymentView,
  { office, need }: { readonly office: FogOffice; readonly need?: Resources | undefined },
): z.input<typeof DeploymentAnswer> {
  const first = view.shards[0];
  return {
    deployment_id: view.deployment,
    shard_id: view.shards.length === 1 ? (first?.shardId ?? view.deployment) : view.deployment,
    node_id: first?.nodeId ?? null,
    placement_id: first?.placementId ?? null,
    epoch: first?.epoch ?? 0,
    status: statusOf(view.shards),
    ...(view.proposalId === undefined ? {} : { proposal_id: view.proposalId }),
    server: view.server,
    owner: view.owner,
    agent_type: view.agentType,
    shards: view.shards.map(shardRow),
    ...(view.refusal === undefined ? {} : whyOf(view.refusal, { office, need })),
  };
}

export function refused(
  why: FogRefusal,
  { office, need }: { readonly office: FogOffice; readonly need?: Resources | undefined },
): ToolOutcome {
  return refusal(whyOf(why, { office, need }));
}

export function unknownShard(shard: string): ToolOutcome {
  const message = `no shard ${shard} is known to this node; list_shards shows those it knows`;
  return refusal({ code: 'UNKNOWN_SHARD', message, retryable: false, shard_id: shard });
}

/** A deployment that came to nothing is an error that carries what is known of it. */
export function deployed(answer: z.input<typeof DeploymentAnswer>): ToolOutcome {
  if (answer.status !== 'failed') return result(answer);
  const { code = 'START_FAILED', message = 'it failed', retryable = true } = answer;
  return refusal({ ...answer, code, message, retryable });
}

export function perNodeRows(perNode: readonly NodeRefusal[]) {
  return perNode.map(({ nodeId, code, detail }) => ({ node_id: nodeId, code, detail }));
}

function whyOf(
  { code, message, retryable, retryAfterMs, perNode, ...stated }: FogRefusal,
  { office, need }: { readonly office: FogOffice; readonly need?: Resources | undefined },
) {
  const { dimension, requested, bestAvailable } =
    stated.dimension === undefined && need !== undefined && code === 'INSUFFICIENT' ? shortest(need, office) : stated;
  return {
    code,
    message,
    retryable,
    ...(retryAfterMs === undefined ? {} : { retry_after_ms: retryAfterMs }),
    ...(dimension === undefined ? {} : { dimension: WORDS[dimension] }),
    ...(dimension === undefined || requested === undefined ? {} : { requested: inWords(dimension, requested) }),
    ...(dimension === undefined || bestAvailable === undefined
      ? {}
      : { best_available: inWords(dimension, bestAvailable) }),
    per_node: perNodeRows(perNode),
  };
}

const WORDS: Readonly<Record<Dimension, string>> = {
  cpuMilli: 'cpu_cores',
  memMib: 'memory_gb',
  diskMib: 'disk_gb',
  gpus: 'gpus',
};

/** Why nodes are not listed, as agents call amounts. */
export function filteredRow(filtered: Readonly<Record<string, number>>): Record<string, number> {
  return Object.fromEntries(
    Object.entries(filtered).map(([why, count]) => [why in WORDS ? WORDS[why as Dimension] : why, count]),
  );
}

function inWords(dimension: Dimension, amount: number): number {
  if (dimension === 'gpus') return amount;
  return Math.round((amount / (dimension === 'cpuMilli' ? 1_000 : MIB)) * 1_000) / 1_000;
}

/** The first dimension of which nobody has enough free, as far as is known here. */
function shortest(need: Resources, office: FogOffice): Pick<FogRefusal, 'dimension' | 'requested' | 'bestAvailable'> {
  const { nodes } = office.nodes({ need: { cpuMilli: 0, memMib: 0, diskMib: 0, gpus: 0 } });
  for (const dimension of ['cpuMilli', 'memMib', 'gpus', 'diskMib'] as const) {
    const bestAvailable = Math.max(0, ...nodes.map(({ ad }) => ad.free[dimension]));
    if (bestAvailable < need[dimension]) return { dimension, requested: need[dimension], bestAvailable };
  }
  return {};
}
