import { type Mutant, simulate } from './run.ts';

/** Every rule of which the village must fail without, with a seed that shows it. */
export const MUTANTS: readonly (Mutant & { readonly seed: number })[] = [
  { where: 'ledger', rule: 'commits-decide', seed: 1 },
  { where: 'ledger', rule: 'approval-dominates', seed: 16 },
  { where: 'ledger', rule: 'evidence-of-every-value', seed: 126 },
  { where: 'ledger', rule: 'repeats-when-wanted', seed: 53 },
  { where: 'ledger', rule: 'type-is-computed', seed: 14 },
  { where: 'ledger', rule: 'epoch-binds', seed: 10882 },
  { where: 'ledger', rule: 'support-orders', seed: 253 },
  { where: 'ledger', rule: 'compare-and-set', seed: 1 },
  { where: 'ledger', rule: 'fence-closes', seed: 802 },
  { where: 'ledger', rule: 'closing-waits', seed: 144 },
  { where: 'ledger', rule: 'two-to-remove', seed: 110 },
  { where: 'ledger', rule: 'intent-first', seed: 19 },
  { where: 'ledger', rule: 'cut-off', seed: 0 },
  { where: 'ledger', rule: 'one-fence', seed: 0 },
  { where: 'ledger', rule: 'log-order', seed: 422 },
  { where: 'ledger', rule: 'overlay-floors', seed: 100 },
  { where: 'ledger', rule: 'overlay-binds-base', seed: 2 },
  { where: 'ledger', rule: 'ratification-lapses', seed: 10 },
  { where: 'ledger', rule: 'taken-back-stays', seed: 128 },
  { where: 'ledger', rule: 'one-hold-a-target', seed: 10 },
  { where: 'ledger', rule: 'homes-are-exempt', seed: 3 },
  { where: 'ledger', rule: 'held-keep-their-vote', seed: 3 },
  { where: 'ledger', rule: 'epoch-ends-overlay', seed: 9 },
  { where: 'signing', rule: 'write-once', seed: 5 },
  { where: 'signing', rule: 'slot-lock', seed: 39 },
  { where: 'signing', rule: 'slot-release', seed: 33 },
  { where: 'signing', rule: 'stale-base', seed: 1 },
  { where: 'signing', rule: 'support-first', seed: 0 },
  { where: 'signing', rule: 'own-deadline', seed: 3 },
  { where: 'signing', rule: 'bounded-deadline', seed: 21 },
  { where: 'signing', rule: 'frozen-after-fence', seed: 9 },
  { where: 'signing', rule: 'recover-waits', seed: 19 },
  { where: 'signing', rule: 'fence-without', seed: 67 },
  { where: 'disk', rule: 'own-log-first', seed: 41 },
  { where: 'disk', rule: 'persist-first', seed: 22 },
  { where: 'disk', rule: 'own-disk', seed: 4 },
  { where: 'disk', rule: 'sync-forwards', seed: 0 },
  { where: 'disk', rule: 'journal-first', seed: 0 },
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
