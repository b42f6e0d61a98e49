import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { WATCHDOG_MARGIN } from '../../../src/fog/index.ts';
import type { EnforcementFound } from './port.ts';
import { processEntry } from './process-table.ts';

const run = promisify(execFile);
const PROBE_MS = 3_000;
const PROBE_MIB = 64;

/** Finds the strongest tier by using it: what is installed but does not work here is not claimed. */
export async function probeEnforcement(): Promise<EnforcementFound> {
  const noGroup = await problemOfGroups();
  if (noGroup === undefined) return { tier: 'cgroup', memoryMargin: 0, missing: [] };
  const noWatch = await problemOfWatching();
  if (noWatch === undefined)
    return { tier: 'watchdog', memoryMargin: WATCHDOG_MARGIN, missing: [`cgroup: ${noGroup}`] };
  return { tier: 'none', memoryMargin: WATCHDOG_MARGIN, missing: [`cgroup: ${noGroup}`, `watchdog: ${noWatch}`] };
}

/** A scope of our user's service manager, which must really carry the limits it was given. */
async function problemOfGroups(): Promise<string | undefined> {
  const look =
    'path=$(sed -n "s/^0:://p" /proc/self/cgroup); cd "/sys/fs/cgroup$path" && cat memory.max cpu.max pids.max';
  const words = scopeWords({ memMib: PROBE_MIB, cpuMilli: 500, unit: undefined });
  try {
    const { stdout } = await run(words[0] as string, [...words.slice(1), '/bin/sh', '-c', look], { timeout: PROBE_MS });
    const [memory, cpu] = stdout.trim().split('\n');
    if (memory !== String(PROBE_MIB * 1024 * 1024)) return 'a scope of the user’s systemd does not limit memory';
    if (cpu === undefined || cpu.startsWith('max')) return 'a scope of the user’s systemd does not limit CPU';
    return undefined;
  } catch {
    return 'no scope of the user’s systemd with cgroup v2 can be made';
  }
}

async function problemOfWatching(): Promise<string | undefined> {
  if (processEntry(process.pid) === undefined) return 'there is no /proc';
  const words = watchedWords({ nice: 1, cores: '' });
  try {
    await run(words[0] as string, [...words.slice(1), 'true'], { timeout: PROBE_MS });
    return undefined;
  } catch {
    return 'setpriv, prlimit or nice (util-linux, coreutils) are missing or refused';
  }
}

/** Before the program: the kernel ends it with its guard, no core files, bounded descriptors, politeness, cores. */
export function watchedWords({ nice, cores }: { readonly nice: number; readonly cores: string }): string[] {
  const held = ['setpriv', '--pdeathsig', 'KILL', '--no-new-privs', 'prlimit', '--core=0:0', '--nofile=4096:4096'];
  return [...held, 'nice', '-n', String(nice), ...(cores === '' ? [] : ['taskset', '-c', cores])];
}

/** Before the program: a transient scope with exact limits. `systemd-run --scope` becomes the program, so the pid stays. */
export function scopeWords(limits: {
  readonly memMib: number;
  readonly cpuMilli: number;
  readonly unit: string | undefined;
}): string[] {
  const { memMib, cpuMilli, unit } = limits;
  const properties = [
    `MemoryMax=${memMib}M`,
    'MemorySwapMax=0',
    `CPUQuota=${Math.max(1, Math.round(cpuMilli / 10))}%`,
    'TasksMax=512',
  ].flatMap((property) => ['-p', property]);
  return [
    'systemd-run',
    '--user',
    '--scope',
    '--quiet',
    ...(unit === undefined ? [] : ['--unit', unit]),
    ...properties,
  ];
}
