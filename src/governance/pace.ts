/** So many at once, then one in so long. */
const BURST = 10_000;
const MS_PER_STATEMENT = 10_000;
/** How far ahead of ours a signer's clock may make its log grow. */
export const MAX_AHEAD_MS = 24 * 3_600_000;

const BYTES_BURST = 32 * 1024 * 1024;
const BYTES_PER_MS = 0.1;

/** How many bytes of a voter's log are kept by this clock. What is beyond waits. */
export function largestLog(ageMs: number): number {
  return BYTES_BURST + Math.max(0, ageMs) * BYTES_PER_MS;
}

/** How long a voter's log may be when the village is `ageMs` old. */
export function longestLog(ageMs: number): number {
  return BURST + Math.max(0, ageMs) / MS_PER_STATEMENT;
}
