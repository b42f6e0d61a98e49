export type { AuditEntry, AuditRecord } from './entry.ts';
