const FIRST_MS = 250;
const LONGEST_MS = 30_000;
const HEALTHY_MS = 60_000;

/** How long to wait before the next start: doubling from 250 ms to 30 s, half of it by chance, anew after a healthy minute. */
export class Backoff {
  #failures = 0;

  /** `ranForMs`: how long the server had been healthy; `chance`: 0 … 1. Answers milliseconds. */
  next(ranForMs: number, chance: number): number {
    if (ranForMs >= HEALTHY_MS) this.#failures = 0;
    const ceiling = Math.min(LONGEST_MS, FIRST_MS * 2 ** this.#failures);
    this.#failures = Math.min(this.#failures + 1, 16);
    return Math.round(ceiling / 2 + (ceiling / 2) * chance);
  }
}
