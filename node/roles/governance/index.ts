export { type AuditPort, type GovernanceParts, Registrations, type RestartPort } from './ports.ts';
export { governanceRole } from './role.ts';
