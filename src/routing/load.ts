/** How far one new measurement moves the average of those that came shortly before it. */
const WEIGHT = 0.2;
/** Of what was measured, while nothing new is. */
const HALF_LIFE_MS = 5_000;
/** A pause so short takes nothing from it. */
const FRESH_MS = 1_000;

/** What one replica costs just now: answer time as a moving average, and calls in flight. */
export class Load {
  readonly #guessMs: number;
  #ewmaMs: number;
  #inFlight = 0;

  /** `guessMs`: what to believe before anything was measured. */
  constructor(guessMs: number) {
    this.#guessMs = guessMs;
    this.#ewmaMs = guessMs;
  }

  get ewmaMs(): number {
    return this.#ewmaMs;
  }

  get inFlight(): number {
    return this.#inFlight;
  }

  begin(): void {
    this.#inFlight += 1;
  }

  /**
   * A call ended after `tookMs`; undefined: it says nothing about the replica (cancelled, never started). `restedMs`: for how long none
   * was in flight before it. What was known then is old, and counts for as much as it did when the call was given.
   */
  end(tookMs: number | undefined, restedMs = 0): void {
    this.#inFlight -= 1;
    if (tookMs === undefined) return;
    const left = remaining(restedMs);
    const known = this.#ewmaMs * left;
    this.#ewmaMs = known + (tookMs - known) * Math.max(WEIGHT, 1 - left);
  }

  /** What was measured is no guide any more. */
  forget(): void {
    this.#ewmaMs = this.#guessMs;
  }

  /** Expected wait of one more call, in milliseconds, after `restedMs` without any: less and less of what was measured before. */
  cost(restedMs = 0): number {
    return this.#ewmaMs * remaining(restedMs) * (this.#inFlight + 1);
  }
}

/** What is left of a measurement after a pause, 0 to 1. */
function remaining(restedMs: number): number {
  return restedMs > FRESH_MS ? 2 ** (-restedMs / HALF_LIFE_MS) : 1;
}
