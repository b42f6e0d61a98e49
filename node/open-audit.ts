import { join } from 'node:path';
import { AUDIT_HEAD_TYPE } from '../src/audit/index.ts';
import { AuditLog, EntryFiles, moveIntoFiles } from './audit/index.ts';
import type { NodeKeys } from './identity/index.ts';
import type { Database } from './storage/index.ts';
import type { Reporter } from './telemetry/index.ts';

interface Place {
  readonly dataDir: string;
  readonly database: Database;
  readonly villageId: string;
}

/** Where a data folder keeps its record of one village. */
export async function auditStore({ dataDir, database, villageId }: Place): Promise<EntryFiles> {
  const place = villageId.slice(0, 16);
  const beside = database.namespace(`audit-${place}`);
  const files = await EntryFiles.open(join(dataDir, 'audit', place), { beside });
  await moveIntoFiles(beside, files);
  return files;
}

/** Continues that record. Errors: AUDIT_CORRUPT, AUDIT_UNWRITABLE. */
export async function openAudit(
  options: Place & {
    readonly keys: NodeKeys;
    readonly reporter: Reporter;
  },
): Promise<AuditLog> {
  const { keys, villageId, reporter } = options;
  return AuditLog.open({
    store: await auditStore(options),
    villageId,
    nodeId: keys.nodeId,
    sign: (head) => keys.signAsIssuer(AUDIT_HEAD_TYPE, head),
    reporter,
  });
}
