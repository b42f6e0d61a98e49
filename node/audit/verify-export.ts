import { type ChainReport, ChainVerifier } from '../../src/audit/index.ts';
import type { AuditOwner } from './verify-audit.ts';

/**
 * Checks exported JSON lines without the node: every entry against the one before it, from the log's beginning or, for a part of
 * it, from the hash of the entry before the part (`after`). Signed heads are not in an export: a cut-off end is not found here.
 */
export async function verifyExport(
  lines: AsyncIterable<string> | Iterable<string>,
  owner: Pick<AuditOwner, 'villageId' | 'nodeId'> & {
    readonly after?: { readonly seq: number; readonly hash: string } | undefined;
  },
): Promise<ChainReport> {
  const verifier = new ChainVerifier(owner);
  for await (const line of lines) {
    if (line !== '') verifier.next(claimedSeq(line), line);
  }
  return verifier.end();
}

/** The number a line gives itself; undefined when it gives none. Whether the rest of it is an entry is the verifier's to say. */
function claimedSeq(line: string): number | undefined {
  const match = /^\{"seq":([1-9]\d{0,15}),/.exec(line);
  return match === null ? undefined : Number(match[1]);
}
