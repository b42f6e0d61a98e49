import { statfs } from 'node:fs/promises';
import type { Gpu } from '../../../src/fog/index.ts';
import type { FogConfig } from '../../config/fog.ts';
import { measuredCpuMilli } from './cores.ts';
import { measuredGpus } from './gpus.ts';
import { measuredMemMib } from './memory.ts';

const MIB = 1024 * 1024;
/** The share of what the machine has that is offered; the rest is for the node and its owner. */
const OFFERED = 0.8;

/** What this node gives to the village: whole milli-cores and MiB. */
export interface Capacity {
  readonly cpuMilli: number;
  readonly memMib: number;
  readonly diskMib: number;
  readonly gpus: readonly Gpu[];
}

/** 80 % of what is measured here; what the operator wrote counts as it is. Never rejects. */
export async function measuredCapacity(wanted: FogConfig['capacity'], folder: string): Promise<Capacity> {
  const [cpuMilli, diskMib, gpus] = await Promise.all([
    wanted.cpu_cores === undefined ? measuredCpuMilli().then(offered) : Math.round(wanted.cpu_cores * 1_000),
    wanted.disk_gb === undefined ? freeDiskMib(folder).then(offered) : Math.round(wanted.disk_gb * 1_024),
    wanted.gpus === undefined ? measuredGpus() : declaredGpus(wanted.gpus),
  ]);
  const memMib = wanted.memory_gb === undefined ? offered(measuredMemMib()) : Math.round(wanted.memory_gb * 1_024);
  return { cpuMilli, memMib, diskMib, gpus };
}

function offered(amount: number): number {
  return Math.floor(amount * OFFERED);
}

function declaredGpus(count: number): readonly Gpu[] {
  return Array.from({ length: count }, (_, index) => ({ id: `gpu${index}`, model: 'declared', memMib: 0 }));
}

async function freeDiskMib(folder: string): Promise<number> {
  return statfs(folder).then(
    ({ bavail, bsize }) => Math.floor((bavail * bsize) / MIB),
    () => 0,
  );
}
