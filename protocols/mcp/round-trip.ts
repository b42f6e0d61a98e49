import { LIMITS } from './schema.ts';

const WEIGHT = 0.2;

/** When to ping, and how long answers take: an exponentially weighted average. */
export class RoundTrip {
  #nonce = 0;
  #sentAt = Number.NEGATIVE_INFINITY;
  #averageMs: number | undefined;

  get averageMs(): number | undefined {
    return this.#averageMs;
  }

  /** The nonce of a ping to send now, if one is due. */
  begin(now: number, everyMs: number = LIMITS.pingEveryMs): number | undefined {
    if (now - this.#sentAt < everyMs) return undefined;
    this.#sentAt = now;
    this.#nonce = (this.#nonce + 1) >>> 0;
    return this.#nonce;
  }

  /** Only the answer to the latest ping counts. */
  finish(nonce: number, now: number): void {
    if (nonce !== this.#nonce) return;
    const tookMs = now - this.#sentAt;
    this.#averageMs = this.#averageMs === undefined ? tookMs : this.#averageMs + WEIGHT * (tookMs - this.#averageMs);
  }
}
