import type { GovernanceClock } from './ports.ts';

/** Some conditions hold only after a time has passed, without anything happening. */
const LOOK_AGAIN_MS = 250;

export interface WaitLimits {
  readonly withinMs: number;
  readonly signal: AbortSignal;
}

/** Waits for what other parts bring about. */
export class Waits {
  readonly #clock: GovernanceClock;
  readonly #looks = new Set<() => void>();

  constructor(clock: GovernanceClock) {
    this.#clock = clock;
  }

  /** Something happened: those who wait look again. */
  look(): void {
    for (const look of [...this.#looks]) look();
  }

  /** Resolves when `done` answers true, the time is over, or the caller gives up: look yourself what it was. Never rejects. */
  until(done: () => boolean, { withinMs, signal }: WaitLimits): Promise<void> {
    if (done() || signal.aborted) return Promise.resolve();
    const { promise, resolve } = Promise.withResolvers<void>();
    let cancelAgain = (): void => undefined;
    const end = (): void => {
      this.#looks.delete(look);
      signal.removeEventListener('abort', end);
      cancelEnd();
      cancelAgain();
      resolve();
    };
    const look = (): void => {
      if (done()) end();
    };
    const again = (): void => {
      cancelAgain = this.#clock.after(LOOK_AGAIN_MS, () => {
        again();
        look();
      });
    };
    this.#looks.add(look);
    signal.addEventListener('abort', end, { once: true });
    const cancelEnd = this.#clock.after(withinMs, end);
    again();
    return promise;
  }
}
