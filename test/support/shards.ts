import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { boottimeMs, type ShardStart } from '../../node/fog/runner/index.ts';
import { until } from './until.ts';

export const SHARD = join(import.meta.dirname, '../fixtures/shards/shard.mjs');

/** Pids of every process whose environment names this placement, and of every guard that has the shard's streams; by this file's own reading of /proc. */
export function processesOf(placement: string): number[] {
  return readdirSync('/proc')
    .filter((entry) => /^\d+$/.test(entry))
    .filter((entry) => {
      try {
        const variables = readFileSync(`/proc/${entry}/environ`, 'latin1').split('\0');
        const dead = /\) Z /.test(readFileSync(`/proc/${entry}/stat`, 'latin1'));
        return !dead && variables.some((one) => one.startsWith('FOG_PLACEMENT=') && one.endsWith(`.${placement}`));
      } catch {
        return false; // it ended while we looked
      }
    })
    .map(Number);
}

/** Pids of the guards of this repository whose parent is `owner`; without one, of all that lost theirs. */
export function guardsOf(owner: number): number[] {
  return readdirSync('/proc')
    .filter((entry) => /^\d+$/.test(entry))
    .filter((entry) => {
      try {
        const stat = readFileSync(`/proc/${entry}/stat`, 'latin1');
        const parent = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
        return parent === owner && readFileSync(`/proc/${entry}/cmdline`, 'latin1').includes('guard-main');
      } catch {
        return false;
      }
    })
    .map(Number);
}

/** Fails when a process of `placement` is still there after `timeoutMs`. */
export async function nothingLeftOf(placement: string, timeoutMs = 10_000): Promise<void> {
  await until(() => processesOf(placement).length === 0, {
    timeoutMs,
    what: `no process of ${placement} is left`,
  });
}

let placements = 0;

/** A shard of the test program in one of its modes. */
export function shardStart(mode: string, more: Partial<ShardStart> = {}): ShardStart {
  const placementId = `p-${process.pid}-${++placements}`;
  return {
    placementId,
    alias: placementId,
    share: 'local',
    program: { kind: 'process', command: process.execPath, args: [SHARD, mode], env: {} },
    resources: { cpuMilli: 1000, memMib: 256 },
    priority: 'normal',
    leaseUntilMs: boottimeMs() + 60_000,
    ...more,
  };
}
