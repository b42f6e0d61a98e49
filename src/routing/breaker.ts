export interface BreakerRules {
  /** This many failures in a row open it. */
  readonly failures: number;
  /** How long it stays open before one trial call. */
  readonly openMs: number;
  readonly maxOpenMs: number;
}

const RULES: BreakerRules = { failures: 5, openMs: 1_000, maxOpenMs: 30_000 };

/** Keeps calls from a replica that fails: closed → open after failures in a row → one trial → closed, or open for twice as long. */
export class Breaker {
  readonly #rules: BreakerRules;
  #failures = 0;
  #openMs: number;
  #openUntil = 0;
  #openedAt = 0;
  #state: 'closed' | 'open' | 'half-open' = 'closed';

  constructor(rules: BreakerRules = RULES) {
    this.#rules = rules;
    this.#openMs = rules.openMs;
  }

  get state(): 'closed' | 'open' | 'half-open' {
    return this.#state;
  }

  /** Since when calls are kept away, trials aside; undefined: they are not. */
  get openSince(): number | undefined {
    return this.#state === 'closed' ? undefined : this.#openedAt;
  }

  /** Whether a call may go now. Asking changes nothing; `begin` takes the trial. */
  allows(now: number): boolean {
    return this.#state === 'closed' || now >= this.#openUntil;
  }

  /** A call goes: while open, it is the trial, and no other goes until it ended or its time is over. */
  begin(now: number): void {
    if (this.#state === 'closed') return;
    this.#state = 'half-open';
    this.#openUntil = now + this.#openMs;
  }

  succeeded(): void {
    this.#state = 'closed';
    this.#failures = 0;
    this.#openMs = this.#rules.openMs;
  }

  failed(now: number): void {
    this.#failures += 1;
    if (this.#state === 'half-open') this.#openMs = Math.min(this.#openMs * 2, this.#rules.maxOpenMs);
    if (this.#state !== 'half-open' && this.#failures < this.#rules.failures) return;
    if (this.#state === 'closed') this.#openedAt = now;
    this.#state = 'open';
    this.#openUntil = now + this.#openMs;
  }
}
