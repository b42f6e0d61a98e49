import type { RateLimiter } from '../src/routing/index.ts';

/** The last source and its key: the same text made anew would be hashed anew for each request. */
let last = { ip: '', key: 'source ' };

/** 0: go on; else milliseconds. The whole node has a bucket too, after the source's own. */
export function sourceLimit(
  rates: RateLimiter,
  ip: string,
  limits: { readonly perSourcePerMinute: number; readonly perNodePerSecond: number },
): number {
  const now = performance.now();
  const { perSourcePerMinute, perNodePerSecond } = limits;
  if (last.ip !== ip) last = { ip, key: `source ${ip}` };
  const ofSource = rates.take(last.key, { perMinute: perSourcePerMinute, burst: perSourcePerMinute }, now);
  if (ofSource > 0) return ofSource;
  return rates.take('node', { perMinute: perNodePerSecond * 60, burst: perNodePerSecond }, now);
}
