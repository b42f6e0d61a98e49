import { z } from 'zod';
import { RuleChanges } from '../../../src/governance/index.ts';

export const Id = z.string().regex(/^[0-9a-f]{64}$/, 'a proposal id: 64 hex digits');
export const Text = z.string().min(1).max(4_096);
export const Justification = z
  .string()
  .min(20)
  .max(4_096)
  .describe('why, 20 characters or more; signed, and everybody can read it');
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

const Voter = z.string().min(1).max(32);

export const RulesChange = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('expel'), voter: Voter.describe('who signed two votes that contradict') }),
  z.strictObject({
    kind: z.literal('recover'),
    voter: Voter.describe('who lost the key'),
    key: z.string().max(64).describe('the new key, raw, base64url'),
    proof: z.string().max(2_048).describe('the new key’s own signature: `village gov new-key` makes both'),
  }),
  z.strictObject({
    kind: z.literal('amend'),
    changes: RuleChanges,
    proofs: z.array(z.string().max(2_048)).max(9).default([]),
  }),
]);
