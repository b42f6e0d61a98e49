import type { ChainReport } from '../../src/audit/index.ts';
import type { AuditVerdict } from '../admin/index.ts';

/** A report as `village audit verify` answers it. `alone`: there was nobody who could be asked. */
export function verdictOf(report: ChainReport, { alone }: { readonly alone: boolean }): AuditVerdict {
  const { ok, checked, brokenAt, witnessed, accepted, signedTo, headHash, from, to } = report;
  return {
    ok,
    checked,
    ...(brokenAt === undefined ? {} : { broken_at: brokenAt }),
    from,
    to,
    head_hash: headHash,
    signed_to: signedTo,
    accepted,
    ...(witnessed === undefined
      ? {}
      : {
          witnessed: {
            to: witnessed.to,
            by: witnessed.by,
            seen_to: witnessed.seenTo,
            entries_since: witnessed.entriesSince,
            since: witnessed.sinceMs === undefined ? undefined : new Date(witnessed.sinceMs).toISOString(),
            alone,
          },
        }),
  };
}
