export { type AuditPort, type GovernanceParts, Registrations } from './ports.ts';
export { governanceRole } from './role.ts';
