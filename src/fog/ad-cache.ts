import type { FogAd } from './ad.ts';

/** An advertisement as it is kept. */
export interface KnownAd {
  readonly ad: FogAd;
  /** Boot-time clock of whoever keeps it. */
  readonly receivedMs: number;
  /** Lives of the node that a later one took the place of. */
  readonly former: readonly string[];
  /** A former life spoke again: two machines have one key. */
  readonly copied: boolean;
}

const MAX_FORMER = 4;

export type AdRefusal = 'stale' | 'full';

/** The newest `(bootSeq, seq)` of a node is kept; of one life that is over only the fact. Signatures are checked before. */
export function acceptAd(
  ads: ReadonlyMap<string, KnownAd>,
  { ad, nowMs, maxAds }: { ad: FogAd; nowMs: number; maxAds: number },
): ReadonlyMap<string, KnownAd> | AdRefusal {
  const known = ads.get(ad.node);
  if (known !== undefined && !isExpired(known, nowMs)) {
    const fresh = known.ad.instance === ad.instance;
    if (known.former.includes(ad.instance) && ad.ts > known.ad.ts && !known.copied)
      return new Map(ads).set(ad.node, { ...known, copied: true });
    if (!isNewer(ad, known.ad)) return 'stale';
    const former = fresh ? known.former : [...known.former, known.ad.instance].slice(-MAX_FORMER);
    return new Map(ads).set(ad.node, { ad, receivedMs: nowMs, former, copied: known.copied });
  }
  const kept = new Map([...ads].filter(([, one]) => !isExpired(one, nowMs)));
  if (kept.size >= maxAds) return 'full';
  return kept.set(ad.node, { ad, receivedMs: nowMs, former: [], copied: false });
}

function isNewer(ad: FogAd, than: FogAd): boolean {
  return ad.bootSeq > than.bootSeq || (ad.bootSeq === than.bootSeq && ad.seq > than.seq);
}

export function isExpired({ ad, receivedMs }: KnownAd, nowMs: number): boolean {
  return receivedMs + ad.ttlMs <= nowMs;
}

/** A share of what a node has, in thousandths, beyond which a change of what is free is news. */
const NEWS = 100;

/** When the next advertisement is due after one at `sentMs`. `chance`: 0 to 1. */
export function nextAdMs(
  { sentMs, sent, now }: { sentMs: number; sent: FogAd; now: FogAd },
  { everyMs, soonestMs, chance }: { everyMs: number; soonestMs: number; chance: number },
): number {
  if (isNews(sent, now)) return sentMs + soonestMs;
  return sentMs + Math.round(everyMs * (0.8 + 0.4 * chance));
}

function isNews(sent: FogAd, now: FogAd): boolean {
  if (sent.draining !== now.draining || sent.instance !== now.instance) return true;
  if (sent.power.source !== now.power.source || sent.thermal !== now.thermal) return true;
  if (sent.runtimes.join() !== now.runtimes.join()) return true;
  const dimensions = ['cpuMilli', 'memMib', 'diskMib', 'gpus'] as const;
  return dimensions.some((what) => Math.abs(sent.free[what] - now.free[what]) * 1000 > now.cap[what] * NEWS);
}
