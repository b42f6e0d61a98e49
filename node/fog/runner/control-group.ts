import { readFileSync, writeFileSync } from 'node:fs';

/** The cgroup v2 that a shard has to itself. */
export class ControlGroup {
  readonly #folder: string;
  #kills = 0;

  private constructor(folder: string) {
    this.#folder = folder;
  }

  /** Of process `pid`; undefined: it is in ours still, or there is none. */
  static of(pid: number): ControlGroup | undefined {
    const theirs = pathOf(String(pid));
    if (theirs === undefined || theirs === pathOf('self')) return undefined;
    return new ControlGroup(`/sys/fs/cgroup${theirs}`);
  }

  /** How many of its processes the kernel killed for want of memory; the last that was read, once the group is gone. */
  memoryKills(): number {
    const kills = /^oom_kill (\d+)$/m.exec(read(`${this.#folder}/memory.events`) ?? '')?.[1];
    if (kills !== undefined) this.#kills = Number(kills);
    return this.#kills;
  }

  /** Kills everything in it at once, whoever forks meanwhile. */
  kill(): void {
    try {
      writeFileSync(`${this.#folder}/cgroup.kill`, '1');
    } catch {
      // an older kernel, or it is gone: its processes are killed one by one
    }
  }
}

function pathOf(pid: string): string | undefined {
  return /^0::(.+)$/m.exec(read(`/proc/${pid}/cgroup`) ?? '')?.[1];
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}
