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
