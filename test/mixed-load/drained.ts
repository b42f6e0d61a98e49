import { setImmediate as turn } from 'node:timers/promises';

const QUICK_MS = 3;
const TRIES = 200;

/**
 * Resolves in a turn of the event loop in which all that had arrived `QUICK_MS` before has been read: what is read from now on of
 * somebody who is killed in this very turn was sent within those last milliseconds. Answers since when, Unix milliseconds.
 */
export async function drained(): Promise<number> {
  for (let tries = 0; ; tries += 1) {
    const sinceMs = Date.now();
    await turn(); // sockets are read between two of these
    await turn();
    if (Date.now() - sinceMs <= QUICK_MS || tries === TRIES) return sinceMs;
  }
}
