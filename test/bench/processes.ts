import { readdirSync, readFileSync } from 'node:fs';

const TICK_US = 10_000;

/** A process and all that it started. */
export function family(pid: number): readonly number[] {
  const children = new Map<number, number[]>();
  for (const name of readdirSync('/proc')) {
    const one = Number(name);
    const parent = Number.isInteger(one) ? parentOf(one) : undefined;
    if (parent !== undefined) children.set(parent, [...(children.get(parent) ?? []), one]);
  }
  const found = [pid];
  for (const one of found) found.push(...(children.get(one) ?? []));
  return found;
}

/** User and system time of all threads so far, µs. */
export function cpuOf(pids: readonly number[]): number {
  return pids.reduce((sum, pid) => {
    const fields = statOf(pid);
    return sum + (Number(fields?.[11] ?? 0) + Number(fields?.[12] ?? 0)) * TICK_US;
  }, 0);
}

export function rssMiB(pids: readonly number[]): number {
  const kib = pids.map((pid) => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]));
  return Math.round(kib.reduce((sum, one) => sum + one, 0) / 1024);
}

function parentOf(pid: number): number | undefined {
  const parent = Number(statOf(pid)?.[1]);
  return Number.isNaN(parent) ? undefined : parent;
}

/** The fields of /proc/PID/stat from the state on; undefined: it has ended. */
function statOf(pid: number): readonly string[] | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return text.slice(text.lastIndexOf(') ') + 2).split(' ');
  } catch {
    return undefined;
  }
}
