/**
 * Rules that can be switched off, for the simulator alone: it shows that each is needed by failing without it. A village
 * runs with all of them.
 */
export type FogRule =
  | 'journal-first'
  | 'lease-from-send'
  | 'reclaim-margin'
  | 'fence-waits'
  | 'stops-at-lease-end'
  | 'restart-waits'
  | 'fence-rises'
  | 'bound-to-boot'
  | 'room-is-checked'
  | 'booked-until-exit'
  | 'answered-from-table'
  | 'vote-is-checked';

export type FogSwitches = ReadonlySet<FogRule>;
