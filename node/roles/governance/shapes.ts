import { z } from 'zod';

export const Id = z.string().regex(/^[0-9a-f]{64}$/, 'a proposal id: 64 hex digits');
export const Text = z.string().min(1).max(4_096);
export const Instant = z.string().describe('an ISO 8601 instant');
export const ChangeType = z.enum(['minor_change', 'major_change', 'critical_change', 'emergency_action']);
export const Vote = z.enum(['approve', 'reject', 'abstain']);

/** What somebody signed who keeps the key: a compact JWS, handed in instead of the arguments that would make one. */
export const SignedStatement = z
  .string()
  .max(64 * 1024)
  .regex(/^[\w-]+\.[\w-]+\.[\w-]+$/)
  .describe('a statement that you signed yourself (compact JWS); the other arguments must say the same');

export const FinalResult = z.object({
  status: z.string(),
  votes_for: z.int(),
  votes_against: z.int(),
  total_votes: z.int(),
  required_votes: z.int(),
  reason: z.string().optional(),
});

export const ProposalDetails = z.looseObject({
  proposal_id: Id,
  title: z.string(),
  type: z.string(),
  proposer: z.string(),
  status: z.string(),
  votes_for: z.int(),
  votes_against: z.int(),
  required_votes: z.int(),
  voting_deadline: Instant,
});
