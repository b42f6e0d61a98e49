import type { OverlayEntry, ProposalView as Known, Question } from '../../src/governance/index.ts';
import type { Execution } from './call-journal.ts';
import type { ProposalStatus, ProposalView, VoteView, VoteWord } from './views.ts';

const instant = (ms: number): string => new Date(ms).toISOString();

export interface ShowContext {
  readonly nowMs: number;
  readonly executionOf: (proposalId: string) => Execution | undefined;
}

/** A proposal in the words of the interface. */
export function showProposal(known: Known, context: ShowContext): ProposalView {
  const { body, createdAtMs } = known;
  const commits = Object.entries(known.commits);
  const votes = votesOf(known);
  const words = Object.values(votes).filter(({ conditions, final }) => final || (conditions ?? []).length === 0);
  const count = (word: VoteWord) => words.filter(({ vote }) => vote === word).length;
  const execution = context.executionOf(known.id);
  const status = statusOf(known, { voted: Object.keys(votes).length > 0, execution });
  const decided = known.outcome !== 'open' && known.outcome !== 'invalid' && known.outcome !== 'dropped';
  const open = status === 'created' || status === 'voting_ongoing';
  const reason = known.invalid ?? (known.expired ? 'expired' : known.withdrawn ? 'withdrawn' : undefined);
  return {
    proposal_id: known.id,
    title: body.title,
    description: body.description,
    type: body.type,
    proposer: known.proposer,
    status,
    ...(reason === undefined ? {} : { reason }),
    voters: known.voters,
    required_votes: known.required,
    votes_for: count('approve'),
    votes_against: count('reject'),
    abstentions: count('abstain'),
    overdue: open && context.nowMs > body.deadline,
    disputed: commits.some(([, values]) => new Set(values).size > 1),
    created_at: instant(createdAtMs),
    voting_deadline: instant(body.deadline),
    proposed_changes: changesOf(known),
    ...(body.impact === undefined ? {} : { impact_assessment: body.impact }),
    votes,
    ...(decided ? { certificate_id: known.id } : {}),
    ...(execution === undefined ? {} : { execution }),
  };
}

/** The question whether what one voter laid over the policy stays, in the words of a proposal. */
export function showRatification(entry: OverlayEntry, question: Question, nowMs: number): ProposalView {
  const votes: Record<string, VoteView> = {};
  for (const [voter, { payload }] of Object.entries(question.votes)) {
    const { value, reasoning = '' } = payload.body;
    votes[voter] = { vote: value, reasoning, final: question.committed.includes(voter), at: instant(payload.ts) };
  }
  const words = Object.values(votes).map(({ vote }) => vote);
  const count = (word: VoteWord) => words.filter((one) => one === word).length;
  const status = entry.ended !== undefined ? 'rejected' : entry.ratified ? 'approved' : 'voting_ongoing';
  const held = entry.target === undefined ? {} : { hold: entry.target };
  const about = entry.proposal === undefined ? {} : { proposal: entry.proposal };
  return {
    proposal_id: entry.id,
    title: `Keep what ${entry.by} put in force alone (${entry.kind})`,
    description: 'Approve to keep it, reject to end it; it ends as well when too few have voted by the deadline.',
    type: question.type,
    proposer: entry.by,
    status,
    ...(entry.ended === undefined ? {} : { reason: entry.ended }),
    voters: question.voters,
    required_votes: question.required,
    votes_for: count('approve'),
    votes_against: count('reject'),
    abstentions: count('abstain'),
    overdue: status === 'voting_ongoing' && nowMs > question.deadline,
    disputed: false,
    created_at: instant(entry.ts),
    voting_deadline: instant(question.deadline),
    proposed_changes: { keep: entry.id, ...about, ...held },
    votes,
  };
}

function statusOf(
  known: Known,
  { voted, execution }: { readonly voted: boolean; readonly execution: Execution | undefined },
): ProposalStatus {
  switch (known.outcome) {
    case 'open':
      return voted ? 'voting_ongoing' : 'created';
    case 'rejected':
    case 'dropped':
    case 'invalid':
      return known.expired ? 'expired' : 'rejected';
    default:
      if (execution !== undefined && execution.status !== 'running')
        return execution.status === 'done' ? 'executed' : 'failed';
      if (known.standing === 'superseded' || known.standing === 'suppressed') return known.standing;
      return 'approved';
  }
}

function votesOf(known: Known): Record<string, VoteView> {
  const shown: Record<string, VoteView> = {};
  for (const [voter, { payload }] of Object.entries(known.votes)) {
    const { value, reasoning = '', conditions } = payload.body;
    const at = instant(payload.ts);
    shown[voter] = { vote: value, reasoning, ...(conditions === undefined ? {} : { conditions }), final: false, at };
  }
  for (const [voter, [first]] of Object.entries(known.commits)) {
    if (first === undefined) continue;
    const vote = shown[voter];
    // What counts in the end is the commit, which may differ from the vote (a slot that was taken, a stale base).
    shown[voter] = { reasoning: '', at: instant(known.createdAtMs), ...vote, vote: first, final: true };
  }
  return shown;
}

function changesOf({ body }: Known): Readonly<Record<string, unknown>> {
  const sets = body.actions.flatMap((action) => (action.op === 'set' ? [[action.key, action.value] as const] : []));
  const [first] = body.actions;
  if (sets.length > 0) return { config_updates: Object.fromEntries(sets) };
  if (first?.op === 'revoke') return { revoke: first.entry };
  if (first?.op === 'call') {
    return { call: { tool: first.tool, arguments: first.arguments, agent: first.agent, node_id: first.node } };
  }
  return { actions: body.actions };
}
