import { type Limits, LIMITS, type NodeConfig, VOTE_POLICY, type VotePolicy } from '../src/fog/index.ts';
import type { PolicyView } from '../src/constitution/index.ts';
import type { Enforcement } from '../src/fog/index.ts';
import type { Config } from './config/index.ts';
import type { Capacity } from './fog/fingerprint/index.ts';

/** A Node program with its libraries takes so much before it does anything. */
const LEAST_SHARD_MIB = 128;

/** What this node offers, as measured, configured and decided. */
export function fogNodeConfig(made: {
  readonly nodeId: string;
  readonly capacity: Capacity;
  readonly fog: Config['fog'];
  readonly enforcement: Enforcement;
  readonly runtimes: readonly string[];
  readonly policy: PolicyView;
  readonly limits?: Limits | undefined;
}): NodeConfig {
  const { nodeId, capacity, fog, enforcement, runtimes, policy, limits = LIMITS } = made;
  const { cpuMilli, memMib, diskMib, gpus } = capacity;
  const amounts = { cpuMilli, memMib, diskMib, gpus: gpus.length };
  return {
    node: nodeId,
    capacity: amounts,
    gpuIds: gpus.map(({ id }) => id),
    maxShards: Math.min(limits.maxShards, Math.floor(memMib / LEAST_SHARD_MIB)),
    runtimes,
    enforcement: [enforcement],
    labels: fog.labels,
    policy: { maxShard: amounts, maxPriority: 'emergency', accepts: fog.offer },
    votePolicy: votePolicyOf(policy),
    limits,
  };
}

/** Above which a deployment needs a vote, by the policy in force. */
export function votePolicyOf(policy: Pick<PolicyView, 'value'>): VotePolicy {
  const above = policy.value('fog.vote_above') as { cpu_cores: number; memory_gb: number } | undefined;
  const slots = policy.value('fog.vote_above_slots');
  const gpus = policy.value('fog.vote_for_gpus');
  return {
    ...VOTE_POLICY,
    ...(above === undefined ? {} : { above: { cpuMilli: above.cpu_cores * 1_000, memMib: above.memory_gb * 1_024 } }),
    ...(typeof slots === 'number' ? { slots } : {}),
    ...(typeof gpus === 'boolean' ? { gpus } : {}),
  };
}
