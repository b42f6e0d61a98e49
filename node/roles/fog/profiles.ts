import { AGENT_PRESETS, presetFor } from '../../../src/fog/index.ts';
import { amounts } from './answers.ts';

/** As a deployment names what it wants; `*` is every other kind. */
export function profileRows() {
  return [...AGENT_PRESETS, presetFor('*')].map((preset) => {
    const { cpu_cores, memory_gb } = amounts(preset.res);
    return {
      agent_type: preset.agentType,
      resource_allocation: { cpu_cores, memory_gb },
      artifact: preset.artifact,
      strategy: preset.strategy,
      slots: { min: preset.minShards, max: preset.maxShards },
      latency_ms: preset.latencyMs,
      prefers_gpu: preset.prefersGpu,
      min_battery_percent: preset.minBatteryPercent,
    };
  });
}
