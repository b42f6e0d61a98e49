import type { AuditEntry, WitnessedEntry } from '../src/audit/index.ts';
import { type AuditOwner, auditRange, exportAudit, verifyAudit } from './audit/index.ts';
import type { AuditPort } from './roles/governance/index.ts';
import type { Store } from './storage/index.ts';

/** The record, and what other nodes vouch for of it. */
export interface AuditSources {
  readonly store: Pick<Store, 'entries'> & {
    /** The first entry that is still kept; undefined while there is none. */
    readonly first: number | undefined;
  };
  /** The last entry that is on disk for certain. */
  settled(): Promise<{ readonly seq: number }>;
  readonly witnessed: (options: { signal: AbortSignal }) => Promise<readonly WitnessedEntry[]>;
}

/** The record of this node as an auditor reads it: never more of it than was asked for, however long it is. */
export function auditPort({ store: log, settled, witnessed: ask }: AuditSources, owner: AuditOwner): AuditPort {
  return {
    window: async (places, { newest, signal }) => {
      const { seq: last } = await settled();
      const kept = log.first ?? 1;
      const start = Math.max(kept, last - newest + 1);
      const { from = start, to } = await auditRange(log, places, { within: { from: start }, signal });
      // What lies before is whole where nothing does, or where what was asked for begins behind it.
      return { from, to, isWhole: start === kept || from > start };
    },
    verify: async (range, { signal }) => {
      const words = await ask({ signal });
      const options = { ...owner, ...range, witnessed: words, signal };
      const { ok, checked, brokenAt, witnessed } = await verifyAudit(log, options);
      return { ok, checked, problem: brokenAt?.message, witnessed };
    },
    entries: async function* (range, { signal }) {
      for await (const line of exportAudit(log, { ...range, signal })) {
        const entry = entryIn(line);
        if (entry !== undefined) yield entry;
      }
    },
  };
}

/** undefined: a damaged line, which verifying names. */
function entryIn(line: string): AuditEntry | undefined {
  try {
    return JSON.parse(line) as AuditEntry;
  } catch {
    return undefined;
  }
}
