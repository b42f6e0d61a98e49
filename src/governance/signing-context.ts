import type { Attention, SigningClock } from './attention.ts';
import type { Ledger } from './ledger.ts';

export interface SigningContext {
  /** Its own log included: a node that may lack some of it must not ask. */
  readonly ledger: Ledger;
  readonly attention: Attention;
  readonly clock: SigningClock;
  /** Questions that the voter wants settled without waiting for support. */
  readonly final?: ReadonlySet<string> | undefined;
  /** For the simulator. */
  readonly off?: ReadonlySet<SigningRule> | undefined;
}

export type SigningRule =
  | 'write-once'
  | 'slot-lock'
  | 'slot-release'
  | 'stale-base'
  | 'support-first'
  | 'own-deadline'
  | 'frozen-after-fence'
  | 'recover-waits'
  | 'fence-without'
  | 'bounded-deadline';

/** How long a voter who may have lost the key has to be silent before the others finish without it. */
export const RECOVERY_SILENCE_MS = 72 * 3_600_000;
