import { rateKeys, type RateLimiter } from '../src/routing/index.ts';

const sourceKey = rateKeys('source');

/** 0: go on; else milliseconds. The whole node has a bucket too, after the source's own. */
export function sourceLimit(
  rates: RateLimiter,
  ip: string,
  limits: { readonly perSourcePerMinute: number; readonly perNodePerSecond: number },
): number {
  const now = performance.now();
  const { perSourcePerMinute, perNodePerSecond } = limits;
  const ofSource = rates.take(sourceKey(ip), { perMinute: perSourcePerMinute, burst: perSourcePerMinute }, now);
  if (ofSource > 0) return ofSource;
  return rates.take('node', { perMinute: perNodePerSecond * 60, burst: perNodePerSecond }, now);
}
