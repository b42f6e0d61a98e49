import type { Choice } from './body.ts';
import type { Book } from './book.ts';
import type { Outcome } from './outcome.ts';
import type { StatementOf } from './statement.ts';
import type { Tally } from './tally.ts';
import type { ProposalView } from './views.ts';

/** A proposal with what is known of it now. */
export function proposalView(
  proposal: StatementOf<'proposal'>,
  { book, tally }: { book: Book; tally: Tally },
): ProposalView {
  const { id, payload } = proposal;
  const ballot = tally.ballot(proposal);
  const names = new Map((ballot?.kids ?? []).map((kid, index) => [kid, ballot?.voters[index] ?? '']));
  const votes: Record<string, StatementOf<'vote'>> = {};
  for (const [kid, vote] of book.registers.votesOn(id)) {
    const voter = names.get(kid);
    if (voter !== undefined && vote.payload.ep === payload.ep) votes[voter] = vote;
  }
  const commits: Record<string, readonly Choice[]> = {};
  for (const [kid, said] of book.registers.commitsOn(id)) {
    const voter = names.get(kid);
    const counted = said.filter((one) => one.payload.ep === payload.ep && tally.counts(one));
    if (voter !== undefined && counted.length > 0)
      commits[voter] = [...new Set(counted.map((one) => one.payload.body.value))];
  }
  const outcome = shownOutcome(id, tally);
  const said = Object.values(commits).flat();
  return {
    id,
    proposer: payload.voter,
    ep: payload.ep,
    createdAtMs: payload.ts,
    body: payload.body,
    required: ballot?.required ?? 0,
    voters: ballot?.voters ?? [],
    outcome,
    invalid: outcome === 'invalid' ? tally.objection(proposal) : undefined,
    standing: outcome === 'approved' ? tally.state().standing.get(id) : undefined,
    expired: outcome === 'rejected' && said.every((value) => value === 'abstain'),
    withdrawn: (book.withdrawals.get(id) ?? []).some((one) => one.kid === proposal.kid),
    votes,
    commits,
  };
}

function shownOutcome(id: string, tally: Tally): Outcome {
  const outcome = tally.outcome(id);
  if (outcome === 'approved' || outcome === 'invalid') return outcome;
  const isOverridden = tally
    .state()
    .overlay.some((entry) => entry.kind === 'approve' && entry.proposal === id && entry.ended !== 'void');
  return isOverridden ? 'approved_override' : outcome;
}
