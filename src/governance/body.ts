import { z } from 'zod';
import type { PolicyValue } from '../constitution/index.ts';
import type { ChangeType } from '../permissions/index.ts';

export const PROPOSAL_TYPES = ['minor_change', 'major_change', 'critical_change', 'emergency_action'] as const;
export type ProposalType = ChangeType | 'emergency_action';

/** The value a register may hold; votes and commits have the same three. */
export const CHOICES = ['approve', 'reject', 'abstain'] as const;
export type Choice = (typeof CHOICES)[number];

/** What a `base` names when no decision has touched the key (or the constitution) yet. */
export const GENESIS = 'genesis';

const StatementId = z.string().regex(/^[0-9a-f]{64}$/);
const Base = z.union([z.literal(GENESIS), StatementId]);
const VoterName = z.string().regex(/^[a-z][a-z0-9_-]{0,31}$/);
const RawKey = z.string().regex(/^[A-Za-z0-9_-]{43}$/);
const Token = z
  .string()
  .min(1)
  .max(64 * 1024);
const Key = z
  .string()
  .regex(/^[a-z][a-z0-9_]*(\.[A-Za-z0-9_*@-]+)+$/)
  .max(128);
const Justification = z
  .string()
  .max(4096)
  .refine((value) => value.trim().length >= 20, 'at least 20 characters');
const Value: z.ZodType<PolicyValue> = z.json();

const PerType = z.strictObject({
  minor_change: z.int().positive(),
  major_change: z.int().positive(),
  critical_change: z.int().positive(),
  emergency_action: z.int().positive(),
});
const Durations = z.strictObject({
  minor_change: z.int().nonnegative(),
  major_change: z.int().nonnegative(),
  critical_change: z.int().nonnegative(),
  emergency_action: z.int().nonnegative(),
});

/** A change of who decides and how. `voters` replaces the whole electorate; absent members stay as they are. */
export const RuleChanges = z.strictObject({
  voters: z.record(VoterName, RawKey).optional(),
  overseer: VoterName.nullable().optional(),
  thresholds: PerType.optional(),
  change_types: z.record(z.string().max(128), z.enum(['minor_change', 'major_change', 'critical_change'])).optional(),
  period_ms: Durations.optional(),
  cool_off_ms: Durations.optional(),
  emergency_keys: z.array(z.string().max(128)).max(64).optional(),
});
export type RuleChanges = z.infer<typeof RuleChanges>;

/**
 * What a proposal does when it is approved. `base` is the id of the proposal that set the current value (compare and
 * set). `proofs` are new voters' keys saying that they are held (see key-proof.ts).
 */
export const Action = z.discriminatedUnion('op', [
  z.strictObject({ op: z.literal('set'), key: Key, base: Base, value: Value }),
  z.strictObject({ op: z.literal('amend'), base: Base, changes: RuleChanges, proofs: z.array(Token).max(9) }),
  z.strictObject({ op: z.literal('expel'), base: Base, voter: VoterName, evidence: z.tuple([Token, Token]) }),
  z.strictObject({
    op: z.literal('recover'),
    base: Base,
    voter: VoterName,
    key: RawKey,
    proof: Token,
    /** null: the intent. Otherwise the id of the approved intent that this makes final. */
    intent: StatementId.nullable(),
  }),
  /** Ends an overlay entry: an override, an emergency action or a hold. */
  z.strictObject({ op: z.literal('revoke'), entry: StatementId }),
  /** A tool call that needed a vote. It runs on `node` with the agent's authority then. */
  z.strictObject({
    op: z.literal('call'),
    node: z.string().min(1).max(128),
    agent: z.string().min(1).max(64),
    tool: z.string().min(1).max(128),
    arguments: z.record(z.string(), z.json()),
    nonce: z.string().min(1).max(64),
  }),
]);
export type Action = z.infer<typeof Action>;
export type SetAction = Extract<Action, { op: 'set' }>;

export const ProposalBody = z.strictObject({
  type: z.enum(PROPOSAL_TYPES),
  title: z.string().min(1).max(200),
  description: z.string().max(16_384),
  actions: z.array(Action).min(1).max(64),
  /** Milliseconds since 1970; the statement's `ts` plus the period of its type. */
  deadline: z.int().nonnegative(),
  impact: z.record(z.string(), z.json()).optional(),
  /** The signed request of a caller who is no voter, when this proposal sponsors one. */
  request: z.string().max(16_384).optional(),
});
export type ProposalBody = z.infer<typeof ProposalBody>;

/** With it, `proposal` is an overlay entry and the question is whether it stays. */
const ratifies = z.literal(true).optional();

export const VoteBody = z.strictObject({
  proposal: StatementId,
  ratifies,
  value: z.enum(CHOICES),
  reasoning: z.string().max(4096).optional(),
  /** An approval with conditions is recorded and not counted. */
  conditions: z.array(z.string().min(1).max(1024)).max(16).optional(),
});
export type VoteBody = z.infer<typeof VoteBody>;

/** Why a voter's node committed otherwise than its voter voted. */
export const COMMIT_REASONS = ['slot-conflict', 'stale-base', 'withdrawn', 'no-vote', 'not-justified'] as const;

/** Write-once: a key signs one value for one proposal, ever. */
export const CommitBody = z.strictObject({
  proposal: StatementId,
  ratifies,
  value: z.enum(CHOICES),
  because: z.enum(COMMIT_REASONS).optional(),
});
export type CommitBody = z.infer<typeof CommitBody>;

/** The question that a vote or a commit answers: a proposal, or whether an overlay entry stays. */
export function questionOf({ proposal, ratifies: about }: Pick<CommitBody, 'proposal' | 'ratifies'>): string {
  return about === true ? ratificationOf(proposal) : proposal;
}

/** The question whether an overlay entry stays. */
export function ratificationOf(entry: string): string {
  return `ratify:${entry}`;
}

/** Closes the epoch at the heads the voter knows. `without`: a voter whose own fence could not be had in time. */
export const FenceBody = z.strictObject({
  change: StatementId,
  heads: z.array(StatementId).max(32),
  without: VoterName.nullable(),
});
export type FenceBody = z.infer<typeof FenceBody>;

export const OverrideBody = z.strictObject({
  proposal: StatementId,
  action: z.enum(['approve', 'suppress']),
  justification: Justification,
});
export type OverrideBody = z.infer<typeof OverrideBody>;

/** Takes back the signer's own override, emergency action or hold. */
export const RevokeBody = z.strictObject({ entry: StatementId });
/** Asks those who have not committed to reject the signer's own proposal. */
export const WithdrawBody = z.strictObject({ proposal: StatementId });
/** `id`: a PeerId; the SHA-256 of a token's jti, hex; an agent's name. */
export const HoldBody = z.strictObject({
  target: z.strictObject({ kind: z.enum(['node', 'token', 'agent']), id: z.string().min(1).max(128) }),
  justification: Justification,
});
export type HoldBody = z.infer<typeof HoldBody>;
/** The node that holds the signer's key: no hold and no vote below critical reaches it. The latest counts. */
export const HomeBody = z.strictObject({ node: z.string().min(1).max(128) });
