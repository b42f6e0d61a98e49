import type { BackendContext } from '../../backends/backend.ts';
import { refusal, type ToolOutcome } from '../../backends/role.ts';
import type { ActRefusal, Actor, ProposalView } from '../../governance/index.ts';

const OPEN: ReadonlySet<string> = new Set(['created', 'voting_ongoing']);

/** Whether votes still change anything. */
export const isOpen = ({ status }: ProposalView): boolean => OPEN.has(status);

export function actorOf({ principal }: BackendContext): Actor {
  const { agentId, homeNode, issuedAtMs } = principal;
  return { agentId, homeNode, issuedAtMs };
}

export function refused({ code, message, retryAfterMs, detail }: ActRefusal): ToolOutcome {
  const retry = retryAfterMs === undefined ? {} : { retry_after_ms: retryAfterMs };
  return refusal({ ...detail, code, message, retryable: retryAfterMs !== undefined, ...retry });
}

export function finalResult(proposal: ProposalView) {
  const { status, votes_for, votes_against, abstentions, required_votes, reason } = proposal;
  const total_votes = votes_for + votes_against + abstentions;
  return { status, votes_for, votes_against, total_votes, required_votes, ...(reason === undefined ? {} : { reason }) };
}

/** How many more votes decide it: approvals while they can still suffice, rejections or abstentions when they cannot. */
export function votesNeeded(proposal: ProposalView): number {
  const { voters, required_votes, votes_for, votes_against, abstentions } = proposal;
  const others = votes_against + abstentions;
  const canPass = voters.length - others >= required_votes;
  const missing = canPass ? required_votes - votes_for : voters.length - required_votes + 1 - others;
  return Math.max(0, missing);
}
