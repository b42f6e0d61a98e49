/** How far one new measurement moves the average. */
const WEIGHT = 0.2;

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

  /** A call ended after `tookMs`; undefined: it says nothing about the replica (cancelled, never started). */
  end(tookMs: number | undefined): void {
    this.#inFlight -= 1;
    if (tookMs !== undefined) this.#ewmaMs += (tookMs - this.#ewmaMs) * WEIGHT;
  }

  /** What was measured is no guide any more. */
  forget(): void {
    this.#ewmaMs = this.#guessMs;
  }

  /** Expected wait of one more call, in milliseconds. */
  cost(): number {
    return this.#ewmaMs * (this.#inFlight + 1);
  }
}
