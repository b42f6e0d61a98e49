import { setTimeout as delay } from 'node:timers/promises';
import { readdirSync, readFileSync } from 'node:fs';

export interface Marked {
  readonly pid: number;
  readonly parent: number;
  readonly command: string;
}

/** Processes whose environment holds `marker`. Linux alone tells. */
export function processesWith(marker: string): Marked[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => {
      try {
        if (!readFileSync(`/proc/${pid}/environ`, 'latin1').includes(marker)) return [];
        const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
        const [state, parent] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
        if (state === 'Z') return [];
        const command = readFileSync(`/proc/${pid}/cmdline`, 'latin1').replaceAll('\0', ' ').trim();
        return [{ pid: Number(pid), parent: Number(parent), command }];
      } catch {
        return []; // it ended while we looked
      }
    });
}

/** Processes with `marker` that are still there after `withinMs`. */
export function endedWith(marker: string, withinMs: number): Promise<Marked[]> {
  return noneButOf([], { marker, withinMs });
}

/** Processes with `marker` that are children of none of `parents` and still there after `withinMs`. */
export async function noneButOf(
  parents: readonly number[],
  options: { readonly marker: string; readonly withinMs: number },
): Promise<Marked[]> {
  const deadlineAt = performance.now() + options.withinMs;
  for (;;) {
    const left = processesWith(options.marker).filter(({ parent }) => !parents.includes(parent));
    if (left.length === 0 || performance.now() >= deadlineAt) return left;
    await delay(200);
  }
}
