/** Why nothing was placed, or what was placed is gone. `retryable`: the same request may succeed later, unchanged. */
export const REFUSALS = {
  NO_CANDIDATE: { retryable: true },
  INSUFFICIENT: { retryable: true },
  REFUSED_POLICY: { retryable: false },
  DRAINING: { retryable: true },
  LOW_POWER: { retryable: true },
  UNTRUSTED_ARTIFACT: { retryable: false },
  VOTE_REQUIRED: { retryable: false },
  CONFLICT: { retryable: false },
  STALE_EPOCH: { retryable: true },
  UNREACHABLE: { retryable: true },
  RATE_LIMITED: { retryable: true },
  START_FAILED: { retryable: true },
  OOM_KILLED: { retryable: false },
  LEASE_LOST: { retryable: true },
} as const satisfies Readonly<Record<string, { readonly retryable: boolean }>>;
export type RefusalCode = keyof typeof REFUSALS;
export const REFUSAL_CODES = Object.keys(REFUSALS) as [RefusalCode, ...RefusalCode[]];

export function isRetryable(code: RefusalCode): boolean {
  return REFUSALS[code].retryable;
}

/**
 * Why a placement ended. `exit`, `signal`, `oom`: its process, by itself. `lease`: nobody renewed. `preempted`, `drained`,
 * `power`, `policy`: its node. `released`: its owner. `superseded`: its owner has a later epoch. `lost`: its node died.
 * `start-failed`: it did not start, or not in time; `crash-loop`: it ended by itself too often.
 */
export const END_REASONS = [
  'exit',
  'signal',
  'oom',
  'lease',
  'preempted',
  'drained',
  'power',
  'policy',
  'released',
  'superseded',
  'lost',
  'start-failed',
  'crash-loop',
] as const;
export type EndReason = (typeof END_REASONS)[number];

/** How a process ended, as its guard saw it. `failed`: it could not be started, or was not ready in time. */
export type Exit =
  | { readonly kind: 'exit'; readonly code: number }
  | { readonly kind: 'signal'; readonly signal: string }
  | { readonly kind: 'oom' }
  | { readonly kind: 'lease' }
  | { readonly kind: 'failed'; readonly detail: string };
