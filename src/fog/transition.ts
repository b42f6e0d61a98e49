import type { Fence, SlotId } from './states.ts';

/** One change of state, for the audit log and for whoever asks why. */
export interface Transition {
  readonly atMs: number;
  readonly of: 'reservation' | 'placement' | 'slot' | 'deployment' | 'node';
  readonly id: string;
  readonly from: string;
  readonly to: string;
  /** Closed per `to`: a refusal code, an end reason, or what happened. */
  readonly because: string;
  readonly detail?: string;
  /** The other node. */
  readonly peer?: string;
  readonly slot?: SlotId;
  readonly fence?: Fence;
}
