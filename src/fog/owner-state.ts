import type { FogAd } from './ad.ts';
import type { KnownAd } from './ad-cache.ts';
import type { Limits } from './limits.ts';
import type { Message, ToNode, ToOwner } from './messages.ts';
import type { EndReason, RefusalCode } from './reasons.ts';
import type { ShardSpec } from './spec.ts';
import type { PlacementState, SlotState } from './states.ts';
import type { FogSwitches } from './switches.ts';
import type { Transition } from './transition.ts';
import type { Trust } from './trust.ts';
import type { Approval, VotePolicy } from './vote.ts';

export interface OwnerConfig {
  /** PeerId of the node whose deployments these are. */
  readonly node: string;
  readonly votePolicy: VotePolicy;
  readonly limits: Limits;
  readonly off?: FogSwitches;
}

/** What an agent wants run. */
export interface Wanted {
  readonly deployment: string;
  readonly agent: string;
  readonly spec: ShardSpec;
  /** How many slots. */
  readonly slots: number;
  /** This node and, unless a fallback is allowed, no other. */
  readonly target?: string;
  readonly allowFallback: boolean;
  /** All slots or none. */
  readonly gang: boolean;
  readonly spread: boolean;
  readonly publisherKnown: boolean;
}

export type VoteState = 'not-needed' | 'awaited' | 'approved' | 'rejected';

export interface Deployment extends Wanted {
  readonly digest: string;
  readonly term: number;
  readonly vote: VoteState;
  readonly approval?: Approval;
  /** Being stopped: nothing is placed any more. */
  readonly stopping: boolean;
  /** Of its ShardMap. */
  readonly mapRev: number;
}

/** A placement that may run: an Accept for it may have left. */
export interface Holder {
  readonly reservationId: string;
  readonly node: string;
  readonly epoch: number;
  readonly bootSeq: number;
  readonly nonce: string;
  readonly leaseMs: number;
  /** It has ended by then, whatever happened. Rule R3. */
  readonly reclaimMs: number;
  readonly madeMs: number;
  readonly heardMs: number;
  readonly placementId?: string;
  readonly state?: PlacementState;
  readonly rev: number;
  /** Its node will stop it: it is to be moved. */
  readonly leaving?: Message<'notice'>['because'];
}

/** Looking for a place: nothing of it runs. */
export interface Bid {
  readonly round: number;
  readonly cfpId?: string;
  readonly askedMs: number;
  readonly asked: readonly string[];
  readonly answered: readonly string[];
  readonly offers: readonly (Message<'offer'> & { readonly node: string })[];
  /** Nodes left to try, best first. */
  readonly queue: readonly string[];
  readonly reservationId?: string;
  readonly node?: string;
  /** It was reserved: what an Accept repeats. */
  readonly reserved?: Pick<Message<'reserved'>, 'nonce' | 'bootSeq'> & { readonly untilMs: number };
  /** How often this was asked already, and when to ask again or go on. */
  readonly tries: number;
  readonly dueMs: number;
}

export interface Past {
  readonly node: string;
  readonly epoch: number;
  readonly placementId?: string;
  readonly endedMs: number;
  readonly because: EndReason | RefusalCode;
  readonly detail: string;
}

export interface Reason {
  readonly node: string;
  readonly code: RefusalCode;
  readonly detail: string;
  readonly atMs: number;
}

export interface Slot {
  readonly slot: number;
  readonly state: SlotState;
  /** Rises with every change of state. */
  readonly rev: number;
  readonly sinceMs: number;
  /** The highest that was journaled. */
  readonly epoch: number;
  readonly holder?: Holder;
  readonly bid?: Bid;
  /** How often its holder was asked already. */
  readonly tries: number;
  /** When to ask the holder again; undefined: when it has been quiet for too long. */
  readonly dueMs?: number;
  /** No place is looked for before. */
  readonly lookMs?: number;
  /** Attempts that came to nothing, one after another. */
  readonly failures: number;
  /** How long it was blocked last. */
  readonly blockedMs: number;
  /** Why nobody took it, newest of each node. */
  readonly reasons: readonly Reason[];
  /** Nodes that failed with it, and until when they are the last choice. */
  readonly avoid: ReadonlyMap<string, number>;
  readonly history: readonly Past[];
}

