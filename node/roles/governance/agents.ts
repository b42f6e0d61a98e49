import { z } from 'zod';
import type { BackendContext } from '../../backends/backend.ts';
import { refusal, result, type RoleTool, roleTool, type ToolOutcome } from '../../backends/role.ts';
import { LEVELS } from '../../../src/permissions/index.ts';
import { hold } from './alone.ts';
import { actorOf, refused } from './answers.ts';
import type { GovernanceParts } from './ports.ts';
import { Id } from './shapes.ts';

const Level = z.enum(LEVELS);
/** The least that a justification says. */
const MIN_JUSTIFICATION = 20;
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
      'The king’s alone. list shows the village’s agents with the levels in force. set_level proposes another level to the voters: nobody changes it alone. hold stops an agent at once, until the voters have decided on it; release ends a hold of yours.',
    input: z.strictObject({
      action: z.enum(['list', 'set_level', 'hold', 'release']),
      agent_id: AgentName.optional(),
      governance_level: Level.optional(),
      hold_id: Id.optional().describe('what release ends'),
      justification: z.string().min(1).max(4_096).optional().describe('for hold: 20 characters or more'),
    }),
    output: z.object({
      status: z.enum(['listed', 'awaiting_vote', 'held', 'released']),
      agents: z
        .array(
          z.object({
            agent_id: z.string(),
            governance_level: z.string(),
            role: z.string(),
            voter: z.boolean(),
            held: z.boolean(),
          }),
        )
        .optional(),
      proposal_id: Id.optional(),
      hold_id: Id.optional(),
    }),
    annotations: { readOnlyHint: false, destructiveHint: false, idempotentHint: false, openWorldHint: false },
    handle: (args, context) => {
      if (args.action === 'list') return result({ status: 'listed', agents: agentsOf(parts) });
      const { agent_id: agent, governance_level: level, justification } = args;
      if (args.action === 'hold') return holdAgent(parts, { agent, justification }, context);
      if (args.action === 'release') return release(parts, args.hold_id, context);
      if (agent === undefined || level === undefined) {
        const message = 'set_level needs agent_id and governance_level';
        return refusal({ code: 'INVALID_ARGUMENTS', message, retryable: false });
      }
      return proposeLevel(parts, { agent, level, why: justification ?? `the king asks for ${level}` }, context);
    },
  });
}

function holdAgent(
  parts: GovernanceParts,
  { agent, justification = '' }: { readonly agent: string | undefined; readonly justification?: string | undefined },
  context: BackendContext,
): Promise<ToolOutcome> | ToolOutcome {
  if (agent === undefined || justification.trim().length < MIN_JUSTIFICATION) {
    const message = `hold needs agent_id and a justification of ${MIN_JUSTIFICATION} characters or more`;
    return refusal({ code: 'INVALID_ARGUMENTS', message, retryable: false });
  }
  return hold(parts, { target: { kind: 'agent', id: agent }, justification }, context);
}

async function release(
  { desk }: GovernanceParts,
  id: string | undefined,
  context: BackendContext,
): Promise<ToolOutcome> {
  if (id === undefined) {
    return refusal({ code: 'INVALID_ARGUMENTS', message: 'release needs the hold_id', retryable: false });
  }
  const acted = await desk.takeBack({ id }, actorOf(context), context);
  return acted.kind === 'refused' ? refused(acted.refusal) : result({ status: 'released', hold_id: id });
}

function agentsOf({ desk }: GovernanceParts) {
  const { agents } = desk.constitution;
  const { voters } = desk.rules();
  const levels = new Map(desk.policies({ key: 'agents.levels.' }).map(({ key, value }) => [key, String(value)]));
  const held = desk.held('agent');
  return Object.entries(agents).map(([name, { level, role }]) => ({
    agent_id: name,
    governance_level: levels.get(`agents.levels.${name}`) ?? level,
    role,
    voter: Object.hasOwn(voters, name),
    held: held.has(name),
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
