import { z } from 'zod';
import type { BackendContext } from '../../backends/backend.ts';
import { refusal, result, type RoleTool, roleTool, type ToolOutcome } from '../../backends/role.ts';
import type { HoldRequest } from '../../governance/index.ts';
import { actorOf, refused } from './answers.ts';
import type { GovernanceParts } from './ports.ts';
import { Id, Instant, Justification, SignedStatement } from './shapes.ts';

const ACTS = { readOnlyHint: false, destructiveHint: true, idempotentHint: false, openWorldHint: false } as const;

/** What an agent sees of a hold. */
export const Held = z.object({
  status: z.string(),
  hold_id: Id.describe('vote on it with governance_vote to keep or end the hold'),
  voting_deadline: Instant,
  required_votes: z.int(),
});

export function governanceHold(parts: GovernanceParts): RoleTool {
  return roleTool({
    name: 'governance_hold',
    title: 'Hold back a node, a token or an agent',
    description:
      'Any one voter’s, for what cannot wait for a vote: a stolen token, a hostile node or agent. In force on every node that hears of it; it lapses unless enough voters approve it. It never reaches a voter, nor the node with a voter’s key; ' +
      'a voter can hold the same target once. governance_withdraw with its id ends your own.',
    input: z.strictObject({
      target: z.strictObject({
        kind: z.enum(['node', 'token', 'agent']),
        id: z.string().min(1).max(128).describe('a node id; the SHA-256 of a token’s jti in hex; an agent’s name'),
      }),
      justification: Justification,
      signed_statement: SignedStatement.optional(),
    }),
    output: Held,
    annotations: ACTS,
    handle: ({ target, justification, signed_statement: signedStatement }, context) =>
      hold(parts, { target, justification, signedStatement }, context),
  });
}

/** Lays a hold for the agent that calls. */
export async function hold(
  { desk }: GovernanceParts,
  request: HoldRequest,
  context: BackendContext,
): Promise<ToolOutcome> {
  const { kind, id } = request.target;
  if (kind === 'token' && !/^[0-9a-f]{64}$/.test(id)) {
    const message = 'a token is named by the SHA-256 of its jti, 64 hex digits: never by the token itself';
    return refusal({ code: 'INVALID_ARGUMENTS', message, retryable: false });
  }
  const acted = await desk.hold(request, actorOf(context), context);
  if (acted.kind === 'refused') return refused(acted.refusal);
  const { proposal_id: hold_id, voting_deadline, required_votes } = acted.value;
  return result({ status: 'held', hold_id, voting_deadline, required_votes });
}

export function governanceWithdraw({ desk }: GovernanceParts): RoleTool {
  return roleTool({
    name: 'governance_withdraw',
    title: 'Take back what is yours',
    description:
      'Ends a hold, an override or an emergency that you put in force alone; or asks the others to reject a proposal of yours that is still open: who has not committed a vote commits a rejection.',
    input: z.strictObject({
      id: Id.describe('the hold, override, emergency or proposal'),
      signed_statement: SignedStatement.optional(),
    }),
    output: z.object({ id: Id, status: z.string(), reason: z.string().optional() }),
    annotations: ACTS,
    handle: async ({ id, signed_statement: signedStatement }, context) => {
      const acted = await desk.takeBack({ id, signedStatement }, actorOf(context), context);
      if (acted.kind === 'refused') return refused(acted.refusal);
      const { status, reason } = acted.value;
      return result({ id, status, ...(reason === undefined ? {} : { reason }) });
    },
  });
}
