export {
  AIVILLAGE_AGENTS,
  AIVILLAGE_VOTERS,
  aivillageConstitution,
  type PresetAgent,
  type PresetOptions,
} from './aivillage-preset.ts';
export { Constitution, type PolicyValue, villageIdOf, villageTag } from './constitution.ts';
export {
  grantableRights,
  MAX_CHAIN,
  MEMBERSHIP_TTL_S,
  MEMBERSHIP_TYP,
  type Membership,
  type MembershipContext,
  type MembershipCredential,
  type MembershipRefusal,
  type MembershipRights,
  type MembershipVerdict,
  verifyMembership,
} from './membership.ts';
export { inForceInVain, namedInVain } from './named-in-vain.ts';
export { AGENT_NAME, type AgentId, nodeSuffix, ownAgentId, parseAgentId } from './names.ts';
export { type Decided, Policy, type PolicyView } from './policy.ts';
export { objectToPolicyValue, POLICY_KEYS, readerOf } from './policy-keys.ts';
export {
  checkTicket,
  formatInvite,
  Invite,
  type InviteRefusal,
  type InviteVerdict,
  parseInvite,
  TICKET_TYP,
  Ticket,
  type TicketRefusal,
  type TicketVerdict,
} from './ticket.ts';
export {
  DELEGATION_TYP,
  Delegation,
  type DelegationContext,
  type DelegationRefusal,
  type DelegationVerdict,
  checkDelegation,
  MAX_DELEGATION_S,
  MAX_PATTERN_LENGTH,
  MAX_PATTERNS,
} from './delegation.ts';
export {
  checkGrant,
  GRANT_TYP,
  Grant,
  type GrantContext,
  type GrantRefusal,
  type GrantVerdict,
  MAX_GRANT_S,
} from './grant.ts';
export {
  checkRevocation,
  MAX_REVOCATION_S,
  REVOCATION_TYP,
  type Revocable,
  Revocation,
  type RevocationContext,
  type RevocationRefusal,
  type RevocationTest,
  type RevocationVerdict,
  revokes,
} from './revocation.ts';
