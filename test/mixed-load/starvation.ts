import { readFileSync } from 'node:fs';
import type { Member } from './mixed-village.ts';

const LOOK_MS = 1_000;
/** A process that waited for a processor for this share of a look got too little to keep to any deadline. */
const STARVED_SHARE = 0.6;

interface Look {
  readonly atMs: number;
  readonly pid: number;
  readonly waitedMs: number;
}

/**
 * Watches for how long the nodes of a village could have run and were given no processor. What the machine withholds is no fault of
 * theirs: deadlines that pass in such a time are not held against them.
 */
export class Starvation {
  readonly #looks = new Map<Member, Look>();
  readonly #timer: NodeJS.Timeout;
  /** Seconds in which a node was starved, of all that were looked at. */
  readonly seconds = { starved: 0, seen: 0 };

  constructor(members: () => Iterable<Member>) {
    this.#timer = setInterval(() => {
      for (const member of members()) this.#look(member);
    }, LOOK_MS).unref();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  #look(member: Member): void {
    const waitedMs = waitedForProcessorMs(member);
    if (waitedMs === undefined) return;
    const now = { atMs: Date.now(), pid: member.node.ready.pid, waitedMs };
    const before = this.#looks.get(member);
    this.#looks.set(member, now);
    if (before?.pid !== now.pid) return;
    this.seconds.seen += 1;
    if (now.waitedMs - before.waitedMs < STARVED_SHARE * (now.atMs - before.atMs)) return;
    this.seconds.starved += 1;
    member.starvedMs = now.atMs;
  }
}

/** How long the node's process could have run and did not, since it began; undefined: it is gone. Linux alone tells. */
export function waitedForProcessorMs({ node: { ready } }: Member): number | undefined {
  try {
    return Number(readFileSync(`/proc/${ready.pid}/schedstat`, 'latin1').split(' ')[1]) / 1e6;
  } catch {
    return undefined;
  }
}
