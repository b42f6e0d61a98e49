import { z } from 'zod';
import type { BackendContext } from '../../backends/backend.ts';
import { refusal, result, type RoleTool, roleTool, type ToolOutcome } from '../../backends/role.ts';
import { LEVELS } from '../../../src/permissions/index.ts';
import { actorOf, refused } from './answers.ts';
import type { GovernanceParts } from './ports.ts';
import { Id } from './shapes.ts';

const Level = z.enum(LEVELS);
const AgentName = z.string().min(1).max(64);

export function registerAgent({ registrations }: GovernanceParts): RoleTool {
  return roleTool({
    name: 'register_agent',
    title: 'Register yourself',
    description:
      'Tells your node that you are at work and what you can do: the first call of an agent that starts. It grants nothing: your level stays what the village or your node gave you. Agents are made with `village agents add`.',
    input: z.strictObject({
      agent_id: AgentName.describe('yourself: the name your token has, with or without @node'),
      capabilities: z.array(z.string().min(1).max(128)).max(64).default([]),
      governance_level: Level.optional().describe('the level you think you have; the result says which you have'),
    }),
    output: z.object({
      status: z.enum(['registered']),
      agent_id: z.string(),
      governance_level: z.string().describe('the level in force for this token'),
      capabilities: z.array(z.string()),
      registered_agents: z.int(),
    }),
    annotations: { readOnlyHint: false, destructiveHint: false, idempotentHint: true, openWorldHint: false },
    handle: ({ agent_id: asked, capabilities }, { principal }) => {
      const { agentId, level } = principal;
      if (asked !== agentId && asked !== agentId.split('@', 1)[0]) {
        const message = `you are ${agentId}; another agent registers with a token of its own`;
        return refusal({ code: 'NOT_YOURSELF', message, retryable: false });
      }
      registrations.add(agentId, capabilities);
      return result({
        status: 'registered',
        agent_id: agentId,
        governance_level: level,
        capabilities,
        registered_agents: registrations.size,
      });
    },
  });
}

export function agentAuthorizationManagement(parts: GovernanceParts): RoleTool {
  return roleTool({
    name: 'agent_authorization_management',
    title: 'Manage what agents may do',
    description:
      'The king’s alone. list shows the village’s agents with the levels in force. set_level proposes another level to the voters: nobody changes it alone.',
    input: z.strictObject({
      action: z.enum(['list', 'set_level']),
      agent_id: AgentName.optional(),
      governance_level: Level.optional(),
      justification: z.string().min(1).max(4_096).optional(),
    }),
    output: z.object({
      status: z.enum(['listed', 'awaiting_vote']),
      agents: z
        .array(z.object({ agent_id: z.string(), governance_level: z.string(), role: z.string(), voter: z.boolean() }))
        .optional(),
      proposal_id: Id.optional(),
    }),
    annotations: { readOnlyHint: false, destructiveHint: false, idempotentHint: false, openWorldHint: false },
    handle: (args, context) => {
      if (args.action === 'list') return result({ status: 'listed', agents: agentsOf(parts) });
      const { agent_id: agent, governance_level: level, justification } = args;
      if (agent === undefined || level === undefined) {
        const message = 'set_level needs agent_id and governance_level';
        return refusal({ code: 'INVALID_ARGUMENTS', message, retryable: false });
      }
      return proposeLevel(parts, { agent, level, why: justification ?? `the king asks for ${level}` }, context);
    },
  });
}

function agentsOf({ desk }: GovernanceParts) {
  const { agents, voters } = desk.constitution;
  const levels = new Map(desk.policies({ key: 'agents.levels.' }).map(({ key, value }) => [key, String(value)]));
  return Object.entries(agents).map(([name, { level, role }]) => ({
    agent_id: name,
    governance_level: levels.get(`agents.levels.${name}`) ?? level,
    role,
    voter: Object.hasOwn(voters, name),
  }));
}

async function proposeLevel(
  { desk }: GovernanceParts,
  { agent, level, why }: { readonly agent: string; readonly level: string; readonly why: string },
  context: BackendContext,
): Promise<ToolOutcome> {
  const key = `agents.levels.${agent}`;
  const acted = await desk.propose(
    {
      title: `${agent} to ${level}`,
      description: why,
      type: desk.leastType({ [key]: level }),
      configUpdates: { [key]: level },
      autoVote: false,
    },
    actorOf(context),
    context,
  );
  if (acted.kind === 'refused') return refused(acted.refusal);
  return result({ status: 'awaiting_vote', proposal_id: acted.value.proposal_id });
}
