export { AuditError } from './audit-error.ts';
export { type AuditLimits, AuditLog, type AuditLogOptions } from './audit-log.ts';
export { auditRange, type Places } from './audit-range.ts';
export { type ExportRange, exportAudit, type LiveLog, tailAudit } from './read-audit.ts';
export { type AuditOwner, type SeqRange, verifyAudit } from './verify-audit.ts';
export { verifyExport } from './verify-export.ts';
export { recordEvents } from './record-events.ts';
export { moveIntoFiles } from './migrate.ts';
export { EntryFiles, type LogStore } from './entry-files.ts';
