export { type AgentParts, agentVerbs } from './agents.ts';
export { onRecord } from './on-record.ts';
export { auditTail, auditVerbs } from './audit.ts';
export { governanceVerbs } from './governance.ts';
export { inviteVerb, joinWhileRunning } from './invites.ts';
export { type RevokeParts, revokeVerbs } from './revoke.ts';
export { type StatusParts, statusVerbs } from './status.ts';
export { tokenVerb } from './tokens.ts';
export { type ToolParts, toolVerbs } from './tools.ts';
