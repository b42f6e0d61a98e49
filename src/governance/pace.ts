/** So many at once, then one in so long. */
const BURST = 10_000;
const MS_PER_STATEMENT = 10_000;
/** How far ahead of ours a signer's clock may make its log grow. */
export const MAX_AHEAD_MS = 24 * 3_600_000;

/** How long a voter's log may be when the village is `ageMs` old. */
export function longestLog(ageMs: number): number {
  return BURST + Math.max(0, ageMs) / MS_PER_STATEMENT;
}
