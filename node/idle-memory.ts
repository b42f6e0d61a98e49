import { getHeapSpaceStatistics, setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

const LOOK_MS = 1_000;
/** Of one processor, on average. A node that only keeps its peers takes about 0.01, and some seconds much more than others. */
const IDLE_BELOW = 0.05;
/** So long a node may take to start. Its garbage is of no use to anybody, and no code is hot yet: the first look that is idle is enough. */
const STARTING_LOOKS = 6;
const AFTER_START = 1;
/** Looks that are idle together after work, which may come back. */
const YOUNG_AFTER_WORK = 30;
const ALL_AFTER_WORK = 120;
/** A node that has nothing to do comes to 4 MiB now and then. */
const WORTH_BYTES = 8 * 1024 * 1024;
/** One does not make the young generation small: V8 wants to have seen how little is allocated. */
const SCAVENGES = 3;

type Collect = (options: { type: 'major' | 'minor'; execution: 'sync'; flavor?: 'last-resort' }) => void;

/**
 * Gives memory back while there is nothing to do. V8 lets its young generation grow under load, which is what makes calls cheap, and
 * keeps it when the load is gone: three scavenges make it small again. A thorough collection, which takes 0.1 to 0.2 s, also gives the system
 * its pages back, but with them goes the code that was compiled for objects of which none is left: the calls after it
 * cost half as much again for some seconds. It waits for a node that is not used, and V8, which does the same after 8 s, is told not to.
 * Answers how to end it.
 */
export function giveMemoryBackWhenIdle(): () => void {
  setFlagsFromString('--expose-gc');
  setFlagsFromString('--no-memory-reducer-favors-memory');
  setFlagsFromString('--retain-maps-for-n-gc=16');
  const collect = runInNewContext('gc') as Collect;
  let starting = STARTING_LOOKS;
  let sinceScavenges = 0;
  let hasGrown = false;
  let readings = [reading()];
  const timer = setInterval(() => {
    const now = reading();
    readings.push(now);
    if (readings.length > ALL_AFTER_WORK + 1) readings.shift();
    starting -= 1;
    sinceScavenges += 1;
    const isYoungLarge = youngBytes() >= WORTH_BYTES;
    hasGrown ||= isYoungLarge;
    const isIdleFor = (looks: number): boolean => shareBetween(readings.at(-1 - looks), now) < IDLE_BELOW;
    if (!hasGrown || !isIdleFor(1)) return;
    if (isIdleFor(starting > 0 ? AFTER_START : ALL_AFTER_WORK)) {
      collect({ type: 'major', execution: 'sync', flavor: 'last-resort' });
      hasGrown = false;
      starting = 0;
      readings = [reading()];
    } else if (isYoungLarge && sinceScavenges >= YOUNG_AFTER_WORK && isIdleFor(YOUNG_AFTER_WORK)) {
      for (let done = 0; done < SCAVENGES; done += 1) collect({ type: 'minor', execution: 'sync' });
      sinceScavenges = 0;
    }
  }, LOOK_MS);
  timer.unref();
  return () => clearInterval(timer);
}

interface Reading {
  readonly atMs: number;
  readonly usedMs: number;
}

function shareBetween(before: Reading | undefined, now: Reading): number {
  return before === undefined ? 1 : (now.usedMs - before.usedMs) / (now.atMs - before.atMs);
}

function reading(): Reading {
  const { user, system } = process.cpuUsage();
  return { atMs: performance.now(), usedMs: (user + system) / 1_000 };
}

function youngBytes(): number {
  return getHeapSpaceStatistics().find(({ space_name: name }) => name === 'new_space')?.space_size ?? 0;
}
