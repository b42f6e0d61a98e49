import type { Choice } from './body.ts';

/** Rising order; an epoch's outcomes only rise. `dropped`: its epoch closed first. */
export type Outcome = 'open' | 'rejected' | 'approved_override' | 'approved' | 'dropped' | 'invalid';

export interface Count {
  /** How many may commit. */
  readonly voters: number;
  /** How many approvals it takes. */
  readonly required: number;
}

/**
 * The outcome of what each voter's register is known to hold: for an honest voter one value, for an equivocator up to
 * three. Monotone: more facts never lower it, so every observer ends at the same.
 */
export function outcomeOf(registers: Iterable<ReadonlySet<Choice>>, { voters, required }: Count): Outcome {
  let approvals = 0;
  let others = 0;
  for (const values of registers) {
    if (values.has('approve')) approvals += 1;
    if (values.has('reject') || values.has('abstain')) others += 1;
  }
  if (approvals >= required) return 'approved';
  return others >= voters - required + 1 ? 'rejected' : 'open';
}
