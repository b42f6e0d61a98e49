import { VillageError } from '../../src/kernel/index.ts';

/**
 * AUDIT_UNWRITABLE: the disk refuses or does not answer; what needs its entry on disk cannot be promised. AUDIT_CLOSED: the log
 * was stopped. AUDIT_CORRUPT: the stored log cannot be continued.
 */
export class AuditError extends VillageError<'AUDIT_UNWRITABLE' | 'AUDIT_CLOSED' | 'AUDIT_CORRUPT'> {}
