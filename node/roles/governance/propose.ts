import { z } from 'zod';
import { result, type RoleTool, roleTool } from '../../backends/role.ts';
import type { ProposalView } from '../../governance/index.ts';
import { actorOf, finalResult, isOpen, refused, votesNeeded } from './answers.ts';
import type { GovernanceParts } from './ports.ts';
import {
  ChangeType,
  FinalResult,
  Id,
  Instant,
  ProposalDetails,
  RulesChange,
  SignedStatement,
  Text,
  Vote,
} from './shapes.ts';

const ACTS = { readOnlyHint: false, destructiveHint: false, idempotentHint: false, openWorldHint: false } as const;
const Votes = z.object({ approve: z.array(z.string()), reject: z.array(z.string()), abstain: z.array(z.string()) });
const Details = z.record(z.string(), z.json());

export function governanceProposal({ desk }: GovernanceParts): RoleTool {
  return roleTool({
    name: 'governance_proposal',
    title: 'Propose a change',
    description:
      'Proposes a change of policy to the voters of the village. proposed_changes.config_updates names policy keys and their new values (policy_query lists the keys); each is a compare-and-set on the value that is in force now. ' +
      'The type says how many must approve: minor_change 1, major_change 2, critical_change all, emergency_action the king alone; it must be at least what the keys need. Proposing is not voting, unless auto_vote is true. Without config_updates it is a resolution.',
    input: z.strictObject({
      title: z.string().min(1).max(200),
      description: z.string().min(1).max(16_384),
      type: ChangeType,
      proposed_changes: z
        .strictObject({
          config_updates: z.record(z.string().max(128), z.json()).optional().describe('policy key → new value'),
          affected_components: z.array(z.string().max(128)).max(64).optional(),
          revoke: Id.optional().describe('an override, emergency or hold that is to end'),
          rules: RulesChange.optional().describe('a change of who decides or how: a critical_change of its own'),
        })
        .default({}),
      impact_assessment: Details.optional().describe('affected_systems, risk_level, reversible, …'),
      resources_required: Details.optional(),
      auto_vote: z.boolean().default(false).describe('approve it at once'),
      signed_statement: SignedStatement.optional(),
    }),
    output: z.object({
      proposal_id: Id,
      status: z.string(),
      required_votes: z.int(),
      voting_deadline: Instant,
      current_votes: Votes,
      proposal_details: ProposalDetails,
      final_result: FinalResult.optional(),
    }),
    annotations: ACTS,
    handle: async (args, context) => {
      const { config_updates: configUpdates = {}, revoke, rules: change } = args.proposed_changes;
      const { affected_components: components } = args.proposed_changes;
      const impact = {
        ...args.impact_assessment,
        ...(components === undefined ? {} : { affected_components: components }),
        ...(args.resources_required === undefined ? {} : { resources_required: args.resources_required }),
      };
      const acted = await desk.propose(
        {
          title: args.title,
          description: args.description,
          type: args.type,
          configUpdates,
          revoke,
          change,
          impact: Object.keys(impact).length === 0 ? undefined : impact,
          autoVote: args.auto_vote,
          signedStatement: args.signed_statement,
        },
        actorOf(context),
        context,
      );
      if (acted.kind === 'refused') return refused(acted.refusal);
      const proposal = acted.value;
      return result({
        proposal_id: proposal.proposal_id,
        status: proposal.status,
        required_votes: proposal.required_votes,
        voting_deadline: proposal.voting_deadline,
        current_votes: currentVotes(proposal),
        proposal_details: proposal,
        ...(isOpen(proposal) ? {} : { final_result: finalResult(proposal) }),
      });
    },
  });
}

export function governanceVote({ desk }: GovernanceParts): RoleTool {
  return roleTool({
    name: 'governance_vote',
    title: 'Vote on a proposal',
    description:
      'Votes approve, reject or abstain. A vote may be changed until it is committed: your node commits it when enough voters agree, at the deadline, or at once with final: true; what is committed cannot be taken back. ' +
      'An approval with conditions is recorded and not counted.',
    input: z.strictObject({
      proposal_id: Id,
      vote: Vote,
      reasoning: Text.describe('why; everybody can read it'),
      priority: z.union([z.string().max(32), z.int()]).optional(),
      conditions: z.array(z.string().min(1).max(1_024)).max(16).default([]),
      final: z.boolean().default(false),
      signed_statement: SignedStatement.optional(),
    }),
    output: z.object({
      vote_recorded: z.boolean(),
      proposal_id: Id,
      proposal_status: z.string(),
      votes_needed: z
        .int()
        .optional()
        .describe('how many more like it decide it: approvals while these can still suffice, else rejections'),
      final_result: FinalResult.optional(),
    }),
    annotations: ACTS,
    handle: async (args, context) => {
      const acted = await desk.vote(
        {
          proposalId: args.proposal_id,
          vote: args.vote,
          reasoning: args.reasoning,
          conditions: args.conditions,
          final: args.final,
          signedStatement: args.signed_statement,
        },
        actorOf(context),
        context,
      );
      if (acted.kind === 'refused') return refused(acted.refusal);
      const proposal = acted.value;
      const open = isOpen(proposal);
      return result({
        vote_recorded: true,
        proposal_id: proposal.proposal_id,
        proposal_status: proposal.status,
        ...(open ? { votes_needed: votesNeeded(proposal) } : {}),
        ...(open ? {} : { final_result: finalResult(proposal) }),
      });
    },
  });
}

function currentVotes({ votes }: ProposalView): z.infer<typeof Votes> {
  const of = (word: string) =>
    Object.entries(votes)
      .filter(([, { vote }]) => vote === word)
      .map(([voter]) => voter);
  return { approve: of('approve'), reject: of('reject'), abstain: of('abstain') };
}
