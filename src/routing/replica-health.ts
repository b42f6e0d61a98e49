import { Breaker, type BreakerRules } from './breaker.ts';
import { Load } from './load.ts';
import type { Sibling } from './outliers.ts';

/** One that is new or came back takes its share of calls only after this time. */
const RAMP_MS = 10_000;
/** What it seems to cost at first, as a multiple. */
const STEEPEST = 10;
const FIRST_EJECTION_MS = 5_000;
const LONGEST_EJECTION_MS = 60_000;
/** So long without an ejection, and the next is short again. */
const FORGIVEN_MS = 300_000;
const ENOUGH_CALLS = 10;

/** How a call ended, as far as it says something of the replica. */
export interface Ended {
  /** undefined: nothing is to be learnt of its time. */
  readonly tookMs: number | undefined;
  readonly isFault: boolean;
}

/** Why a replica is not asked. Times on the clock of its calls. */
export type Avoided =
  | { readonly because: 'failures'; readonly sinceMs: number }
  | { readonly because: 'worse-than-its-siblings'; readonly sinceMs: number; readonly untilMs: number };

/** What is known of one replica from the calls that it was given: whether to ask it now, and what that would cost. */
export class ReplicaHealth {
  readonly #load: Load;
  readonly #breaker: Breaker;
  #calls = 0;
  #faults = 0;
  /** From when on it is (again) there for calls. */
  #sinceMs: number;
  /** When it last answered, or was first known. */
  #endedMs: number;
  /** Since when calls are in flight. */
  #busyMs: number;
  #ejectedUntilMs = Number.NEGATIVE_INFINITY;
  #ejectedAtMs = Number.NEGATIVE_INFINITY;
  #ejectionMs = FIRST_EJECTION_MS;

  constructor(options: { readonly guessMs: number; readonly rules: BreakerRules; readonly nowMs: number }) {
    this.#load = new Load(options.guessMs);
    this.#breaker = new Breaker(options.rules);
    this.#sinceMs = options.nowMs;
    this.#endedMs = options.nowMs;
    this.#busyMs = options.nowMs;
  }

  get inFlight(): number {
    return this.#load.inFlight;
  }

  allows(nowMs: number): boolean {
    return nowMs >= this.#ejectedUntilMs && this.#breaker.allows(nowMs);
  }

  /** undefined: it is asked as any other. */
  avoided(nowMs: number): Avoided | undefined {
    const { openSince: sinceMs } = this.#breaker;
    if (sinceMs !== undefined) return { because: 'failures', sinceMs };
    if (nowMs >= this.#ejectedUntilMs) return undefined;
    return { because: 'worse-than-its-siblings', sinceMs: this.#ejectedAtMs, untilMs: this.#ejectedUntilMs };
  }

  /**
   * Expected wait of one more call, made dearer while it is new or just came back: its first calls may be slow ones. What was measured
   * long ago counts for less and less, so that nobody is left alone for ever for what it once was; whoever was, is given one call to
   * show what it is now, and until that ends seems as dear as it was.
   */
  cost(nowMs: number): number {
    const known = this.#load.cost(this.#load.inFlight === 0 ? nowMs - this.#endedMs : 0);
    const age = nowMs - this.#sinceMs;
    return age >= RAMP_MS ? known : known * (STEEPEST - (STEEPEST - 1) * Math.max(0, age / RAMP_MS));
  }

  begin(nowMs: number): void {
    if (this.#load.inFlight === 0) this.#busyMs = nowMs;
    this.#load.begin();
    this.#breaker.begin(nowMs);
  }

  ended({ tookMs, isFault }: Ended, nowMs: number): void {
    this.#load.end(isFault ? undefined : tookMs, this.#busyMs - this.#endedMs);
    this.#endedMs = nowMs;
    this.#calls += 1;
    if (isFault) {
      this.#faults += 1;
      this.#breaker.failed(nowMs);
      return;
    }
    if (this.#breaker.state !== 'closed') this.#sinceMs = nowMs;
    this.#breaker.succeeded();
  }

  /** The call was given up by who made it: that says nothing of the replica. */
  abandoned(): void {
    this.#load.end(undefined);
  }

  /** It is there again, after it was drained or its node gone. */
  returned(nowMs: number): void {
    this.#sinceMs = nowMs;
  }

  /** How it did of late. */
  standing(nowMs: number): Sibling {
    const { ewmaMs } = this.#load;
    return { calls: this.#calls, faults: this.#faults, ewmaMs, isEjected: nowMs < this.#ejectedUntilMs };
  }

  /** What was counted weighs half from here on, once it is enough to judge by. */
  decay(): void {
    if (this.#calls < ENOUGH_CALLS) return;
    this.#calls /= 2;
    this.#faults /= 2;
  }

  /** It does worse than its siblings: it is not asked for a while, each time for longer. */
  eject(nowMs: number): void {
    if (nowMs - this.#ejectedUntilMs > FORGIVEN_MS) this.#ejectionMs = FIRST_EJECTION_MS;
    this.#ejectedAtMs = nowMs;
    this.#ejectedUntilMs = nowMs + this.#ejectionMs;
    this.#ejectionMs = Math.min(this.#ejectionMs * 2, LONGEST_EJECTION_MS);
    this.#sinceMs = this.#ejectedUntilMs;
    // Its old times would have it ejected again for what it did before.
    this.#load.forget();
    this.#endedMs = nowMs;
    this.#calls = 0;
    this.#faults = 0;
  }
}
