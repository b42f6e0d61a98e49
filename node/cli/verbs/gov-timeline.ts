import type { Answers } from '../../admin/index.ts';
import { listing, printable } from '../terminal.ts';

/** A proposal as a person reads it: what it is, who voted what, and what happened when. */
export function timelineOf({ proposal, timeline }: Answers['gov.show']): string {
  const { title, description, proposed_changes: changes, votes, impact_assessment: _, ...facts } = proposal;
  const lines = [printable(title), '', listing(facts)];
  if (description !== title) lines.push('', printable(description));
  lines.push('', 'changes', ...changeLines(changes));
  lines.push('', 'votes', ...Object.entries(votes).map(([voter, vote]) => voteLine(voter, vote)));
  lines.push(
    '',
    'what happened',
    ...timeline.map(({ at, what, by }) => printable(`  ${at}  ${by.padEnd(10)}  ${what}`)),
  );
  return lines.join('\n');
}

function changeLines(changes: Readonly<Record<string, unknown>>): string[] {
  const updates = changes['config_updates'];
  const { config_updates: __, ...others } = changes;
  const entries = [
    ...Object.entries(typeof updates === 'object' && updates !== null ? updates : {}),
    ...Object.entries(others),
  ];
  if (entries.length === 0) return ['  none: it is a resolution'];
  return entries.map(([key, value]) => printable(`  ${key} → ${JSON.stringify(value)}`));
}

function voteLine(voter: string, vote: Answers['gov.show']['proposal']['votes'][string]): string {
  const final = vote.final ? ', final' : '';
  const conditions =
    vote.conditions === undefined ? '' : ` (not counted: on conditions: ${vote.conditions.join('; ')})`;
  return printable(`  ${voter.padEnd(10)}  ${vote.vote}${final}${conditions}  ${vote.reasoning}`);
}
