export { Constitution, type PolicyValue, villageIdOf, villageTag } from './constitution.ts';
export type { Membership, MembershipRefusal, MembershipRights, MembershipVerdict } from './membership.ts';
export { AGENT_NAME, type AgentId, nodeSuffix, ownAgentId, parseAgentId } from './names.ts';
export type { PolicyView } from './policy.ts';
