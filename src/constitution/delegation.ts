import { z } from 'zod';
import { fromBase64Url, openJws } from '../kernel/index.ts';
import { LEVELS, type Level, lowest, type Principal } from '../permissions/index.ts';
import type { Constitution } from './constitution.ts';
import { checkGrant, type Grant, MAX_GRANT_BYTES } from './grant.ts';
import type { Membership } from './membership.ts';
import { nodeSuffix, parseAgentId } from './names.ts';
import type { PolicyView } from './policy.ts';
import type { RevocationTest } from './revocation.ts';

export const DELEGATION_TYP = 'village-delegation+jws';
export const MAX_DELEGATION_S = 60;
const MAX_DELEGATION_BYTES = 8 * 1024;
/** How many tool patterns a token or a delegation may carry, and how long one may be. */
export const MAX_PATTERNS = 64;
export const MAX_PATTERN_LENGTH = 128;
/** How far apart the clocks of two nodes may be. */
const CLOCK_TOLERANCE_S = 30;

/**
 * What an agent's own node tells the node it calls: signed by the issuer key of `from`, meant for `to` alone, presented
 * once per stream and agent. The bearer token stays at home. Times in seconds.
 */
export const Delegation = z.strictObject({
  village: z.string().length(64),
  agent: z.string().max(64),
  role: z.string().min(1).max(128),
  level: z.enum(LEVELS),
  /** Tool patterns that narrow the level; absent: not narrowed. */
  permissions: z.array(z.string().max(MAX_PATTERN_LENGTH)).max(MAX_PATTERNS).optional(),
  /** SHA-256 of the token's jti, hex. */
  token: z.string().regex(/^[0-9a-f]{64}$/),
  token_iat: z.int().nonnegative(),
  from: z.string().max(128),
  to: z.string().max(128),
  iat: z.int().nonnegative(),
  exp: z.int().positive(),
  /** For a bare name: the agent's own word for this node (see grant.ts). */
  grant: z.string().max(MAX_GRANT_BYTES).optional(),
});
export type Delegation = z.infer<typeof Delegation>;

export type DelegationRefusal =
  | 'malformed'
  | 'bad-signature'
  | 'foreign-village'
  | 'other-peer'
  | 'other-target'
  | 'not-a-member'
  | 'too-long'
  | 'not-yet-valid'
  | 'expired'
  | 'unknown-agent'
  | 'other-nodes-agent'
  | 'no-grant'
  | 'bad-grant'
  | 'grant-expired'
  | 'revoked'
  | 'held'
  | 'issuer-blocked'
  | 'evicted';

export type DelegationVerdict =
  | { readonly kind: 'accepted'; readonly principal: Principal; readonly expiresAtMs: number }
  /** `agentId`: for whom the peer signed that it speaks; undefined where its signature does not hold. */
  | { readonly kind: 'refused'; readonly because: DelegationRefusal; readonly agentId?: string | undefined };

export interface DelegationContext {
  readonly constitution: Constitution;
  readonly villageId: string;
  readonly policy: PolicyView;
  /** The verified membership of the peer whose stream carries it. */
  readonly peer: Membership;
  readonly selfNodeId: string;
  readonly nowMs: number;
  readonly isRevoked: RevocationTest;
}

