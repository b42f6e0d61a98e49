import { decodeEntry, ENTRY_KEYS, genesisHash, openRecord, seqOfKey } from '../../src/audit/index.ts';
import { sha256Hex } from '../../src/kernel/index.ts';
import type { Store } from '../storage/index.ts';
import { AuditError } from './audit-error.ts';

/** Where a stored log ends, and how. */
export interface Tail {
  readonly seq: number;
  readonly hash: string;
  /** Set when the last run did not end the log itself. */
  readonly interrupted?: { readonly reason: 'unclean-stop' | 'damaged-end'; readonly lastAtMs: number } | undefined;
}

/** Errors: AUDIT_CORRUPT when something that is no entry stands at the end of the log. */
export async function tailOf(
  store: Pick<Store, 'entries'>,
  owner: { readonly villageId: string; readonly nodeId: string; readonly cutBytes?: number },
): Promise<Tail> {
  const last = await lastOf(store);
  if (last === undefined) return { seq: 0, hash: genesisHash(owner.villageId, owner.nodeId) };
  const seq = seqOfKey(last[0]);
  if (seq === undefined) {
    throw new AuditError('AUDIT_CORRUPT', 'the audit log ends in something that is no entry', {
      hint: '`village audit verify` says where the log is intact',
    });
  }
  const opened = openRecord(last[1]);
  const decoded = opened === undefined ? undefined : decodeEntry(opened.line);
  if (opened === undefined || decoded?.kind !== 'entry') {
    // The node must be able to start: the chain goes on from what is there, and `verify` keeps naming the damaged entry.
    return { seq, hash: opened?.hash ?? sha256Hex(last[1]), interrupted: { reason: 'damaged-end', lastAtMs: 0 } };
  }
  if (owner.cutBytes !== undefined && owner.cutBytes > 0) {
    return { seq, hash: opened.hash, interrupted: { reason: 'damaged-end', lastAtMs: decoded.entry.atMs } };
  }
  if (decoded.entry.kind === 'stop') return { seq, hash: opened.hash };
  return { seq, hash: opened.hash, interrupted: { reason: 'unclean-stop', lastAtMs: decoded.entry.atMs } };
}

async function lastOf(store: Pick<Store, 'entries'>): Promise<readonly [string, Uint8Array] | undefined> {
  for await (const entry of store.entries({ ...ENTRY_KEYS, reverse: true, limit: 1 })) return entry;
  return undefined;
}
