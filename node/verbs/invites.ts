import { VillageError } from '../../src/kernel/index.ts';
import type { AdminHandlers } from '../admin/index.ts';
import type { Village } from '../village/index.ts';

export class JoinError extends VillageError<'NODE_RUNNING'> {}

/** `addresses`: of the running node, or the last known. */
export function inviteVerb(village: Village, addresses: () => Promise<readonly string[]>): AdminHandlers['invite'] {
  return async ({ ttl_ms: ttlMs, uses, level, may_invite: mayInvite }) => {
    const here = await addresses();
    const made = village.createInvite({ addresses: here, ttlMs, uses, level, mayInvite });
    const warnings = made.warning === undefined ? [] : [made.warning];
    return {
      invite: made.invite,
      expires_at: new Date(made.expiresAtMs).toISOString(),
      uses,
      addresses: here,
      warnings,
    };
  };
}

/** A village is joined by a folder, not by a node that already lives in one. */
export function joinWhileRunning(): AdminHandlers['join'] {
  return async () => {
    throw new JoinError('NODE_RUNNING', 'a node runs on this data folder', {
      hint: 'stop it first, or join with another folder: --data DIR',
    });
  };
}
