import { FLOOD_LIMITS, type FloodLimits } from '../../src/audit/index.ts';

export interface AuditLimits {
  /** An entry that nobody waits for is on disk after at most about this long. */
  readonly lazyMs: number;
  /** Entries in memory above which `room` makes callers wait; at four times as many, entries are lost and counted. */
  readonly maxPending: number;
  /** The same in characters: entries that keep content are a hundred times as large as others. */
  readonly maxPendingText: number;
  /** How long the disk may take for a batch. */
  readonly flushDeadlineMs: number;
  readonly retryMs: number;
  readonly maxRetryMs: number;
  /** How long an entry may be without a signed head after it. */
  readonly headMs: number;
  readonly flood: FloodLimits;
}

export const LIMITS: AuditLimits = {
  lazyMs: 10,
  maxPending: 8192,
  maxPendingText: 16 * 1024 * 1024,
  flushDeadlineMs: 3_000,
  retryMs: 100,
  maxRetryMs: 5_000,
  headMs: 5_000,
  flood: FLOOD_LIMITS,
};
