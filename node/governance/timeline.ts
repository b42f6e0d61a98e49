import type { OverlayEntry, ProposalView as Known, Statement } from '../../src/governance/index.ts';
import type { TimelineEntry } from './views.ts';

const instant = (ms: number): string => new Date(ms).toISOString();

/** A proposal, or what one voter put in force alone, with what came of it. */
export interface Subject {
  readonly id: string;
  readonly known: Known | undefined;
  readonly laid: OverlayEntry | undefined;
}

/** Everything that was said about it, in the order of the signers' clocks. */
export function timelineOf({ id, known, laid }: Subject, statements: Iterable<Statement>): TimelineEntry[] {
  const entries: (TimelineEntry & { readonly ts: number })[] = [];
  for (const statement of statements) {
    const { ts, voter: by } = statement.payload;
    const what = statement.id === id ? began(statement.payload) : said(statement.payload, id);
    if (what !== undefined) entries.push({ ts, at: instant(ts), by, what });
  }
  entries.sort((one, other) => one.ts - other.ts);
  const at = entries.at(-1)?.at ?? '';
  const ends = [known === undefined ? undefined : outcomeText(known), laid === undefined ? undefined : endText(laid)];
  return [
    ...entries.map(({ at: when, by, what }) => ({ at: when, by, what })),
    ...ends.flatMap((what) => (what === undefined ? [] : [{ at, by: 'village', what }])),
  ];
}

function began(payload: Statement['payload']): string {
  switch (payload.kind) {
    case 'hold':
      return `held back ${payload.body.target.kind} ${payload.body.target.id}: ${payload.body.justification}`;
    case 'override':
      return `overrode ${payload.body.proposal}: ${payload.body.action}: ${payload.body.justification}`;
    default:
      return 'proposed it';
  }
}

function said(payload: Statement['payload'], id: string): string | undefined {
  if (payload.kind === 'revoke') return payload.body.entry === id ? 'took it back' : undefined;
  if (!('proposal' in payload.body) || payload.body.proposal !== id) return undefined;
  switch (payload.kind) {
    case 'vote': {
      const { value, reasoning, conditions = [] } = payload.body;
      const when = conditions.length === 0 ? '' : `, on conditions: ${conditions.join('; ')}`;
      return `voted ${value}${about(payload.body)}${when}${reasoning === undefined ? '' : `: ${reasoning}`}`;
    }
    case 'commit': {
      const { value, because } = payload.body;
      return `committed ${value}${about(payload.body)}${because === undefined ? '' : ` (${because})`}`;
    }
    case 'override':
      return `overrode it: ${payload.body.action}: ${payload.body.justification}`;
    case 'withdraw':
      return 'asked to withdraw it';
    default:
      return undefined;
  }
}

const about = ({ ratifies }: { readonly ratifies?: true | undefined }): string =>
  ratifies === true ? ' on whether it stays' : '';

function outcomeText({ outcome, standing, expired }: Known): string | undefined {
  if (outcome === 'open') return undefined;
  if (outcome === 'rejected' && expired) return 'expired';
  return standing === undefined || standing === 'in-force'
    ? outcome.replaceAll('_', ' ')
    : `${outcome.replaceAll('_', ' ')}, ${standing}`;
}

function endText({ ended, ratified }: OverlayEntry): string | undefined {
  if (ended !== undefined) return `it ended: ${ended}`;
  return ratified ? 'the voters let it stand' : undefined;
}