export interface Peer {
  readonly rttMs?: number;
  readonly trust: Trust;
}

export interface OwnerState {
  readonly config: OwnerConfig;
  /** Drawn at each start; reservations are named after it. */
  readonly instance: string;
  readonly counter: number;
  readonly dice: number;
  readonly nowMs: number;
  readonly startedMs: number;
  readonly deployments: ReadonlyMap<string, Deployment>;
  /** By deployment, by number. */
  readonly slots: ReadonlyMap<string, ReadonlyMap<number, Slot>>;
  /** The highest epoch of slots whose deployment is gone, by `DEPLOYMENT SLOT`. */
  readonly epochs: ReadonlyMap<string, number>;
  readonly ads: ReadonlyMap<string, KnownAd>;
  readonly peers: ReadonlyMap<string, Peer>;
}

export type OwnerEvent =
  | { readonly kind: 'deploy'; readonly wanted: Wanted }
  /** Of one slot: it is placed anew only if the deployment goes on, so that is a restart. */
  | { readonly kind: 'stop'; readonly deployment: string; readonly graceMs: number }
  /** null: rejected, or lapsed. */
  | { readonly kind: 'voted'; readonly deployment: string; readonly approval: Approval | null }
  | { readonly kind: 'message'; readonly from: string; readonly message: ToOwner }
  /** Its signature and its village were checked. */
  | { readonly kind: 'ad'; readonly ad: FogAd }
  | { readonly kind: 'rtt'; readonly node: string; readonly rttMs: number }
  /** Another policy is in force: what was deployed before is not asked about again. */
  | { readonly kind: 'configure'; readonly votePolicy: VotePolicy }
  /** It could not be sent: longer than a message may be. */
  | { readonly kind: 'unsendable'; readonly reservationId: string }
  /** It could not be reached with that Cfp or Reserve. */
  | { readonly kind: 'unreachable'; readonly node: string; readonly about: string }
  | { readonly kind: 'tick' };

export type OwnerEntry =
  | { readonly kind: 'deployment'; readonly deployment: Deployment }
  | { readonly kind: 'removed'; readonly deployment: string }
  /** From here on it may run. */
  | {
      readonly kind: 'attempt';
      readonly deployment: string;
      readonly slot: number;
      readonly holder: Pick<Holder, 'reservationId' | 'node' | 'epoch' | 'bootSeq' | 'nonce' | 'leaseMs'>;
    }
  /** From here on it does not; the epoch stays. */
  | { readonly kind: 'ended'; readonly deployment: string; readonly slot: number; readonly epoch: number };

/** Carried out in order, across steps too. */
export type OwnerEffect =
  /** On disk (fsync) before any later effect begins. */
  | { readonly kind: 'journal'; readonly entry: OwnerEntry }
  /** The machine leaves `delegation` and `receipt` to whoever sends. */
  | { readonly kind: 'send'; readonly to: string; readonly message: ToNode }
  /** Ask the village. */
  | {
      readonly kind: 'vote';
      readonly deployment: string;
      readonly reasons: readonly string[];
      readonly approval: Omit<Approval, 'notAfter'>;
    }
  /** Where its slots are has changed: sign and spread the ShardMap. */
  | { readonly kind: 'map'; readonly deployment: string }
  | { readonly kind: 'record'; readonly record: Transition };

export interface OwnerStep {
  readonly state: OwnerState;
  readonly effects: readonly OwnerEffect[];
}

export function epochKey(deployment: string, slot: number): string {
  return `${deployment} ${slot}`;
}
