import { describe, expect, test } from 'vitest';
import { AGENT_PRESETS, ArtifactRef, presetFor, Resources } from '../../../src/fog/index.ts';

describe('the profiles of agents', () => {
  test('hold what the specification says of each: memory, cores, shards, strategy', () => {
    const { res, minShards, maxShards, strategy, prefersGpu, latencyMs } = presetFor('magi');
    expect(res).toEqual({ cpuMilli: 1_800, memMib: 600, diskMib: 0, gpus: 0 });
    expect([minShards, maxShards, strategy, prefersGpu, latencyMs]).toEqual([2, 6, 'adaptive', true, 800]);
    expect(presetFor('king')).toMatchObject({ minShards: 2, maxShards: 8, strategy: 'fog_only' });
    expect(presetFor('oracle')).toMatchObject({ minShards: 3, maxShards: 10 });
    expect(presetFor('twin')).toMatchObject({ strategy: 'local_only', maxShards: 1 });
  });

  test('give every other agent the same, under its own name', () => {
    const { agentType, ...rest } = presetFor('navigator');
    expect(agentType).toBe('navigator');
    expect(rest).toMatchObject({ minShards: 1, maxShards: 3, strategy: 'adaptive', minBatteryPercent: 20 });
  });

  test('can be asked of a node as they stand', () => {
    for (const preset of [...AGENT_PRESETS, presetFor('other')]) {
      expect(Resources.parse(preset.res)).toEqual(preset.res);
      expect(ArtifactRef.parse(preset.artifact)).toBe('role:agent');
      expect(preset.minShards).toBeLessThanOrEqual(preset.maxShards);
      // A worker that has less than it needs to start is killed before it answers.
      expect(preset.res.memMib).toBeGreaterThanOrEqual(192);
    }
  });
});
