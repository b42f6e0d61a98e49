import {
  AUDIT_ACCEPTANCE_TYPE,
  AUDIT_ANCHOR_TYPE,
  AUDIT_CHECKPOINT_TYPE,
  AUDIT_HEAD_TYPE,
  type WitnessedEntry,
} from '../src/audit/index.ts';
import { type EntryFiles, hashAt, Retention } from './audit/index.ts';
import type { Config } from './config/index.ts';
import { systemClock } from './discovery/index.ts';
import type { MeshHost } from './host/index.ts';
import type { NodeKeys } from './identity/index.ts';
import type { OpenAudit } from './open-audit.ts';
import type { Database } from './storage/index.ts';
import type { AuditFigures, Reporter } from './telemetry/index.ts';
import type { Village } from './village/index.ts';
import { Witnesses } from './witness/index.ts';

const PRESET_DAYS = 365;

/** Who besides this node vouches for its record, and how long the record is kept. */
export interface AuditCare {
  readonly witnesses: Witnesses;
  figures(): AuditFigures;
  readonly store: EntryFiles;
  /** The last entry that is on disk for certain, after all that was recorded before. Errors: AUDIT_UNWRITABLE. */
  settled(): Promise<{ readonly seq: number; readonly hash: string }>;
  /** What other nodes vouch for; those that are connected are asked. */
  witnessed(options: { readonly signal: AbortSignal }): Promise<WitnessedEntry[]>;
  /** After the host has started. */
  start(): void;
  stop(): Promise<void>;
}

/** Where a data folder keeps what witnesses sign. */
export const witnessNamespace = (villageId: string): string => `audit-witness-${villageId.slice(0, 16)}`;

/** What metrics say of the record. */
function auditFigures(
  { log, files }: Pick<OpenAudit, 'log' | 'files'>,
  witnesses: Pick<Witnesses, 'status'>,
): AuditFigures {
  const { witnessedTo, witnessedAtMs, witnesses: count, contradicted, evidence } = witnesses.status();
  return {
    entries: log.seq,
    bytes: files.bytes,
    unwitnessed: Math.max(0, log.seq - witnessedTo),
    unwitnessedSeconds: log.seq <= witnessedTo ? 0 : Math.max(0, Date.now() - (witnessedAtMs ?? log.beganMs)) / 1000,
    witnesses: count,
    contradictions: contradicted.length + evidence.length,
  };
}

/** Before the host starts. */
export async function openAuditCare(options: {
  readonly audit: OpenAudit;
  readonly host: MeshHost;
  readonly village: Village;
  readonly keys: NodeKeys;
  readonly database: Database;
  readonly bus: Reporter;
  readonly settings: () => Pick<Config, 'audit'>;
}): Promise<AuditCare> {
  const { audit, host, village, keys, database, bus: reporter, settings } = options;
  const { villageId } = village;
  const { nodeId, issuerKey } = keys;
  const { log, files, beside } = audit;
  const owner = { villageId, nodeId, issuerKey };
  const witnesses = await Witnesses.open({
    ...owner,
    host,
    log: {
      settled: () => log.settled(),
      hashAt: async (seq) => (seq < (files.first ?? 1) ? 'gone' : hashAt(files, seq)),
    },
    store: database.namespace(witnessNamespace(villageId)),
    signHead: (head) => keys.signAsIssuer(AUDIT_HEAD_TYPE, head),
    signAnchor: (anchor) => keys.signAsNode(AUDIT_ANCHOR_TYPE, anchor),
    signAcceptance: (acceptance) => keys.signAsNode(AUDIT_ACCEPTANCE_TYPE, acceptance),
    reporter,
    clock: systemClock,
    settings: () => {
      const { witnessEverySeconds, witnesses: count } = settings().audit;
      return { everyMs: witnessEverySeconds * 1000, witnesses: count };
    },
  });
  const retention = new Retention({
    ...owner,
    files,
    beside,
    log,
    sign: (checkpoint) => keys.signAsIssuer(AUDIT_CHECKPOINT_TYPE, checkpoint),
    days: () => Number(village.policy().value('audit.retention_days') ?? PRESET_DAYS),
    clock: systemClock,
    onFailed: (error) => reporter.report('background.failed', { area: 'audit', error }),
  });
  let forget: () => void = () => undefined;
  return {
    witnesses,
    store: files,
    settled: () => log.settled(),
    witnessed: async (words) =>
      (await witnesses.collect(words)).map(({ head: { seq, hash }, witness }) => ({ seq, hash, witness })),
    figures: () => auditFigures(audit, witnesses),
    start() {
      witnesses.start();
      retention.look();
      forget = village.onPolicy(() => retention.look());
    },
    async stop() {
      forget();
      await Promise.all([witnesses.stop(), retention.stop()]);
    },
  };
}
