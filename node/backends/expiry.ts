const TICK_MS = 25;

export interface Expiring {
  /** `performance.now()` at which it ends. */
  readonly deadlineAt: number;
  expired(): void;
}

/** Ends what waited too long, up to 25 ms late: one timer for all, running only while something waits. */
export class Expiry {
  readonly #waiting = new Set<Expiring>();
  #timer: NodeJS.Timeout | undefined;

  add(entry: Expiring): void {
    this.#waiting.add(entry);
    this.#timer ??= setInterval(() => this.#sweep(), TICK_MS);
  }

  remove(entry: Expiring): void {
    this.#waiting.delete(entry);
  }

  #sweep(): void {
    const now = performance.now();
    for (const entry of this.#waiting) {
      if (entry.deadlineAt > now) continue;
      this.#waiting.delete(entry);
      entry.expired();
    }
    if (this.#waiting.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }
}
