import { readdirSync, readFileSync } from 'node:fs';

/** Marks every process of a placement, however it detached itself. */
export const PLACEMENT_MARK = 'FOG_PLACEMENT';

/** Linux counts CPU time for programs in hundredths of a second on every architecture. */
const TICK_MS = 10;

/** One process as /proc shows it at one moment. */
export interface ProcessEntry {
  readonly pid: number;
  readonly parent: number;
  readonly group: number;
  readonly session: number;
  /** Clock ticks since boot. */
  readonly start: string;
  readonly cpuMs: number;
  /** It has ended and waits for its parent to notice. */
  readonly dead: boolean;
}

/** undefined when there is no such process, or no /proc to ask. */
export function processEntry(pid: number): ProcessEntry | undefined {
  const stat = read(`/proc/${pid}/stat`);
  if (stat === undefined) return undefined;
  // The second field is the program's name in parentheses and may hold anything; what follows the last one is fixed.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const [state, parent, group, session] = fields;
  return {
    pid,
    parent: Number(parent),
    group: Number(group),
    session: Number(session),
    start: fields[19] ?? '',
    cpuMs: (Number(fields[11]) + Number(fields[12])) * TICK_MS,
    dead: state === 'Z' || state === 'X',
  };
}

/** Resident memory of a process in MiB; 0 when it is gone. */
export function residentMib(pid: number): number {
  const kib = /^VmRSS:\s*(\d+) kB$/m.exec(read(`/proc/${pid}/status`) ?? '')?.[1];
  return Number(kib ?? 0) / 1024;
}

export function allPids(): number[] {
  try {
    return readdirSync('/proc')
      .filter((entry) => /^\d+$/.test(entry))
      .map(Number);
  } catch {
    return [];
  }
}

/** Direct children; undefined where this kernel does not list them. */
export function childrenOf(pid: number): number[] | undefined {
  try {
    return readdirSync(`/proc/${pid}/task`).flatMap((thread) =>
      readFileSync(`/proc/${pid}/task/${thread}/children`, 'latin1').split(' ').filter(Boolean).map(Number),
    );
  } catch {
    return undefined;
  }
}

/** Whether its environment, as it was started, holds `mark`. */
export function carries(pid: number, mark: string): boolean {
  const environment = read(`/proc/${pid}/environ`) ?? '';
  const wanted = `${PLACEMENT_MARK}=${mark}`;
  return `\0${environment}`.includes(`\0${wanted}\0`) || environment.endsWith(`\0${wanted}`) || environment === wanted;
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return undefined; // it ended meanwhile, belongs to somebody else, or there is no /proc
  }
}
