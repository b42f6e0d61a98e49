import { LIMITS } from './schema.ts';

/**
 * Whether a peer that owes answers has stopped to speak. Looked at every `LIMITS.watchEveryMs`; counted in looks rather than in time
 * alone, since this process reads its sockets between two of them: one that stood still itself does not blame its peers for that.
 */
export class Silence {
  #looks = 0;
  #heardAt = Number.NEGATIVE_INFINITY;
  #silent = false;

  get silent(): boolean {
    return this.#silent;
  }

  /** Whether a ping is due now. `isOwed`: something was asked of the peer that it has not answered. */
  look(now: number, heardAt: number, isOwed: boolean): boolean {
    if (heardAt > this.#heardAt) {
      this.#heardAt = heardAt;
      this.#silent = false;
      this.#looks = 0;
    }
    if (this.#silent) return false;
    if (!isOwed || now - heardAt < LIMITS.quietMs) {
      this.#looks = 0;
      return false;
    }
    this.#looks += 1;
    this.#silent = this.#looks > LIMITS.silentAfterLooks && now - heardAt >= LIMITS.silentAfterMs;
    return this.#looks === 1;
  }
}
