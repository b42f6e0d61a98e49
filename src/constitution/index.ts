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
  MembershipCredential,
  type MembershipRefusal,
  type MembershipRights,
  type MembershipVerdict,
  verifyMembership,
} from './membership.ts';
export { AGENT_NAME, type AgentId, nodeSuffix, ownAgentId, parseAgentId } from './names.ts';
export { type Decided, Policy, type PolicyView } from './policy.ts';
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
