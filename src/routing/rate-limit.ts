export interface RateLimit {
  /** Tokens that come back per minute; a positive integer. */
  readonly perMinute: number;
  /** Tokens a bucket holds, and starts with; a positive integer. */
  readonly burst: number;
}

export interface RateLimiterOptions {
  /** Buckets kept at one time. */
  readonly maxKeys?: number;
}

// A token is so many units that one millisecond brings `perMinute` of them: whole numbers throughout, so nothing drifts.
const UNITS_PER_TOKEN = 60_000;
const LOOKED_AT_PER_EVICTION = 16;

interface Bucket {
  units: number;
  atMs: number;
  perMinute: number;
  capacity: number;
}

/**
 * Token buckets by key (an agent, an agent and tool, a source, the node). Time is handed in: milliseconds of a clock that does
 * not go back (`performance.now()`); parts of a millisecond are left out. A key may change its limit from call to call.
 * Memory is bounded: beyond `maxKeys` a full bucket is forgotten, which changes nothing; where none is found, the fullest of a few,
 * and the newcomer inherits what it owed, so that a flood of made-up keys brings no fresh tokens.
 */
export class RateLimiter {
  readonly #maxKeys: number;
  readonly #buckets = new Map<string, Bucket>();
  #hand: Iterator<[string, Bucket]> | undefined;

  constructor(options: RateLimiterOptions = {}) {
    this.#maxKeys = options.maxKeys ?? 100_000;
  }

  /** Buckets kept now. */
  get size(): number {
    return this.#buckets.size;
  }

  /** Takes one token of `key`: 0, or the milliseconds after which there will be one. */
  take(key: string, limit: RateLimit, nowMs: number): number {
    const now = Math.floor(nowMs);
    const bucket = this.#buckets.get(key) ?? this.#newcomer(key, limit, now);
    refill(bucket, limit, now);
    if (bucket.units >= UNITS_PER_TOKEN) {
      bucket.units -= UNITS_PER_TOKEN;
      return 0;
    }
    return Math.ceil((UNITS_PER_TOKEN - bucket.units) / limit.perMinute);
  }

  #newcomer(key: string, { perMinute, burst }: RateLimit, now: number): Bucket {
    const capacity = burst * UNITS_PER_TOKEN;
    const owed = this.#buckets.size < this.#maxKeys ? 0 : this.#forgetOne(now);
    const bucket = { units: Math.max(0, capacity - owed), atMs: now, perMinute, capacity };
    this.#buckets.set(key, bucket);
    return bucket;
  }

  /** Forgets the first full bucket the clock hand meets, or the fullest of those it looked at; answers what that one owed, in units. */
  #forgetOne(now: number): number {
    let least: { readonly key: string; readonly owed: number } | undefined;
    for (let looked = 0; looked < LOOKED_AT_PER_EVICTION; looked += 1) {
      const [key, bucket] = this.#advance();
      const back = Math.max(0, now - bucket.atMs) * bucket.perMinute;
      const owed = Math.max(0, bucket.capacity - bucket.units - back);
      if (least === undefined || owed < least.owed) least = { key, owed };
      if (owed === 0) break;
    }
    if (least === undefined) return 0;
    this.#buckets.delete(least.key);
    return least.owed;
  }

  #advance(): [string, Bucket] {
    let next = this.#hand?.next();
    if (next === undefined || next.done === true) {
      this.#hand = this.#buckets.entries();
      next = this.#hand.next();
    }
    return next.value as [string, Bucket];
  }
}

function refill(bucket: Bucket, { perMinute, burst }: RateLimit, now: number): void {
  const elapsed = now - bucket.atMs;
  if (elapsed > 0) {
    // At the rate that held while the time passed: a raised limit brings nothing for the past.
    bucket.units = Math.min(bucket.capacity, bucket.units + elapsed * bucket.perMinute);
    bucket.atMs = now;
  }
  bucket.perMinute = perMinute;
  bucket.capacity = burst * UNITS_PER_TOKEN;
  if (bucket.units > bucket.capacity) bucket.units = bucket.capacity;
}
