import { readdir, readFile } from 'node:fs/promises';
import { MARK } from './environment.ts';

/** Signals every member of the group; false when there is none. */
export function signalGroup(pgid: number, signal: NodeJS.Signals): boolean {
  try {
    process.kill(-pgid, signal);
    return true;
  } catch {
    return false;
  }
}

/**
 * When process `pid` started, in clock ticks since boot: with the boot's id it names a process for ever, which a pid alone does not.
 * undefined when there is no such process, or no /proc to ask.
 */
export async function startTicks(pid: number): Promise<string | undefined> {
  try {
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
    // The second field is the program's name in parentheses and may hold anything; what follows the last one is numbers.
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
  } catch {
    return undefined;
  }
}

export async function bootId(): Promise<string | undefined> {
  try {
    return (await readFile('/proc/sys/kernel/random/boot_id', 'utf8')).trim();
  } catch {
    return undefined;
  }
}

/** Pids of the processes whose mark starts with `mark`: descendants that left their group are among them. Empty without /proc. */
async function marked(mark: string, variable: string): Promise<number[]> {
  const entries = await readdir('/proc').catch(() => []);
  const wanted = `${variable}=${mark}`;
  const found: number[] = [];
  for (const entry of entries) {
    if (!/^\d+$/.test(entry)) continue;
    const environment = await readFile(`/proc/${entry}/environ`, 'latin1').catch(() => '');
    if (environment.startsWith(wanted) || environment.includes(`\0${wanted}`)) found.push(Number(entry));
  }
  return found;
}

/** Kills what still carries the mark, twice over, because a process may fork while the first round runs. */
export async function killMarked(mark: string, variable: string = MARK): Promise<number> {
  let killed = 0;
  for (let round = 0; round < 2; round++) {
    for (const pid of await marked(mark, variable)) {
      try {
        process.kill(pid, 'SIGKILL');
        killed++;
      } catch {
        // gone meanwhile
      }
    }
  }
  return killed;
}
