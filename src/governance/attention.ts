/** Two clocks of a voter's own machine: what the wall says, and what only ever runs forward. */
export interface SigningClock {
  readonly wallMs: number;
  readonly monoMs: number;
}

/**
 * What a voter's node remembers of when it saw things, while it runs. Never written down: to forget it makes a node wait
 * longer, and late is harmless where early is not.
 */
export class Attention {
  readonly #seen = new Map<string, SigningClock>();

  /** When this was first noticed; now, if it is new. */
  since(name: string, clock: SigningClock): SigningClock {
    const seen = this.#seen.get(name);
    if (seen !== undefined) return seen;
    this.#seen.set(name, clock);
    return clock;
  }

  /** It is so no longer: the next time counts from then. */
  forget(name: string): void {
    this.#seen.delete(name);
  }

  /** Keeps what is still asked about. */
  keepOnly(names: ReadonlySet<string>): void {
    for (const name of this.#seen.keys()) if (!names.has(name)) this.#seen.delete(name);
  }
}
