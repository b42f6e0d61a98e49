/** What a node bears at a look, each against what it should bear: 1 is the most. */
export interface Pressure {
  /** How late the event loop is. */
  readonly delay: number;
  /** Calls in flight. */
  readonly inFlight: number;
  readonly memory: number;
}

const NONE = 0;
/** READ_ONLY is shed at 1, GOVERNANCE at 4; EMERGENCY never is. */
const HIGHEST = 4;
/** Looks in a row above 1 that shed one level more, and below `EASED` that let one in again. */
const RAISED_AFTER = 3;
const EASED_AFTER = 8;
const EASED = 0.7;

/**
 * How many levels a node turns away, the lowest first. One level more after three looks under pressure, one less after eight at
 * ease, none in between: it doesn't flutter. Looks come at even distances.
 */
export class Shedding {
  #shed = NONE;
  #above = 0;
  #below = 0;

  /** Levels turned away now: 0 to 4, counted from the lowest. */
  get levels(): number {
    return this.#shed;
  }

  /** One look; whether the number of levels changed. */
  look({ delay, inFlight, memory }: Pressure): boolean {
    const most = Math.max(delay, inFlight, memory);
    this.#above = most >= 1 ? this.#above + 1 : 0;
    this.#below = most < EASED ? this.#below + 1 : 0;
    if (this.#above >= RAISED_AFTER && this.#shed < HIGHEST) return this.#move(1);
    if (this.#below >= EASED_AFTER && this.#shed > NONE) return this.#move(-1);
    return false;
  }

  #move(by: 1 | -1): true {
    this.#shed += by;
    this.#above = 0;
    this.#below = 0;
    return true;
  }
}
