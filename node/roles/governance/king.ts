import { z } from 'zod';
import type { BackendContext } from '../../backends/backend.ts';
import { result, type RoleTool, roleTool, type ToolOutcome } from '../../backends/role.ts';
import { BLOCKED_KEY, EVERYTHING } from '../../router/index.ts';
import { actorOf, refused } from './answers.ts';
import type { GovernanceParts } from './ports.ts';
import { restart } from './restart.ts';
import { Id, Instant, Justification, SignedStatement } from './shapes.ts';

const IRREVOCABLE = {
  readOnlyHint: false,
  destructiveHint: true,
  idempotentHint: false,
  openWorldHint: false,
} as const;
/** The names that AIVillage's documents use for servers. */
const COMPONENTS: Readonly<Record<string, string>> = {
  all_systems: EVERYTHING,
  digital_twins: 'twin',
  digital_twin: 'twin',
  hyperrag: 'hyperrag',
  distributed_rag: 'hyperrag',
  fog_compute: 'fog',
};

const Emergency = z.object({
  success: z.boolean(),
  emergency_id: Id.optional().describe('absent for a restart: nothing stays in force'),
  action_taken: z.string(),
  affected_systems: z.array(z.string()),
  estimated_completion: Instant,
  recovery_instructions: z.string(),
});

export function kingOverrideVote({ desk }: GovernanceParts): RoleTool {
  return roleTool({
    name: 'king_override_vote',
    title: 'Override a vote',
    description:
      'The king’s alone: approve puts what a proposal says in force above the voted policy, suppress takes it out of force. Justified, on record for everybody, once a minute, once for a proposal, and never about who decides or how. ' +
      'The other voters can end it: it lapses unless they let it stand.',
    input: z.strictObject({
      proposal_id: Id,
      action: z.enum(['approve', 'suppress']).default('approve'),
      justification: Justification,
      signed_statement: SignedStatement.optional(),
    }),
    output: z.object({
      override_recorded: z.boolean(),
      override_id: Id.describe('vote on it to keep or end the override'),
      proposal_id: Id,
      proposal_status: z.string(),
    }),
    annotations: IRREVOCABLE,
    handle: async (args, context) => {
      const { proposal_id: proposalId, action, justification, signed_statement: signedStatement } = args;
      const request = { proposalId, action, justification, signedStatement };
      const acted = await desk.override(request, actorOf(context), context);
      if (acted.kind === 'refused') return refused(acted.refusal);
      const { entryId, proposal } = acted.value;
      return result({
        override_recorded: true,
        override_id: entryId,
        proposal_id: proposalId,
        proposal_status: proposal.status,
      });
    },
  });
}

export function emergencyOverride(parts: GovernanceParts): RoleTool {
  return roleTool({
    name: 'emergency_override',
    title: 'Emergency action',
    description:
      'The king’s alone. emergency_shutdown stops every call to a server (target_system: its name, or all_systems) on every node but those of governance and of the mesh; privacy_lockdown does the same for digital_twins or hyperrag. force_restart stops and starts again, here and on no other node: a server of this node, or node for the node itself. ' +
      'In force at once here and on each node that hears of it, also with the mesh cut off. The other voters can end it; it lapses unless they let it stand.',
    input: z.strictObject({
      override_action: z.enum(['emergency_shutdown', 'force_restart', 'privacy_lockdown']),
      target_system: z.string().min(1).max(64).default('all_systems'),
      justification: Justification,
      estimated_downtime: z.union([z.string().max(64), z.int()]).optional(),
      recovery_plan: z.string().max(4_096).optional(),
    }),
    output: Emergency,
    annotations: IRREVOCABLE,
    handle: (args, context) => {
      const { override_action: action, target_system: target, justification } = args;
      if (action === 'force_restart') return restart(parts, target);
      const plan = args.recovery_plan;
      return block(parts, { action, target, justification, plan, downtime: args.estimated_downtime }, context);
    },
  });
}

export function emergencySystemShutdown(parts: GovernanceParts): RoleTool {
  return roleTool({
    name: 'emergency_system_shutdown',
    title: 'Stop everything',
    description:
      'The king’s alone: stops all calls on every node but those of governance and of the mesh. The same as emergency_override with emergency_shutdown of all_systems.',
    input: z.strictObject({ justification: Justification, recovery_plan: z.string().max(4_096).optional() }),
    output: Emergency,
    annotations: IRREVOCABLE,
    handle: ({ justification, recovery_plan: plan }, context) =>
      block(parts, { action: 'emergency_shutdown', target: 'all_systems', justification, plan }, context),
  });
}

interface Block {
  readonly action: string;
  readonly target: string;
  readonly justification: string;
  readonly plan?: string | undefined;
  readonly downtime?: string | number | undefined;
}

async function block({ desk, wallMs }: GovernanceParts, asked: Block, context: BackendContext): Promise<ToolOutcome> {
  const { action, target, justification, plan, downtime } = asked;
  const server = COMPONENTS[target] ?? target;
  const [row] = desk.policies({ key: BLOCKED_KEY });
  const before = Array.isArray(row?.value) ? row.value : [];
  const impact = {
    emergency_action: action,
    target_system: target,
    ...(plan === undefined ? {} : { recovery_plan: plan }),
    ...(downtime === undefined ? {} : { estimated_downtime: downtime }),
  };
  const acted = await desk.propose(
    {
      title: `${action}: ${target}`,
      description: justification,
      type: 'emergency_action',
      configUpdates: { [BLOCKED_KEY]: [...new Set([...before, server])] },
      impact,
      autoVote: true,
    },
    actorOf(context),
    context,
  );
  if (acted.kind === 'refused') return refused(acted.refusal);
  const { proposal_id: id, status } = acted.value;
  return result({
    success: status === 'approved',
    emergency_id: id,
    action_taken: action,
    affected_systems: [target],
    estimated_completion: new Date(wallMs()).toISOString(),
    recovery_instructions: `${plan === undefined ? '' : `${plan}\n`}It ends when sage and curator let it lapse, or with: village gov revoke ${id}`,
  });
}
