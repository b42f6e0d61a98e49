import type { FogClock } from './ports.ts';

/** However far away the next instant is said to be, it is looked at again: the machine may have slept, and timers with it. */
const LONGEST_MS = 1_000;

/** Calls `tick` when the machine's next instant has come, on the boot-time clock. */
export class Ticker {
  readonly #clock: Pick<FogClock, 'boottimeMs' | 'after'>;
  readonly #tick: () => void;
  #cancel: (() => void) | undefined;
  #dueMs = Number.POSITIVE_INFINITY;
  #stopped = true;

  constructor(clock: Pick<FogClock, 'boottimeMs' | 'after'>, tick: () => void) {
    this.#clock = clock;
    this.#tick = tick;
  }

  start(dueMs: number | undefined): void {
    this.#stopped = false;
    this.schedule(dueMs);
  }

  /** `dueMs`: when there is something to do next; undefined: not known of. */
  schedule(dueMs: number | undefined): void {
    if (this.#stopped) return;
    const now = this.#clock.boottimeMs();
    const due = Math.min(dueMs ?? Number.POSITIVE_INFINITY, now + LONGEST_MS);
    if (this.#cancel !== undefined && this.#dueMs <= due && this.#dueMs > now) return;
    this.#cancel?.();
    this.#dueMs = due;
    this.#cancel = this.#clock.after(Math.max(1, due - now), () => {
      this.#cancel = undefined;
      if (!this.#stopped) this.#tick();
    });
  }

  stop(): void {
    this.#stopped = true;
    this.#cancel?.();
    this.#cancel = undefined;
  }
}
