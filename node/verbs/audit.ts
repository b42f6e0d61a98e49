import type { AdminHandlers } from '../admin/index.ts';
import {
  auditRange,
  type AuditOwner,
  exportAudit,
  type LiveLog,
  tailAudit,
  verdictOf,
  verifyAudit,
} from '../audit/index.ts';
import { type Anchored, verifyAnchor, type WitnessedEntry } from '../../src/audit/index.ts';
import { VillageError } from '../../src/kernel/index.ts';
import type { Store } from '../storage/index.ts';

type Log = Pick<Store, 'entries'>;

/** Who vouches for the log, and for whose this node vouches. */
export interface AnchorSource {
  /** `alone`: there is nobody who could be asked now. */
  ofOurs(options: { signal: AbortSignal }): Promise<{ readonly anchors: readonly Anchored[]; readonly alone: boolean }>;
  ofNode(nodeId: string): Promise<readonly Anchored[]>;
}

class AuditVerbError extends VillageError<'BAD_ANCHOR'> {}

/** Reading the log needs no running node; asking its witnesses does. */
export function auditVerbs(
  log: Log,
  {
    anchors: source,
    settled,
    ...owner
  }: AuditOwner & {
    readonly anchors: AnchorSource;
    /** Of a log that is being written: resolves when all that was recorded so far is on disk. */
    readonly settled?: () => Promise<unknown>;
  },
): Pick<AdminHandlers, 'audit.verify' | 'audit.export' | 'audit.anchors'> {
  return {
    'audit.verify': async ({ anchors: given = [], ...places }, { signal }) => {
      const range = await auditRange(log, places, { signal });
      const told = await source.ofOurs({ signal });
      const witnessed = [...witnessedBy(told.anchors, owner), ...witnessedBy(given, owner, { strict: true })];
      return verdictOf(await verifyAudit(log, { ...owner, ...range, witnessed, signal }), told);
    },
    'audit.export': async function* (places, { signal }) {
      // Whoever asks after a call finds it. What a failing disk did not take is missing, and status says so.
      await settled?.().catch(() => undefined);
      const range = await auditRange(log, places, { signal });
      for await (const line of exportAudit(log, { ...range, signal })) yield lineAsObject(line);
    },
    'audit.anchors': async ({ of: nodeId }, { signal }) => {
      if (nodeId !== undefined && nodeId !== owner.nodeId) return { anchors: await source.ofNode(nodeId) };
      return { anchors: (await source.ofOurs({ signal })).anchors };
    },
  };
}

export function auditTail(log: LiveLog): AdminHandlers['audit.tail'] {
  return (_, { signal }) => tailAudit(log, { signal });
}

/** What verified anchors say. With `strict` one that does not verify is an error: it was given as proof. */
function witnessedBy(
  anchors: readonly Anchored[],
  owner: AuditOwner,
  { strict = false }: { readonly strict?: boolean } = {},
): WitnessedEntry[] {
  return anchors.flatMap((anchored, index) => {
    const verified = verifyAnchor(anchored, owner);
    if (verified !== undefined) {
      return [{ seq: verified.head.seq, hash: verified.head.hash, witness: verified.witness }];
    }
    if (strict) {
      throw new AuditVerbError(
        'BAD_ANCHOR',
        `anchor ${index + 1} is none of this node's log: it is forged, or another node's`,
      );
    }
    return [];
  });
}

/** A damaged line is shown as it is: `audit verify` names it. */
function lineAsObject(line: string): object {
  try {
    return JSON.parse(line) as object;
  } catch {
    return { damaged: line };
  }
}
