import type { AuditVerdict } from '../../admin/index.ts';
import type { Mismatch } from '../../../src/audit/index.ts';
import type { MatchedExports } from '../../audit/index.ts';
import { printable } from '../terminal.ts';

/** Of what two logs do not agree on, how much is printed; `--json` has more. */
const MAX_SHOWN = 20;

/** One entry as a person reads it. */
export function lineOf(entry: object): string {
  const { seq, atMs, kind, agentId, method, server, target, outcome, reason } = entry as Record<
    string,
    string | number | undefined
  >;
  const time = typeof atMs === 'number' ? new Date(atMs).toISOString() : '';
  return printable(
    [seq, time, kind, agentId, method, server, target, outcome, reason]
      .filter((part) => part !== undefined && part !== '')
      .join('  '),
  );
}

/** How far others vouch for what was checked, and the window in which only this node does. */
export function witnessLines({ witnessed }: AuditVerdict): string[] {
  if (witnessed === undefined) return [];
  const { to, seen_to: seenTo, entries_since: entries, since, alone } = witnessed;
  const bySeen = Map.groupBy(Object.keys(seenTo), (witness) => seenTo[witness] ?? 0);
  bySeen.delete(0);
  const lines = [...bySeen]
    .toSorted(([a], [b]) => b - a)
    .map(([seen, by]) => `up to entry ${seen} countersigned by ${by.join(', ')}`);
  if (entries > 0)
    lines.push(
      `${entries} entries that nobody else has seen yet${since === undefined ? '' : `, the first of ${since}`}`,
    );
  else if (to > 0) lines.push('no entry that nobody else has seen');
  if (to === 0) {
    lines.push(
      alone
        ? 'no witness: there is no other node to ask, and a node alone can rewrite its whole log'
        : 'no witness yet: other nodes are connected and have not countersigned',
    );
  }
  return lines;
}

/** What this log lost that others had seen, where their operators accepted it. */
export function acceptedLines({ accepted }: AuditVerdict): string[] {
  return accepted.map(
    ({ seq, by, from, to }) =>
      `entries ${from} to ${to} as ${by} had seen them are lost: accepted there, on record here in entry ${seq}`,
  );
}

/** How two logs fit together. */
export function matchLines({
  other,
  own,
  intact,
  problem,
  matched,
  unanswered,
  uncovered,
  mismatches,
  more,
}: MatchedExports): string[] {
  if (other === undefined)
    return ['the other log does not say whose it is: export it whole, or from a start of its node'];
  if (own) return ['the other log is this node’s own: give what the other node exported'];
  const lines = [`${matched} calls with ${other} on record at both ends alike`];
  if (!intact) lines.push(`the other log is not whole: ${problem ?? 'an entry is damaged'}`);
  if (unanswered > 0) lines.push(`${unanswered} calls without an answer are on record at one end`);
  if (uncovered > 0) lines.push(`${uncovered} calls of a time that the other log does not cover`);
  for (const mismatch of mismatches.slice(0, MAX_SHOWN)) lines.push(printable(mismatchLine(mismatch)));
  const unseen = mismatches.length - Math.min(mismatches.length, MAX_SHOWN) + more;
  if (unseen > 0) lines.push(`and ${unseen} more`);
  return lines;
}

function mismatchLine(mismatch: Mismatch): string {
  switch (mismatch.kind) {
    case 'missing-here':
      return `their entry ${mismatch.theirSeq}: a call with this node that is not on record here`;
    case 'missing-there':
      return mismatch.theirSeq === undefined
        ? `entry ${mismatch.seq}: a call that is not on record there`
        : `entry ${mismatch.seq}: the other node gave its entry ${mismatch.theirSeq} as receipt, and has it no more`;
    case 'lost-there':
      return `entry ${mismatch.seq}: the other node gave its entry ${mismatch.theirSeq} as receipt and, by its own log, was ended by force before that was on disk`;
    case 'other-there':
      return `entry ${mismatch.seq}: the other node gave its entry ${mismatch.theirSeq} as receipt, and another stands there now`;
    case 'differs':
      return `entry ${mismatch.seq} and their entry ${mismatch.theirSeq} are of one call and differ in ${mismatch.field}`;
  }
}
