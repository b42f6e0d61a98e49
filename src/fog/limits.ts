import type { Mode } from './spec.ts';

/** Bounds and waits of a node, all configurable. Times in milliseconds on the boot-time clock. */
export interface Limits {
  /** Nodes asked at once: max(min, ceil(log2 n)), at most max; doubled each round. */
  readonly minAsked: number;
  readonly maxAsked: number;
  readonly rounds: number;
  readonly cfpPerSecond: number;
  readonly cfpBurst: number;
  readonly offerWaitMs: number;
  readonly offerValidMs: number;
  /** How long an answer to Reserve, Accept, Cancel, Query and Release is waited for before it is asked again. */
  readonly answerWaitMs: number;
  readonly retries: number;
  readonly holdMs: number;
  readonly maxHoldMs: number;
  readonly heldPerPeer: number;
  /** Thousandths of the node that one peer may hold. */
  readonly heldShare: number;
  readonly leaseMs: number;
  readonly renewEveryMs: number;
  /** Silence after which a slot is suspect; a share of its lease, in thousandths. */
  readonly suspectShare: number;
  /** The same of what may overlap: sooner, for it only has to be replaced. */
  readonly suspectOverlapShare: number;
  /** Before the end of its lease a node stops serving. */
  readonly guardMs: number;
  /** Beyond a lease its owner waits: thousandths of it, and milliseconds. Covers clocks up to 1 % wrong either way. */
  readonly reclaimShare: number;
  readonly reclaimMs: number;
  readonly startMs: number;
  readonly restarts: number;
  readonly restartWindowMs: number;
  readonly backoffMinMs: number;
  readonly backoffMaxMs: number;
  readonly graceMs: number;
  readonly preemptGraceMs: number;
  /** A placement is a victim at most once in that time; a node preempts at most that many for one request. */
  readonly preemptEveryMs: number;
  readonly maxVictims: number;
  readonly drainMs: number;
  /** Attempts of a slot that may fail one after another before it has failed. */
  readonly attempts: number;
  readonly blockedMinMs: number;
  readonly blockedMaxMs: number;
  readonly penaltyMs: number;
  readonly slotsPerDeployment: number;
  readonly maxShards: number;
  readonly tombstoneMs: number;
  readonly maxTombstones: number;
  readonly history: number;
  readonly adTtlMs: number;
  readonly adEveryMs: number;
  readonly adSoonestMs: number;
  readonly maxAds: number;
}

/** Not of the machines: what a node bounds besides. */
export const MAX_MESSAGE_BYTES = 64 * 1024;
export const MAX_ARTIFACT_BYTES = 16 * 1024 * 1024;
export const MAX_LOG_BYTES = 1024 * 1024;

export const LIMITS: Limits = {
  minAsked: 2,
  maxAsked: 8,
  rounds: 3,
  cfpPerSecond: 5,
  cfpBurst: 20,
  offerWaitMs: 300,
  offerValidMs: 3_000,
  answerWaitMs: 800,
  retries: 2,
  holdMs: 10_000,
  maxHoldMs: 60_000,
  heldPerPeer: 4,
  heldShare: 250,
  leaseMs: 15_000,
  renewEveryMs: 4_000,
  suspectShare: 600,
  suspectOverlapShare: 500,
  guardMs: 500,
  reclaimShare: 1_020,
  reclaimMs: 250,
  startMs: 30_000,
  restarts: 3,
  restartWindowMs: 600_000,
  backoffMinMs: 1_000,
  backoffMaxMs: 60_000,
  graceMs: 5_000,
  preemptGraceMs: 10_000,
  preemptEveryMs: 600_000,
  maxVictims: 2,
  drainMs: 300_000,
  attempts: 8,
  blockedMinMs: 1_000,
  blockedMaxMs: 60_000,
  penaltyMs: 600_000,
  slotsPerDeployment: 64,
  maxShards: 64,
  tombstoneMs: 600_000,
  maxTombstones: 4_096,
  history: 5,
  adTtlMs: 60_000,
  adEveryMs: 20_000,
  adSoonestMs: 2_000,
  maxAds: 4_096,
};

/** Of silence of whoever holds a slot. */
export function suspectAfter(limits: Limits, mode: Mode, leaseMs: number): number {
  const share = mode === 'exclusive' ? limits.suspectShare : limits.suspectOverlapShare;
  return Math.ceil((leaseMs * share) / 1000);
}
