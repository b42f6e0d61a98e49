import { ACCEPTED_LOSS, type AuditAcceptance, EMPTY_RECORD, verifyAcceptance } from '../../src/audit/index.ts';
import { VillageError } from '../../src/kernel/index.ts';
import type { AdminHandlers } from '../admin/index.ts';
import type { AuditLog } from '../audit/index.ts';
import type { Witnesses } from '../witness/index.ts';

class RestoredError extends VillageError<'NOTHING_HELD' | 'BAD_ACCEPTANCE'> {}

export interface RestoredParts {
  readonly villageId: string;
  readonly nodeId: string;
  readonly log: Pick<AuditLog, 'failure' | 'recordDurably'>;
  readonly witnesses: Pick<Witnesses, 'accept' | 'restored'>;
}

/**
 * How a log that was put back from a copy gets its witnesses back: the operator of each accepts, on record there, and what that
 * witness signs for it goes on record in the log itself. Neither node can do it alone.
 */
export function restoredVerbs({
  log,
  witnesses,
  ...owner
}: RestoredParts): Pick<AdminHandlers, 'audit.accept' | 'audit.restored'> {
  return {
    'audit.accept': async ({ node, after, reason }) => {
      if (log.failure !== undefined) throw log.failure;
      const accepted = await witnesses.accept(node, { after });
      if (accepted === undefined)
        throw new RestoredError('NOTHING_HELD', `nothing is held here of entries after ${after} of node ${node}`);
      const { jws, from, to, hash } = accepted;
      await log.recordDurably({
        ...EMPTY_RECORD,
        method: 'audit.accept',
        peer: node,
        target: `${from}-${to}`,
        reason: hash,
        justification: reason,
      });
      return { acceptance: jws, node, from, to };
    },
    'audit.restored': async ({ acceptance: jws, reason }) => {
      const acceptance = verifyAcceptance(jws, owner);
      if (acceptance === undefined)
        throw new RestoredError(
          'BAD_ACCEPTANCE',
          'it is no acceptance for the log of this node: forged, or another node’s',
        );
      if (log.failure !== undefined) throw log.failure;
      const entry = await log.recordDurably({ ...recordOf(acceptance, jws), justification: reason });
      witnesses.restored(acceptance);
      const { witness: by, from, to } = acceptance;
      return { by, from, to, entry: entry?.seq };
    },
  };
}

function recordOf({ witness, from, to, hash }: AuditAcceptance, jws: string) {
  const content = JSON.stringify({ acceptance: jws });
  return { ...EMPTY_RECORD, method: ACCEPTED_LOSS, peer: witness, target: `${from}-${to}`, reason: hash, content };
}
