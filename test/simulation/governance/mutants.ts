import { type Mutant, simulate } from './run.ts';

/** Every rule of which the village must fail without, with a seed that shows it. */
export const MUTANTS: readonly (Mutant & { readonly seed: number })[] = [
  { where: 'ledger', rule: 'commits-decide', seed: 0 },
  { where: 'ledger', rule: 'approval-dominates', seed: 14 },
  { where: 'ledger', rule: 'evidence-of-every-value', seed: 16 },
  { where: 'ledger', rule: 'repeats-when-wanted', seed: 24 },
  { where: 'ledger', rule: 'type-is-computed', seed: 0 },
  { where: 'ledger', rule: 'epoch-binds', seed: 42 },
  { where: 'ledger', rule: 'support-orders', seed: 10 },
  { where: 'ledger', rule: 'compare-and-set', seed: 1 },
  { where: 'ledger', rule: 'fence-closes', seed: 6 },
  { where: 'ledger', rule: 'closing-waits', seed: 4 },
  { where: 'ledger', rule: 'two-to-remove', seed: 68 },
  { where: 'ledger', rule: 'intent-first', seed: 5 },
  { where: 'ledger', rule: 'cut-off', seed: 42 },
  { where: 'ledger', rule: 'one-fence', seed: 6 },
  { where: 'ledger', rule: 'log-order', seed: 38 },
  { where: 'ledger', rule: 'overlay-floors', seed: 254 },
  { where: 'ledger', rule: 'overlay-binds-base', seed: 66 },
  { where: 'ledger', rule: 'ratification-lapses', seed: 39 },
  { where: 'ledger', rule: 'taken-back-stays', seed: 74 },
  { where: 'ledger', rule: 'one-hold-a-target', seed: 12 },
  { where: 'ledger', rule: 'homes-are-exempt', seed: 3 },
  { where: 'ledger', rule: 'held-keep-their-vote', seed: 3 },
  { where: 'ledger', rule: 'epoch-ends-overlay', seed: 4 },
  { where: 'signing', rule: 'write-once', seed: 0 },
  { where: 'signing', rule: 'slot-lock', seed: 22 },
  { where: 'signing', rule: 'slot-release', seed: 39 },
  { where: 'signing', rule: 'stale-base', seed: 1 },
  { where: 'signing', rule: 'support-first', seed: 0 },
  { where: 'signing', rule: 'own-deadline', seed: 3 },
  { where: 'signing', rule: 'bounded-deadline', seed: 28 },
  { where: 'signing', rule: 'frozen-after-fence', seed: 40 },
  { where: 'signing', rule: 'recover-waits', seed: 104 },
  { where: 'signing', rule: 'fence-without', seed: 222 },
  { where: 'disk', rule: 'own-log-first', seed: 341 },
  { where: 'disk', rule: 'persist-first', seed: 28 },
  { where: 'disk', rule: 'own-disk', seed: 9 },
  { where: 'disk', rule: 'sync-forwards', seed: 2 },
  { where: 'disk', rule: 'journal-first', seed: 151 },
];

/** The first seed from `first` at which the village fails without the rule. */
export function killerOf(
  mutant: Mutant,
  { first, limit }: { first: number; limit: number },
): { seed: number; what: string } | undefined {
  for (let seed = first; seed < first + limit; seed += 1) {
    const { violation } = simulate(seed, mutant);
    if (violation !== undefined) return { seed, what: violation.what };
  }
  return undefined;
}
