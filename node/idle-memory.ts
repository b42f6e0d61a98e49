import { getHeapSpaceStatistics, setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

const LOOK_MS = 1_000;
/** Of one processor, on average. A node that only keeps its peers takes about 0.01, and some seconds much more than others. */
const IDLE_BELOW = 0.05;
/** Looks that are idle together: one after the start, whose garbage is of no use to anybody; many after work, which may come back. */
const AFTER_START = 1;
const AFTER_WORK = 30;
const WORTH_BYTES = 4 * 1024 * 1024;

type Collect = (options: { type: 'major'; execution: 'sync'; flavor: 'last-resort' }) => void;

/**
 * Gives memory back while there is nothing to do. V8 lets its young generation grow under load, which is what makes calls cheap, and
 * keeps it when the load is gone; one thorough collection makes it small again. It takes 0.1 to 0.2 s, so it waits for idleness.
 * Answers how to end it.
 */
export function giveMemoryBackWhenIdle(): () => void {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as Collect;
  let needed = AFTER_START;
  let readings = [reading()];
  const timer = setInterval(() => {
    const now = reading();
    readings.push(now);
    if (readings.length > needed + 1) readings.shift();
    const isBusy = shareBetween(readings.at(-2), now) >= IDLE_BELOW || shareBetween(readings[0], now) >= IDLE_BELOW;
    if (readings.length <= needed || isBusy || youngBytes() < WORTH_BYTES) return;
    collect({ type: 'major', execution: 'sync', flavor: 'last-resort' });
    needed = AFTER_WORK;
    readings = [reading()];
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
