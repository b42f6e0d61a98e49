import { readFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { quotaFiles } from './control-group.ts';

/** Milli-cores this process may use: what affinity leaves, and no more than the quota of its control group. */
export async function measuredCpuMilli(parallelism: number = availableParallelism()): Promise<number> {
  const quotas = await Promise.all((await quotaFiles()).map(async (path) => quotaMilli(await readFile(path, 'utf8'))));
  const quota = Math.min(...quotas.flatMap((one) => one ?? []), Number.POSITIVE_INFINITY);
  return Math.min(parallelism * 1_000, quota);
}

/** What `cpu.max` says, in milli-cores; undefined: no limit, or nothing readable. */
export function quotaMilli(cpuMax: string): number | undefined {
  const [quota = '', period = ''] = cpuMax.trim().split(/\s+/);
  if (!/^\d+$/.test(quota) || !/^\d+$/.test(period) || Number(period) === 0) return undefined;
  return Math.floor((Number(quota) / Number(period)) * 1_000);
}
