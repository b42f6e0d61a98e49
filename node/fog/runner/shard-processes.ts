import { allPids, carries, childrenOf, type ProcessEntry, processEntry, residentMib } from './process-table.ts';
import type { Usage } from './port.ts';

/**
 * All processes of one placement: the tree under its leader, its process group and session, and whoever carries its mark.
 * Whoever was seen once is remembered by pid and start time, so that leaving the tree is no way out. A process that leaves tree, group
 * and session and drops its environment between two looks is not seen: only a cgroup holds that.
 */
export class ShardProcesses {
  readonly #leader: number;
  readonly #mark: string;
  readonly #known = new Map<number, string>();
  readonly #cpuMs = new Map<string, number>();
  readonly #strangers = new Set<number>();

  constructor(leader: number, options: { readonly mark: string }) {
    this.#leader = leader;
    this.#mark = options.mark;
  }

  /** The tree under everybody known: a few files, so it can be done ten times a second. */
  look(): readonly ProcessEntry[] {
    const seen = new Map<number, ProcessEntry>();
    const queue = [this.#leader, ...this.#known.keys()];
    for (let pid = queue.pop(); pid !== undefined; pid = queue.pop()) {
      if (seen.has(pid)) continue;
      const entry = this.#own(pid);
      if (entry === undefined) continue;
      seen.set(pid, entry);
      queue.push(...(childrenOf(pid) ?? []));
    }
    return this.#remember(seen);
  }

  /** Every process of the machine is asked for its group, session and mark. `again`: also those known to be strangers. */
  search(options: { readonly again: boolean } = { again: false }): readonly ProcessEntry[] {
    if (options.again) this.#strangers.clear();
    const all = new Set(allPids());
    for (const pid of this.#strangers) if (!all.has(pid)) this.#strangers.delete(pid);
    for (const pid of all) {
      if (this.#strangers.has(pid) || this.#known.has(pid)) continue;
      const entry = processEntry(pid);
      if (entry === undefined) continue;
      const ours = entry.group === this.#leader || entry.session === this.#leader || carries(pid, this.#mark);
      if (ours) this.#known.set(pid, entry.start);
      else this.#strangers.add(pid);
    }
    return this.look();
  }

  usage(entries: readonly ProcessEntry[]): Usage {
    let memMib = 0;
    for (const { pid, start, cpuMs } of entries) {
      memMib += residentMib(pid);
      this.#cpuMs.set(`${pid}.${start}`, cpuMs);
    }
    const cpuMs = [...this.#cpuMs.values()].reduce((sum, one) => sum + one, 0);
    if (this.#cpuMs.size > 256) this.#forgetEnded(entries, cpuMs);
    return { memMib: Math.ceil(memMib), cpuMs, processes: entries.length };
  }

  /** A shard that starts processes without end does not fill our memory with those that are gone. */
  #forgetEnded(entries: readonly ProcessEntry[], total: number): void {
    const now = entries.map(({ pid, start, cpuMs }) => [`${pid}.${start}`, cpuMs] as const);
    this.#cpuMs.clear();
    for (const [key, ms] of now) this.#cpuMs.set(key, ms);
    this.#cpuMs.set('ended', total - now.reduce((sum, [, ms]) => sum + ms, 0));
  }

  /** The entry of `pid` if it is the process that was known by this pid, and lives. */
  #own(pid: number): ProcessEntry | undefined {
    const entry = processEntry(pid);
    if (entry === undefined || entry.dead) return undefined;
    const start = this.#known.get(pid);
    return start === undefined || start === entry.start ? entry : undefined;
  }

  #remember(seen: ReadonlyMap<number, ProcessEntry>): readonly ProcessEntry[] {
    this.#known.clear();
    for (const { pid, start } of seen.values()) this.#known.set(pid, start);
    return [...seen.values()];
  }
}
