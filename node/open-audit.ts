import { AUDIT_HEAD_TYPE } from '../src/audit/index.ts';
import { AuditLog, segmented } from './audit/index.ts';
import type { NodeKeys } from './identity/index.ts';
import type { Database, Store } from './storage/index.ts';
import type { Reporter } from './telemetry/index.ts';

/** Where a data folder keeps its record of one village. */
export function auditStore(database: Database, villageId: string): Pick<Store, 'batch' | 'entries'> {
  return segmented(database.namespace(`audit-${villageId.slice(0, 16)}`));
}

/** Continues that record. Errors: AUDIT_CORRUPT, AUDIT_UNWRITABLE. */
export function openAudit(options: {
  readonly database: Database;
  readonly keys: NodeKeys;
  readonly villageId: string;
  readonly reporter: Reporter;
}): Promise<AuditLog> {
  const { database, keys, villageId, reporter } = options;
  return AuditLog.open({
    store: auditStore(database, villageId),
    villageId,
    nodeId: keys.nodeId,
    sign: (head) => keys.signAsIssuer(AUDIT_HEAD_TYPE, head),
    reporter,
  });
}