/** Whether the peer may speak for the agent it names, here and now, and as whom its calls then count. */
export function checkDelegation(jws: string, context: DelegationContext): DelegationVerdict {
  const { peer } = context;
  const opened = openJws(jws, { typ: DELEGATION_TYP, key: peer.issuerKey, maxBytes: MAX_DELEGATION_BYTES });
  if (opened.kind === 'refused') return refused(opened.because === 'bad-signature' ? 'bad-signature' : 'malformed');
  const read = Delegation.safeParse(opened.payload);
  if (!read.success) return refused('malformed');
  const delegation = read.data;
  const objection = standing(delegation, context);
  // Names nobody could have are left out: whoever reads the record takes this for a name.
  const agentId = parseAgentId(delegation.agent) === undefined ? undefined : delegation.agent;
  if (objection !== undefined) return refused(objection, agentId);
  const voucher = vouch(delegation, context);
  if (typeof voucher === 'string') return refused(voucher, agentId);

  const issuedAtMs = voucher.issuedAtS * 1000;
  const id = { tokenId: delegation.token, agentId: delegation.agent, homeNode: peer.nodeId, issuedAtMs };
  if (context.policy.isRevoked(delegation.token) || context.isRevoked(id)) return refused('revoked', agentId);
  if (context.policy.isAgentHeld(delegation.agent, delegation.token)) return refused('held', agentId);
  const expiresAtMs = Math.min(delegation.exp, voucher.endsAtS) * 1000;
  return {
    kind: 'accepted',
    expiresAtMs: Math.min(expiresAtMs, peer.expiresAtMs),
    principal: {
      ...id,
      role: voucher.role,
      level: lowest(delegation.level, voucher.cap, context.policy.levelOf(delegation.agent) ?? voucher.cap),
      permissions: delegation.permissions,
      expiresAtMs,
    },
  };
}

/** What is wrong with the statement or the node that makes it, whoever the agent is. */
function standing(delegation: Delegation, context: DelegationContext): DelegationRefusal | undefined {
  const { peer, nowMs, policy } = context;
  const nowS = nowMs / 1000;
  if (delegation.village !== context.villageId) return 'foreign-village';
  if (delegation.from !== peer.nodeId) return 'other-peer';
  if (delegation.to !== context.selfNodeId) return 'other-target';
  if (policy.isEvicted(peer.nodeId)) return 'evicted';
  if (policy.isNodeHeld(peer.nodeId)) return 'held';
  if (!policy.mayIssue(peer.nodeId)) return 'issuer-blocked';
  if (peer.expiresAtMs <= nowMs) return 'not-a-member';
  if (delegation.exp - delegation.iat > MAX_DELEGATION_S) return 'too-long';
  if (delegation.iat > nowS + CLOCK_TOLERANCE_S || delegation.token_iat > delegation.iat + CLOCK_TOLERANCE_S)
    return 'not-yet-valid';
  if (delegation.exp <= nowS) return 'expired';
  return undefined;
}

/** Who stands behind the name: the village and the agent's key, or the peer itself. */
interface Voucher {
  readonly role: string;
  readonly cap: Level;
  readonly issuedAtS: number;
  readonly endsAtS: number;
}

function vouch(delegation: Delegation, context: DelegationContext): Voucher | DelegationRefusal {
  const agent = parseAgentId(delegation.agent);
  if (agent === undefined) return 'unknown-agent';
  if (agent.kind === 'village') return vouchForVillageAgent(agent.name, delegation, context);
  if (agent.node !== nodeSuffix(context.peer.nodeId)) return 'other-nodes-agent';
  const { token_iat: issuedAtS, exp: endsAtS, role } = delegation;
  return { role, cap: context.peer.may.issue, issuedAtS, endsAtS };
}

function vouchForVillageAgent(
  name: string,
  delegation: Delegation,
  context: DelegationContext,
): Voucher | DelegationRefusal {
  const known = context.policy.agentOf(name);
  const agentKey = fromBase64Url(known?.key ?? '');
  if (known === undefined || agentKey === undefined) return 'unknown-agent';
  if (delegation.grant === undefined) return 'no-grant';
  const verdict = checkGrant(delegation.grant, {
    villageId: context.villageId,
    agent: name,
    agentKey,
    nodeId: context.peer.nodeId,
    tokenId: delegation.token,
    nowMs: context.nowMs,
  });
  if (verdict.kind === 'refused') return verdict.because === 'expired' ? 'grant-expired' : 'bad-grant';
  return {
    role: known.role,
    cap: known.level,
    // A node can lie about its token's age, not about when the agent signed.
    issuedAtS: olderOf(delegation, verdict.grant),
    endsAtS: Math.min(delegation.exp, verdict.grant.exp),
  };
}

function olderOf(delegation: Delegation, grant: Grant): number {
  return Math.min(delegation.token_iat, grant.iat);
}

function refused(because: DelegationRefusal, agentId?: string | undefined): DelegationVerdict {
  return { kind: 'refused', because, agentId };
}
