import { type ArtifactRef, presetFor, type ShardSpec } from '../../../src/fog/index.ts';
import type { DeployRequest } from '../../fog/index.ts';
import { resources } from './answers.ts';
import { MAX_INPUT_BYTES, type Wanted } from './shapes.ts';

export type Placing = Pick<
  DeployRequest,
  'shardId' | 'spec' | 'slots' | 'targetNode' | 'allowFallback' | 'allOrNothing'
>;

/** What an agent wants, with the profile of its kind where it does not say. undefined: it hands over too much. */
export function placingOf(wanted: Wanted, nodeId: string): Placing | undefined {
  const preset = presetFor(wanted.agent_type);
  const { cpu_cores: cores, memory_gb: gib, priority } = wanted.resource_allocation;
  const args = wanted.state === undefined ? wanted.args : { ...wanted.args, state: wanted.state };
  if (Buffer.byteLength(JSON.stringify([args, wanted.env])) > MAX_INPUT_BYTES) return undefined;
  const asked = resources({ cores, gib, gpus: wanted.gpu });
  const spec: ShardSpec = {
    v: 1,
    agentType: wanted.agent_type,
    artifact: wanted.artifact ?? (preset.artifact as ArtifactRef),
    args,
    env: wanted.env,
    res: {
      ...asked,
      cpuMilli: cores === undefined ? preset.res.cpuMilli : asked.cpuMilli,
      memMib: gib === undefined ? preset.res.memMib : asked.memMib,
    },
    priority,
    mode: wanted.mode,
    preemptible: priority === 'low',
    labels: wanted.labels,
    enforcement: wanted.enforcement,
    antiAffinity: wanted.anti_affinity ?? (wanted.slots > 1 ? 'hard' : 'none'),
    trustMin: Math.round(wanted.min_trust * 1_000),
    leaseMs: wanted.lease_seconds * 1_000,
    lingerMs: 0,
  };
  // A twin's data stays with its owner.
  const targetNode = wanted.target_node ?? (preset.strategy === 'local_only' ? nodeId : undefined);
  const { shard_id: shardId, slots, allow_fallback: allowFallback, all_or_nothing: allOrNothing } = wanted;
  return { shardId, spec, slots, targetNode, allowFallback, allOrNothing };
}
