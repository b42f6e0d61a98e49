import { z } from 'zod';
import { fits, Resources } from './resources.ts';
import { DeploymentId, type Priority, priorityRank, type ShardSpec } from './spec.ts';

/** Above which a deployment needs a vote; policies `fog.vote_*` and the constitution's defaults. */
export interface VotePolicy {
  readonly above: Pick<Resources, 'cpuMilli' | 'memMib'>;
  readonly slots: number;
  /** Whether any GPU needs one. */
  readonly gpus: boolean;
  /** This class and those above it. */
  readonly priority: Priority;
}

export const VOTE_POLICY: VotePolicy = {
  above: { cpuMilli: 8_000, memMib: 16 * 1024 },
  slots: 8,
  gpus: true,
  priority: 'high',
};

/** How much an owner has, or would have. */
export interface Totals {
  readonly res: Resources;
  readonly slots: number;
}

/** Why it needs a vote; empty: it does not. `totals`: all that the owner has, this included. */
export function needsVote(
  spec: Pick<ShardSpec, 'priority'>,
  { policy, totals, publisherKnown = true }: { policy: VotePolicy; totals: Totals; publisherKnown?: boolean },
): readonly string[] {
  const reasons: string[] = [];
  if (totals.res.cpuMilli > policy.above.cpuMilli) reasons.push(`more than ${policy.above.cpuMilli} milli-cores`);
  if (totals.res.memMib > policy.above.memMib) reasons.push(`more than ${policy.above.memMib} MiB`);
  if (policy.gpus && totals.res.gpus > 0) reasons.push('a GPU');
  if (totals.slots > policy.slots) reasons.push(`more than ${policy.slots} slots`);
  if (priorityRank(spec.priority) >= priorityRank(policy.priority)) reasons.push(`priority ${spec.priority}`);
  if (!publisherKnown) reasons.push('an unknown publisher');
  return reasons;
}

/** What a vote allows. The certificate that proves it is checked by governance; this is what it must say. */
export const Approval = z.strictObject({
  owner: z.string().min(1).max(128),
  deployment: DeploymentId,
  specDigest: z.string().regex(/^[0-9a-f]{64}$/),
  maxTotal: Resources,
  maxSlots: z.int().positive().max(4_096),
  term: z.int().nonnegative(),
  /** Milliseconds since 1970. */
  notAfter: z.int().nonnegative(),
});
export type Approval = z.infer<typeof Approval>;

/** What stands against relying on an approval. `totals`: what this deployment has here, this slot included. */
export function objectToApproval(
  approval: Approval,
  asked: {
    owner: string;
    deployment: string;
    specDigest: string;
    term: number;
    totals: Totals;
    wallMs: number;
  },
): string | undefined {
  if (approval.owner !== asked.owner) return 'approved for another owner';
  if (approval.deployment !== asked.deployment) return 'approved for another deployment';
  if (approval.specDigest !== asked.specDigest) return 'approved for another spec';
  if (approval.term !== asked.term) return 'approved for another term';
  if (asked.wallMs > approval.notAfter) return 'the approval has expired';
  if (asked.totals.slots > approval.maxSlots) return `approved for ${approval.maxSlots} slots`;
  if (!fits(asked.totals.res, approval.maxTotal)) return 'more than was approved';
  return undefined;
}
