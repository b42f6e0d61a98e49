import { type RateLimit, RateLimiter } from '../../src/routing/index.ts';
import { MOST_PEERS } from '../peers/index.ts';
import type { Brought } from '../router/index.ts';

/** Of each peer: its agents, and their tools. */
const MOST_KEYS_OF_A_PEER = 1_024;

/**
 * Buckets of what peers bring, each peer's apart: one that makes up agents, or speaks for somebody else's, uses up nothing but its own.
 * Beyond 512 peers the one that was silent longest is forgotten.
 */
export class PeerRates {
  readonly #peers = new Map<string, PeerBuckets>();
  readonly #maxPeers: number;

  constructor({ maxPeers = MOST_PEERS }: { readonly maxPeers?: number } = {}) {
    this.#maxPeers = maxPeers;
  }

  of(peer: string): Brought {
    const known = this.#peers.get(peer);
    if (known === undefined) {
      const fresh = new PeerBuckets();
      this.#peers.set(peer, fresh);
      if (this.#peers.size > this.#maxPeers) this.#peers.delete(this.#peers.keys().next().value as string);
      return fresh;
    }
    if (this.#peers.size > this.#maxPeers / 2) {
      this.#peers.delete(peer);
      this.#peers.set(peer, known);
    }
    return known;
  }
}

class PeerBuckets implements Brought {
  readonly #agents = new RateLimiter({ maxKeys: MOST_KEYS_OF_A_PEER });
  /** No agent's bucket can drive it out. */
  readonly #whole = new RateLimiter({ maxKeys: 1 });

  take(key: string, rule: RateLimit, nowMs: number): number {
    return this.#agents.take(key, rule, nowMs);
  }

  takeWhole(rule: RateLimit, nowMs: number): number {
    return this.#whole.take('peer', rule, nowMs);
  }
}
