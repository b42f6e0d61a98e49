import { type RateLimit, RateLimiter } from '../../src/routing/index.ts';
import type { EventName } from './events.ts';

/** Lines of one event about one peer, and about all of them. A deployment of 64 shards moves through some 400 states. */
const OF_PEER: RateLimit = { perMinute: 120, burst: 480 };
const OF_EVENT: RateLimit = { perMinute: 1_200, burst: 2_400 };
const MAX_PEERS = 2_048;
const TELL_EVERY_MS = 10_000;

/** Lines that peers bring about faster than anybody reads are left out and counted. Time is passed in: of a clock that never steps. */
export class LeftOutLines {
  readonly #peers = new RateLimiter({ maxKeys: MAX_PEERS });
  readonly #events = new RateLimiter();
  readonly #left = new Map<EventName, number>();
  #toldMs = Number.NEGATIVE_INFINITY;

  /** Whether the line is to be written. */
  admits(name: EventName, peer: string, nowMs: number): boolean {
    const waitMs = this.#peers.take(`${name} ${peer}`, OF_PEER, nowMs) || this.#events.take(name, OF_EVENT, nowMs);
    if (waitMs > 0) this.#left.set(name, (this.#left.get(name) ?? 0) + 1);
    return waitMs === 0;
  }

  /** What was left out and not told of, now and then; with `everything` at once. */
  due(nowMs: number, { everything = false }: { readonly everything?: boolean } = {}): [EventName, number][] {
    if (this.#left.size === 0 || (!everything && nowMs - this.#toldMs < TELL_EVERY_MS)) return [];
    this.#toldMs = nowMs;
    const due = [...this.#left];
    this.#left.clear();
    return due;
  }
}
