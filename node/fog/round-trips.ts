import type { FogClock } from './ports.ts';

const MAX_OPEN = 1_024;

/** How long nodes take to answer a call for offers. */
export class RoundTrips {
  readonly #now: () => number;
  readonly #began = new Map<string, number>();

  constructor(clock: Pick<FogClock, 'now'>) {
    this.#now = () => clock.now();
  }

  began(cfpId: string): void {
    if (!this.#began.has(cfpId)) this.#began.set(cfpId, this.#now());
    if (this.#began.size > MAX_OPEN) this.#began.delete(this.#began.keys().next().value as string);
  }

  /** Milliseconds; undefined: nobody asked. */
  ended(cfpId: string): number | undefined {
    const at = this.#began.get(cfpId);
    return at === undefined ? undefined : this.#now() - at;
  }
}
