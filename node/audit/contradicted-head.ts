import { contradictedHeadKey, NEWEST_HEAD } from '../../src/audit/index.ts';
import type { BesideStore, EntryFiles } from './entry-files.ts';
import { type AuditOwner, hashAt, headIn } from './verify-audit.ts';

/**
 * Before a log is continued: a newest head that names an entry which the log has no more, or has otherwise, is put aside for good. The
 * next head takes its place, and what was cut off or rewritten while the node was down would be whole from then on.
 */
export async function keepContradictedHead(
  { files, beside }: { readonly files: Pick<EntryFiles, 'entries'>; readonly beside: BesideStore },
  owner: AuditOwner,
): Promise<void> {
  for await (const [, value] of beside.entries({ gte: NEWEST_HEAD, lte: NEWEST_HEAD })) {
    const head = headIn(value, owner);
    if (head === undefined || (await hashAt(files, head.seq)) === head.hash) continue;
    await beside.batch([{ type: 'put', key: contradictedHeadKey(head.seq), value }], { sync: true });
  }
}
