import type { AuditAcceptance, AuditAnchor, AuditHead } from '../../src/audit/index.ts';
import type { DirectoryClock } from '../discovery/index.ts';
import type { MeshHost } from '../host/mesh-host.ts';
import type { Store } from '../storage/index.ts';
import type { Reporter } from '../telemetry/events.ts';

export interface WitnessOwner {
  readonly villageId: string;
  readonly nodeId: string;
  /** The key that signs heads: raw Ed25519, 32 bytes. */
  readonly issuerKey: Uint8Array;
}

/** The log of this node, as far as witnesses see it. */
export interface WitnessedLog {
  /** The last entry on disk. Errors: AUDIT_UNWRITABLE. */
  settled(): Promise<{ readonly seq: number; readonly hash: string }>;
  /** What the log holds at `seq`; `gone`: left out for its age. */
  hashAt(seq: number): Promise<string | 'gone' | undefined>;
}

export interface WitnessSettings {
  /** How long entries may wait for a witness. */
  readonly everyMs: number;
  /** How many peers are asked each time. */
  readonly witnesses: number;
}

export interface WitnessParts extends WitnessOwner {
  readonly host: Pick<MeshHost, 'handle' | 'openStream' | 'admitted' | 'onAdmitted'>;
  readonly log: WitnessedLog;
  readonly store: Pick<Store, 'put' | 'batch' | 'entries' | 'get'>;
  /** By the issuer's key. */
  readonly signHead: (head: AuditHead) => string;
  /** By the node's key. */
  readonly signAnchor: (anchor: AuditAnchor) => string;
  readonly signAcceptance: (acceptance: AuditAcceptance) => string;
  readonly reporter: Reporter;
  readonly clock: DirectoryClock;
  readonly settings: () => WitnessSettings;
}
