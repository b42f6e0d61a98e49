import type { Resources } from './resources.ts';

/**
 * Where an agent's shards belong if no node is named: on the node that asks; rather on others; on others as long as one of them could;
 * or wherever fits best.
 */
export type Strategy = 'local_only' | 'fog_preferred' | 'fog_only' | 'adaptive';

/** What a shard of one kind of agent needs when its deployment does not say. */
export interface AgentPreset {
  readonly agentType: string;
  /** One shard. */
  readonly res: Resources;
  readonly minShards: number;
  readonly maxShards: number;
  readonly strategy: Strategy;
  /** It runs without one, and better with one. */
  readonly prefersGpu: boolean;
  /** A call should be answered within that. */
  readonly latencyMs: number;
  /** Of the node that runs it, on battery. */
  readonly minBatteryPercent: number;
  readonly artifact: string;
}

const ARTIFACT = 'role:agent';
const MIN_BATTERY = 20;

type Row = readonly [
  agentType: string,
  memMib: number,
  cpuMilli: number,
  latencyMs: number,
  minShards: number,
  maxShards: number,
  strategy: Strategy,
];

/** A program on Node with its libraries takes 100 MiB before it does anything: less would only be killed. */
const LEAST_MIB = 192;

// A unit of compute is a core. The memory of a shard is that of the agent at run time, its model included.
const ROWS: readonly Row[] = [
  ['twin', 50, 500, 1_000, 1, 1, 'local_only'],
  ['king', 800, 2_000, 500, 2, 8, 'fog_only'],
  ['magi', 600, 1_800, 800, 2, 6, 'adaptive'],
  ['oracle', 900, 2_200, 600, 3, 10, 'adaptive'],
  ['sage', 250, 1_000, 1_000, 1, 4, 'fog_preferred'],
];

function presetOf([agentType, memMib, cpuMilli, latencyMs, minShards, maxShards, strategy]: Row): AgentPreset {
  return {
    agentType,
    res: { cpuMilli, memMib: Math.max(memMib, LEAST_MIB), diskMib: 0, gpus: 0 },
    minShards,
    maxShards,
    strategy,
    prefersGpu: agentType === 'magi',
    latencyMs,
    minBatteryPercent: MIN_BATTERY,
    artifact: ARTIFACT,
  };
}

/** The agents with a profile of their own. */
export const AGENT_PRESETS: readonly AgentPreset[] = ROWS.map(presetOf);

/** The profile of an agent; every other kind of agent has the same. */
export function presetFor(agentType: string): AgentPreset {
  const known = AGENT_PRESETS.find((preset) => preset.agentType === agentType);
  return known ?? presetOf([agentType, 200, 800, 1_000, 1, 3, 'adaptive']);
}
