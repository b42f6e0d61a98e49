/** The clocks of one machine: at up to 1 % their own speed, and one that stops in sleep. */
export class Clock {
  readonly #rate: number;
  readonly #now: () => number;
  #zeroMs: number;
  #sleptMs = 0;
  #asleepSinceMs: number | undefined;

  constructor(now: () => number, rate: number) {
    this.#now = now;
    this.#rate = rate;
    this.#zeroMs = -Math.round(1_000_000 * rate);
  }

  boottimeMs(): number {
    return (this.#now() - this.#zeroMs) * this.#rate;
  }

  monotonicMs(): number {
    const asleep = this.#asleepSinceMs === undefined ? 0 : this.#now() - this.#asleepSinceMs;
    return (this.#now() - this.#zeroMs - this.#sleptMs - asleep) * this.#rate;
  }

  /** In the world's time. */
  untilMs(ofMine: number): number {
    return ofMine / this.#rate;
  }

  sleep(): void {
    this.#asleepSinceMs = this.#now();
  }

  wake(): void {
    this.#sleptMs += this.#now() - (this.#asleepSinceMs ?? this.#now());
    this.#asleepSinceMs = undefined;
  }

  /** The machine itself starts again. */
  reset(): void {
    this.#zeroMs = this.#now();
    this.#sleptMs = 0;
    this.#asleepSinceMs = undefined;
  }
}
