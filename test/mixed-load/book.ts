/** What came of one call, as its caller saw it. */
export interface CallRecord {
  readonly agentId: string;
  readonly node: string;
  readonly alias: string;
  readonly nonce: string;
  /** The arguments as JSON text, as they were sent. */
  readonly args: string;
  /** Milliseconds since the epoch. */
  readonly startMs: number;
  endMs: number;
  /** `ok`, the string code of an error, `tool-error`, `cut` for a connection that broke, or `open` while nothing came. */
  end: string;
}

const MAX_LISTED = 40;

/** Everything that was seen: violations, and how often what happened. */
export class Book {
  readonly counts = new Map<string, number>();
  readonly violations: string[] = [];
  /** Calls since the last look at the audits. */
  readonly #calls: CallRecord[] = [];
  readonly #refusedAfterMs: number[] = [];
  #violated = 0;

  count(what: string, often = 1): void {
    this.counts.set(what, (this.counts.get(what) ?? 0) + often);
  }

  violation(what: string): void {
    this.#violated += 1;
    if (this.violations.length < MAX_LISTED) this.violations.push(what);
  }

  get violated(): number {
    return this.#violated;
  }

  /** A call was refused so long after the last disturbance. */
  refused(quietMs: number): void {
    if (quietMs < 0) this.count('refused during a disturbance');
    else this.#refusedAfterMs.push(quietMs);
  }

  /** How long after a disturbance calls were still refused. */
  explained(): string {
    const after = this.#refusedAfterMs.toSorted((one, other) => one - other);
    const at = (share: number) => after[Math.min(after.length - 1, Math.floor(after.length * share))] ?? 0;
    return `refused after a disturbance: ${after.length}, half of them within ${at(0.5)} ms, the last after ${at(1)} ms`;
  }

  opened(call: CallRecord): void {
    this.#calls.push(call);
  }

  /** The calls since this was asked last. */
  take(): CallRecord[] {
    return this.#calls.splice(0);
  }
}
