/** So many statements at once, then one in so long. */
const BURST = 10_000;
const MS_PER_STATEMENT = 10_000;
const BYTES_BURST = 32 * 1024 * 1024;
const BYTES_PER_MS = 0.1;
/** How far ahead of ours a signer's clock may make its log grow. */
const MAX_AHEAD_MS = 24 * 3_600_000;

export interface Pace {
  /** By the signer's own clock it is more than its log may hold by then. */
  readonly isImpossible: boolean;
  /** By our clock the log may not be as long yet. */
  readonly isEarly: boolean;
  /** How much of the log is kept by our clock. */
  readonly maxBytes: number;
}

/** How fast a voter's log may grow in a village born at `bornMs`. */
export function paceAt(
  { bornMs, nowMs }: { readonly bornMs: number; readonly nowMs: number },
  { seq, ts }: { readonly seq: number; readonly ts: number },
): Pace {
  const longest = (ageMs: number): number => BURST + Math.max(0, ageMs) / MS_PER_STATEMENT;
  const ageMs = nowMs + MAX_AHEAD_MS - bornMs;
  return {
    isImpossible: seq > longest(ts - bornMs),
    isEarly: seq > longest(ageMs),
    maxBytes: BYTES_BURST + Math.max(0, ageMs) * BYTES_PER_MS,
  };
}
