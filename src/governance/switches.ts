/**
 * Rules that can be switched off, for the simulator alone: it shows that each is needed by failing without it. A village
 * runs with all of them.
 */
export type Rule =
  | 'commits-decide'
  | 'approval-dominates'
  | 'evidence-of-every-value'
  | 'repeats-when-wanted'
  | 'type-is-computed'
  | 'epoch-binds'
  | 'support-orders'
  | 'compare-and-set'
  | 'fence-closes'
  | 'closing-waits'
  | 'two-to-remove'
  | 'intent-first'
  | 'cut-off'
  | 'one-fence'
  | 'crowded-is-unheard'
  | 'log-order'
  | 'overlay-floors'
  | 'overlay-binds-base'
  | 'ratification-lapses'
  | 'taken-back-stays'
  | 'one-hold-a-target'
  | 'homes-are-exempt'
  | 'held-keep-their-vote'
  | 'epoch-ends-overlay';

export type Switches = ReadonlySet<Rule>;
export const ALL_RULES: Switches = new Set();
