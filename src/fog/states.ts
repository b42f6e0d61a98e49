/** Of a slot, at its owner. */
export const SLOT_STATES = [
  'awaiting_vote',
  'pending',
  'soliciting',
  'reserving',
  'accepting',
  'uncertain',
  'starting',
  'running',
  'suspect',
  'fenced',
  'blocked',
  'releasing',
  'released',
  'failed',
] as const;
export type SlotState = (typeof SLOT_STATES)[number];

/** Of a reservation, at the node that made it. `promised`: it waits for those that make room for it. */
export const RESERVATION_STATES = ['promised', 'held', 'committed', 'expired', 'cancelled'] as const;
export type ReservationState = (typeof RESERVATION_STATES)[number];

/**
 * Of a placement, at its node, in the order in which they come. A restart in place goes from `running` to `starting` with
 * the next `run`: (run, state) never goes back.
 */
export const PLACEMENT_STATES = ['committed', 'fetching', 'starting', 'running', 'stopping', 'stopped'] as const;
export type PlacementState = (typeof PLACEMENT_STATES)[number];

/** A slot of a deployment of an owner (a node's PeerId). */
export interface SlotId {
  readonly owner: string;
  readonly deployment: string;
  /** From 0. */
  readonly slot: number;
}

/** One text for a slot. Equal texts, equal slots: no part contains a space. */
export function slotKey({ owner, deployment, slot }: SlotId): string {
  return `${owner} ${deployment} ${slot}`;
}

/** What fences: the term (takeovers, by vote) first, then the owner's count of attempts. */
export interface Fence {
  readonly term: number;
  readonly epoch: number;
}

/** Negative: `first` is older. */
export function compareFences(first: Fence, second: Fence): number {
  return first.term - second.term || first.epoch - second.epoch;
}
