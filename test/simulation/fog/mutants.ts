import type { Mutant } from './run.ts';

/** Every rule of which the village must fail without, with a seed that shows it. */
export const MUTANTS: readonly (Mutant & { readonly seed: number })[] = [
  { where: 'machines', rule: 'journal-first', seed: 17 },
  { where: 'machines', rule: 'lease-from-send', seed: 15 },
  { where: 'machines', rule: 'reclaim-margin', seed: 295 },
  { where: 'machines', rule: 'fence-waits', seed: 0 },
  { where: 'machines', rule: 'stops-at-lease-end', seed: 0 },
  { where: 'machines', rule: 'restart-waits', seed: 1 },
  { where: 'machines', rule: 'fence-rises', seed: 5 },
  { where: 'machines', rule: 'bound-to-boot', seed: 34 },
  { where: 'machines', rule: 'room-is-checked', seed: 11 },
  { where: 'machines', rule: 'booked-until-exit', seed: 2 },
  { where: 'machines', rule: 'answered-from-table', seed: 0 },
  { where: 'machines', rule: 'vote-is-checked', seed: 5 },
  { where: 'world', rule: 'guard', seed: 2 },
  { where: 'world', rule: 'boottime', seed: 2 },
  { where: 'world', rule: 'sweep-first', seed: 0 },
];
