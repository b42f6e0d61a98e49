import { networkOf, RateLimiter, rateKeys } from '../../src/routing/index.ts';

interface Bounds {
  readonly perSourcePerMinute: number;
  readonly perNodePerSecond: number;
}

/** The limit of each address, of IPv6 each /64, and of all of them together. Who has many addresses drives out other addresses only. */
export class SourceLimit {
  readonly #sources = new RateLimiter();
  readonly #node = new RateLimiter({ maxKeys: 1 });
  readonly #keyOf = rateKeys('source');
  #lastIp = '';
  #lastNetwork = '';

  /** 0: go on; else milliseconds. The whole node has a bucket too, after the source's own. */
  take(ip: string, { perSourcePerMinute, perNodePerSecond }: Bounds): number {
    const now = performance.now();
    const key = this.#keyOf(this.#networkOf(ip));
    const ofSource = this.#sources.take(key, { perMinute: perSourcePerMinute, burst: perSourcePerMinute }, now);
    if (ofSource > 0) return ofSource;
    return this.#node.take('node', { perMinute: perNodePerSecond * 60, burst: perNodePerSecond }, now);
  }

  #networkOf(ip: string): string {
    if (ip !== this.#lastIp) {
      this.#lastNetwork = networkOf(ip);
      this.#lastIp = ip;
    }
    return this.#lastNetwork;
  }
}
