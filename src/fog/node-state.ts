import type { Level } from '../permissions/index.ts';
import type { FogAd } from './ad.ts';
import type { Enforcement } from './enforcement.ts';
import type { Limits } from './limits.ts';
import type { ToNode, ToOwner } from './messages.ts';
import type { EndReason, Exit, RefusalCode } from './reasons.ts';
import type { Resources } from './resources.ts';
import type { Objection } from './room.ts';
import type { ShardSpec } from './spec.ts';
import type { Fence, PlacementState, ReservationState, SlotId } from './states.ts';
import type { FogSwitches } from './switches.ts';
import type { Transition } from './transition.ts';
import type { Approval, VotePolicy } from './vote.ts';

/** What a node offers. */
export interface NodeConfig {
  /** PeerId. */
  readonly node: string;
  readonly capacity: Resources;
  /** As many as `capacity.gpus`. */
  readonly gpuIds: readonly string[];
  readonly maxShards: number;
  readonly runtimes: readonly string[];
  readonly enforcement: readonly Enforcement[];
  readonly labels: Readonly<Record<string, string>>;
  readonly policy: FogAd['policy'];
  readonly votePolicy: VotePolicy;
  readonly limits: Limits;
  readonly off?: FogSwitches;
}

/** What power and heat allow: everything; what runs already; nothing, in the end. */
export type PowerVerdict = 'accept' | 'hold' | 'drain';

export interface Stopping {
  readonly because: EndReason;
  /** By then it is killed. */
  readonly killMs: number;
}

/** One attempt to run a slot. `startedMs` and `processes` concern the current run. */
export interface Placement {
  readonly placementId: string;
  readonly state: PlacementState;
  readonly rev: number;
  /** From 1; a restart in place is the next. */
  readonly run: number;
  readonly leaseMs: number;
  readonly leaseEndMs: number;
  /** Renewals under way, newest last. */
  readonly renewals: readonly { readonly nonce: string; readonly sentMs: number }[];
  readonly renewMs: number;
  /** A process may exist. */
  readonly alive: boolean;
  readonly committedMs: number;
  /** The artifact is here, but another placement of the slot has not ended yet. */
  readonly waits?: boolean;
  /** It has to be ready by then. */
  readonly startByMs?: number;
  /** Not started again before. */
  readonly backoffMs?: number;
  /** Ends of runs by themselves, within the window. */
  readonly ends: readonly number[];
  readonly stopping?: Stopping;
  /** The node stops it then: a drain. */
  readonly drainMs?: number;
  readonly reason?: EndReason;
  readonly detail?: string;
}

/** A reservation, and what became of it. Its key in the table is the peer that asked and the peer's id for it. */
export interface Row {
  readonly reservationId: string;
  /** The peer that asked: the owner. */
  readonly owner: string;
  readonly agent: string;
  readonly slot: SlotId;
  readonly fence: Fence;
  readonly spec: ShardSpec;
  readonly digest: string;
  readonly booked: Resources;
  readonly gpuIds: readonly string[];
  readonly state: ReservationState;
  readonly madeMs: number;
  readonly nonce: string;
  /** When the nonce was first sent. */
  readonly nonceMs: number;
  readonly expiresMs: number;
  /** Rests on a vote. */
  readonly voted: boolean;
  readonly placement?: Placement;
  /** Why it came to nothing. */
  readonly denied?: { readonly code: RefusalCode; readonly detail: string };
  /** Over since; forgotten some time after. */
  readonly endedMs?: number;
}

export interface NodeState {
  readonly config: NodeConfig;
  readonly bootSeq: number;
  readonly instance: string;
  /** Nonces and placement ids given out since the start. */
  readonly counter: number;
  /** Boot-time clock of the last step; never falls. */
  readonly nowMs: number;
  /** Highest fence accepted, by slot key; on disk. */
  readonly fences: ReadonlyMap<string, Fence>;
  /** Rows that hold or run. */
  readonly rows: ReadonlyMap<string, Row>;
  /** Rows that are over, oldest first. */
  readonly tombs: ReadonlyMap<string, Row>;
  readonly drain?: { readonly deadlineMs: number };
  readonly power: PowerVerdict;
  /** When a slot's placement was last a victim, by slot key. */
  readonly victims: ReadonlyMap<string, number>;
  /** Asking, by peer: what is left of its burst, and since when. */
  readonly asking: ReadonlyMap<string, { readonly left: number; readonly atMs: number }>;
}

/** What the node found out about a message before the machine sees it. Absent: does not apply. */
export interface Checks {
  /** The level that the sender's delegation proves for its agent; undefined: it proves none. */
  readonly level?: Level | undefined;
  /** What stands against the artifact here. */
  readonly artifact?: Objection | undefined;
  readonly publisherKnown?: boolean | undefined;
  /** The artifact is here already. */
  readonly warm?: boolean | undefined;
  /** What a certificate that was verified allows. */
  readonly approval?: Approval | undefined;
  /** Milliseconds since 1970. */
  readonly wallMs: number;
}

export type NodeEvent =
  | { readonly kind: 'message'; readonly from: string; readonly message: ToNode; readonly checks: Checks }
  | { readonly kind: 'fetched'; readonly placementId: string }
  | { readonly kind: 'fetch-failed'; readonly placementId: string; readonly detail: string }
  /** The process of that run is ready. */
  | { readonly kind: 'started'; readonly placementId: string; readonly run: number }
  /** Its whole group is gone. */
  | { readonly kind: 'exited'; readonly placementId: string; readonly run: number; readonly exit: Exit }
  | { readonly kind: 'drain'; readonly deadlineMs: number }
  | { readonly kind: 'undrain' }
  | { readonly kind: 'power'; readonly verdict: PowerVerdict }
  | { readonly kind: 'configure'; readonly config: NodeConfig }
  | { readonly kind: 'tick' };

/** What a node keeps on disk of a placement. */
export interface JournaledPlacement {
  readonly placementId: string;
  readonly reservationId: string;
  readonly slot: SlotId;
  readonly fence: Fence;
}

/** Carried out in order, across steps too. */
export type NodeEffect =
  /** On disk (fsync) before any later effect begins. */
  | { readonly kind: 'journal'; readonly slotKey: string; readonly placement: JournaledPlacement }
  /** The placement is over: its journal entry may go, whenever. */
  | { readonly kind: 'forget'; readonly placementId: string }
  | { readonly kind: 'forget-fence'; readonly slotKey: string }
  | { readonly kind: 'send'; readonly to: string; readonly message: ToOwner }
  | { readonly kind: 'fetch'; readonly placementId: string; readonly artifact: string }
  | {
      readonly kind: 'start';
      readonly placementId: string;
      readonly run: number;
      readonly slot: SlotId;
      readonly fence: Fence;
      readonly spec: ShardSpec;
      readonly gpuIds: readonly string[];
      /** For the guard: dead by then. */
      readonly endMs: number;
      readonly readyByMs: number;
    }
  /** For the guard: a later end. */
  | { readonly kind: 'lease'; readonly placementId: string; readonly endMs: number }
  | {
      readonly kind: 'stop';
      readonly placementId: string;
      readonly run: number;
      readonly graceMs: number;
      readonly because: EndReason;
    }
  | { readonly kind: 'record'; readonly record: Transition };

export interface NodeStep {
  readonly state: NodeState;
  readonly effects: readonly NodeEffect[];
}

export function rowKey(owner: string, reservationId: string): string {
  return `${owner} ${reservationId}`;
}
