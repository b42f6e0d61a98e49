import type { Level } from '../permissions/index.ts';

/** What a member may do, as its credential says. */
export interface MembershipRights {
  /** Offer servers to the village. */
  readonly host: boolean;
  /** Sign credentials for others. */
  readonly invite: boolean;
  /** The highest level it may give its own agents, and the highest it may let others give theirs. */
  readonly issue: Level;
}

/** A verified membership: made by `verifyMembership` only. */
export interface Membership {
  readonly nodeId: string;
  /** Raw 32-byte Ed25519 key that signs this node's tokens and delegations. */
  readonly issuerKey: Uint8Array;
  readonly may: MembershipRights;
  /** When the first link of the chain ends; `Number.MAX_SAFE_INTEGER` for the founder. */
  readonly expiresAtMs: number;
  /** Leaf first; empty for the founder. */
  readonly chain: readonly string[];
  /** Links between this node and the founder: 0 … 4. */
  readonly depth: number;
}

/** Why a chain proves nothing. */
export type MembershipRefusal =
  | 'malformed'
  | 'too-long'
  | 'bad-signature'
  | 'foreign-village'
  | 'other-node'
  | 'broken-chain'
  | 'may-not-invite'
  | 'widened'
  | 'not-yet-valid'
  | 'expired'
  | 'evicted';

export type MembershipVerdict =
  | { readonly kind: 'member'; readonly membership: Membership }
  | { readonly kind: 'refused'; readonly because: MembershipRefusal };
