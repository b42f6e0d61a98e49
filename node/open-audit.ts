import { join } from 'node:path';
import { AUDIT_HEAD_TYPE } from '../src/audit/index.ts';
import { AuditLog, type BesideStore, EntryFiles, keepContradictedHead, moveIntoFiles } from './audit/index.ts';
import type { NodeKeys } from './identity/index.ts';
import type { Database } from './storage/index.ts';
import type { Reporter } from './telemetry/index.ts';

interface Place {
  readonly dataDir: string;
  readonly database: Database;
  readonly villageId: string;
}

/** The record of one village, and where a data folder keeps it. */
export interface OpenAudit {
  readonly log: AuditLog;
  readonly files: EntryFiles;
  /** What of it does not lie in files: the newest head, and where the log begins. */
  readonly beside: BesideStore;
}

export async function auditStore({ dataDir, database, villageId }: Place): Promise<Omit<OpenAudit, 'log'>> {
  const place = villageId.slice(0, 16);
  const beside = database.namespace(`audit-${place}`);
  const files = await EntryFiles.open(join(dataDir, 'audit', place), { beside });
  await moveIntoFiles(beside, files);
  return { files, beside };
}

/** Continues that record. Errors: AUDIT_CORRUPT, AUDIT_UNWRITABLE. */
export async function openAudit(
  options: Place & {
    readonly keys: NodeKeys;
    readonly reporter: Reporter;
  },
): Promise<OpenAudit> {
  const { keys, villageId, reporter } = options;
  const store = await auditStore(options);
  const { nodeId, issuerKey } = keys;
  await keepContradictedHead(store, { villageId, nodeId, issuerKey });
  const log = await AuditLog.open({
    store: store.files,
    villageId,
    nodeId,
    sign: (head) => keys.signAsIssuer(AUDIT_HEAD_TYPE, head),
    reporter,
  });
  return { log, ...store };
}
