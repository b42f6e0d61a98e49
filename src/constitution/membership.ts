import { z } from 'zod';
import { fromBase64Url, openJws, publicKeyOfPeerId } from '../kernel/index.ts';
import { atLeast, LEVELS, type Level, lowest } from '../permissions/index.ts';
import type { Constitution } from './constitution.ts';
import type { PolicyView } from './policy.ts';

export const MEMBERSHIP_TYP = 'village-membership+jws';
/** How long a credential lasts unless said otherwise. */
export const MEMBERSHIP_TTL_S = 30 * 24 * 3600;
/** Links between a node and the founder. */
export const MAX_CHAIN = 4;
const MAX_LINK_BYTES = 2048;
/** How far ahead the clock of the node that signed may be. */
const CLOCK_TOLERANCE_MS = 5 * 60_000;

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

/** One link: signed by the PeerId key of `by` as a compact JWS of type `village-membership+jws`. Times in seconds. */
const Credential = z.strictObject({
  village: z.string().length(64),
  node: z.string().max(128),
  issuer_key: z.string().refine((key) => fromBase64Url(key)?.length === 32),
  may: z.strictObject({ host: z.boolean(), invite: z.boolean(), issue: z.enum(LEVELS) }),
  iat: z.int().nonnegative(),
  exp: z.int().positive(),
  by: z.string().max(128),
});
export type MembershipCredential = z.infer<typeof Credential>;

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
  | 'evicted'
  /** A voter holds this very node back. */
  | 'held';

export type MembershipVerdict =
  | { readonly kind: 'member'; readonly membership: Membership }
  | { readonly kind: 'refused'; readonly because: MembershipRefusal };

export interface MembershipContext {
  readonly constitution: Constitution;
  readonly villageId: string;
  readonly policy: PolicyView;
  readonly nowMs: number;
  /** The node that the connection has proven; the chain must be its own. */
  readonly nodeId: string;
}

/**
 * Whether `chain` (compact JWSs, leaf first) makes `nodeId` a member: at most four links, each signed by the next one's
 * node, the last by the founder whom the constitution names; none grants more than the one above it.
 */
export function verifyMembership(chain: readonly string[], context: MembershipContext): MembershipVerdict {
  if (chain.length > MAX_CHAIN) return refused('too-long');
  let holder = founderOf(context.constitution);
  if (context.policy.isEvicted(holder.nodeId)) return refused('evicted');
  for (const link of chain.toReversed()) {
    const next = follow(link, holder, context);
    if (typeof next === 'string') return refused(next);
    holder = next;
  }
  if (holder.nodeId !== context.nodeId) return refused('other-node');
  // Only the node itself: those it vouched for did nothing.
  if (context.policy.isNodeHeld(holder.nodeId)) return refused('held');
  const may = leastRights(holder.may, context.policy.rightsOf(holder.nodeId));
  return { kind: 'member', membership: { ...holder, may, chain: [...chain] } };
}

/** What `holder` can give of what is `wanted`: never more than it has. */
export function grantableRights(holder: Membership, wanted: MembershipRights): MembershipRights {
  return {
    host: wanted.host && holder.may.host,
    invite: wanted.invite && holder.may.invite,
    issue: lowest(wanted.issue, holder.may.issue),
  };
}

/** Of what a credential gives, what policy leaves: whom the node let in before stays. */
function leastRights(may: MembershipRights, left: Partial<MembershipRights>): MembershipRights {
  return {
    host: may.host && left.host !== false,
    invite: may.invite && left.invite !== false,
    issue: lowest(may.issue, left.issue ?? may.issue),
  };
}

function founderOf(constitution: Constitution): Membership {
  const { node_id, issuer_key } = constitution.founder;
  return {
    nodeId: node_id,
    issuerKey: fromBase64Url(issuer_key) ?? new Uint8Array(),
    may: { host: true, invite: true, issue: 'EMERGENCY' },
    expiresAtMs: Number.MAX_SAFE_INTEGER,
    chain: [],
    depth: 0,
  };
}

function follow(link: string, parent: Membership, context: MembershipContext): Membership | MembershipRefusal {
  const key = publicKeyOfPeerId(parent.nodeId);
  const opened = openJws(link, { typ: MEMBERSHIP_TYP, key: () => key, maxBytes: MAX_LINK_BYTES });
  if (opened.kind === 'refused') return opened.because === 'bad-signature' ? 'bad-signature' : 'malformed';
  const read = Credential.safeParse(opened.payload);
  const issuerKey = fromBase64Url(read.data?.issuer_key ?? '');
  if (!read.success || issuerKey === undefined) return 'malformed';
  const { village, node, may, iat, exp, by } = read.data;
  if (village !== context.villageId) return 'foreign-village';
  if (by !== parent.nodeId) return 'broken-chain';
  if (!parent.may.invite) return 'may-not-invite';
  if (exceeds(may, parent.may)) return 'widened';
  if (iat * 1000 > context.nowMs + CLOCK_TOLERANCE_MS) return 'not-yet-valid';
  if (exp * 1000 <= context.nowMs) return 'expired';
  if (context.policy.isEvicted(node)) return 'evicted';
  return {
    nodeId: node,
    issuerKey,
    may,
    expiresAtMs: Math.min(exp * 1000, parent.expiresAtMs),
    chain: [],
    depth: parent.depth + 1,
  };
}

function exceeds(may: MembershipRights, parent: MembershipRights): boolean {
  return (may.host && !parent.host) || (may.invite && !parent.invite) || !atLeast(parent.issue, may.issue);
}

function refused(because: MembershipRefusal): MembershipVerdict {
  return { kind: 'refused', because };
}
