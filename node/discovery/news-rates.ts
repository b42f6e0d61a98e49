import { RateLimiter, type RateLimit } from '../../src/routing/index.ts';

/** Hints that one publisher, or one peer over its link, brings. Each costs the check of a signature. */
const BROUGHT: RateLimit = { perMinute: 600, burst: 200 };
/** What a node that was met has to tell: each may be a question to it, a catalogue made anew, and work on disk. */
const OF_NODE: RateLimit = { perMinute: 30, burst: 30 };
/** Of all together that nobody has met: PeerIds cost nothing to invent. */
const OF_STRANGERS: RateLimit = { perMinute: 60, burst: 32 };
const MAX_NODES = 2_048;

/** How often what is said of descriptors is worth work. Answers 0, or the milliseconds after which it will be again. */
export class NewsRates {
  readonly #brought = new RateLimiter({ maxKeys: MAX_NODES });
  readonly #nodes = new RateLimiter({ maxKeys: MAX_NODES });
  readonly #strangers = new RateLimiter({ maxKeys: 1 });

  broughtBy(from: string, nowMs: number): number {
    return this.#brought.take(from, BROUGHT, nowMs);
  }

  ofNode(nodeId: string, nowMs: number): number {
    return this.#nodes.take(nodeId, OF_NODE, nowMs);
  }

  ofStrangers(nowMs: number): number {
    return this.#strangers.take('', OF_STRANGERS, nowMs);
  }
}
