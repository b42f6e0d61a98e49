import type { AdminHandlers } from '../admin/index.ts';
import { auditRange, type AuditOwner, exportAudit, type LiveLog, tailAudit, verifyAudit } from '../audit/index.ts';
import type { Store } from '../storage/index.ts';

type Log = Pick<Store, 'entries'>;

/** Reading the log needs no running node. */
export function auditVerbs(log: Log, owner: AuditOwner): Pick<AdminHandlers, 'audit.verify' | 'audit.export'> {
  return {
    'audit.verify': async (places, { signal }) => {
      const range = await auditRange(log, places, { signal });
      const { ok, checked, brokenAt, ...more } = await verifyAudit(log, { ...owner, ...range, signal });
      return { ok, checked, ...(brokenAt === undefined ? {} : { broken_at: brokenAt }), ...more };
    },
    'audit.export': async function* (places, { signal }) {
      const range = await auditRange(log, places, { signal });
      for await (const line of exportAudit(log, { ...range, signal })) yield lineAsObject(line);
    },
  };
}

export function auditTail(log: LiveLog): AdminHandlers['audit.tail'] {
  return (_, { signal }) => tailAudit(log, { signal });
}

/** A damaged line is shown as it is: `audit verify` names it. */
function lineAsObject(line: string): object {
  try {
    return JSON.parse(line) as object;
  } catch {
    return { damaged: line };
  }
}
