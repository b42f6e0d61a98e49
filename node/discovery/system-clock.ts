import type { DirectoryClock } from './ports.ts';

/** The machine's own clocks and chance. */
export const systemClock: DirectoryClock = {
  now: () => performance.now(),
  wallMs: () => Date.now(),
  chance: () => Math.random(),
  after: (ms, run) => {
    const timer = setTimeout(run, ms).unref();
    return () => clearTimeout(timer);
  },
};
