import { z } from 'zod';
import { canonicalJson, sha256Hex } from '../../../src/kernel/index.ts';
import { refusal, result, type RoleContext, type RoleTool, roleTool, type ToolOutcome } from '../../backends/role.ts';
import { deployed, deploymentAnswer, filteredRow, perNodeRows, refused } from './answers.ts';
import { READS } from './discover.ts';
import type { FogRoleParts } from './ports.ts';
import { placingOf } from './request.ts';
import { DeploymentAnswer, MAX_INPUT_BYTES, NodeRefusal, Wanted } from './shapes.ts';

/** What is left of a call's deadline to say how things stand. */
const ANSWER_MS = 500;
const MAX_KEYS = 1_024;

export const Deploy = Wanted.extend({
  wait: z
    .enum(['accepted', 'running'])
    .default('running')
    .describe('accepted: a node has promised it; running: it answers'),
  replace: z.boolean().default(false).describe('stops what runs under this id and is something else'),
  idempotency_key: z.string().min(1).max(128).optional().describe('the same key with other arguments is refused'),
});
export type Deploy = z.output<typeof Deploy>;

export function deployAgentShard(parts: FogRoleParts): RoleTool {
  const keys = new IdempotencyKeys();
  return roleTool({
    name: 'deploy_agent_shard',
    title: 'Deploy a shard of an agent',
    description:
      'Runs a shard of an agent on a node of the village as a process of its own, within its limits, and keeps it running: when its node is lost it comes back elsewhere with a higher epoch. ' +
      'Without target_node nodes with room are asked; with it only that one is. Its tools are then called SERVER__tool through any gateway. ' +
      'The same call again changes nothing. Above fog.vote_above it answers awaiting_vote with the proposal, and begins by itself when that is approved. status unknown means that it is not known whether it runs: ask get_shard_status, do not deploy another.',
    input: Deploy,
    output: DeploymentAnswer,
    annotations: { readOnlyHint: false, destructiveHint: false, idempotentHint: true, openWorldHint: false },
    handle: async (args, context) => {
      const { idempotency_key: key, ...wanted } = args;
      if (key !== undefined && !keys.admits(context.principal.agentId, key, wanted)) {
        return refusal({ code: 'CONFLICT', message: 'that key was used with other arguments', retryable: false });
      }
      return deploy(parts, wanted, context);
    },
  });
}

/** Begins it and says how it stands when what was waited for came, or the call is about to be over. */
export async function deploy(
  { office, nodeId }: FogRoleParts,
  wanted: Omit<Deploy, 'idempotency_key'>,
  context: RoleContext,
): Promise<ToolOutcome> {
  const placing = placingOf(wanted, nodeId);
  if (placing === undefined) return tooMuch();
  const { onProgress, principal, traceparent } = context;
  let progress = 0;
  const answer = await office.deploy(
    { ...placing, wait: wanted.wait, replace: wanted.replace },
    {
      principal,
      traceparent,
      signal: waitOf(context),
      onProgress: ({ to, because, peer, slot }) => {
        const where = peer === undefined ? '' : ` (${peer})`;
        const which = wanted.slots > 1 && slot !== undefined ? `slot ${slot.slot}: ` : '';
        onProgress?.({ progress: ++progress, message: `${which}${to}, ${because}${where}` });
      },
    },
  );
  const about = { office, need: placing.spec.res };
  return answer.kind === 'refused' ? refused(answer.refusal, about) : deployed(deploymentAnswer(answer.value, about));
}

export function planAgentShard({ office, nodeId }: FogRoleParts): RoleTool {
  return roleTool({
    name: 'plan_agent_shard',
    title: 'Plan a deployment',
    description:
      'Says where the slots of a deployment would go by what is known now, why other nodes are out, and whether it needs a vote. Asks nobody, holds nothing, begins nothing.',
    input: Wanted,
    output: z.object({
      feasible: z.boolean(),
      slots: z.array(z.object({ slot: z.int(), node_id: z.string() })),
      missing: z.int().describe('slots without a place'),
      needs_vote: z.array(z.string()).describe('why it needs a vote; empty: it does not'),
      filtered: z.record(z.string(), z.int()),
      per_node: z.array(NodeRefusal),
    }),
    annotations: READS,
    handle: (wanted) => {
      const placing = placingOf(wanted, nodeId);
      if (placing === undefined) return tooMuch();
      const { slots, filtered, perNode, needsVote } = office.plan(placing);
      return result({
        feasible: slots.length === wanted.slots,
        slots: slots.map((one) => ({ slot: one.slot, node_id: one.nodeId })),
        missing: wanted.slots - slots.length,
        needs_vote: needsVote,
        filtered: filteredRow(filtered),
        per_node: perNodeRows(perNode),
      });
    },
  });
}

export function waitOf({ signal, deadlineAt }: RoleContext): AbortSignal {
  const leftMs = Math.max(1, Math.floor(deadlineAt - performance.now() - ANSWER_MS));
  return AbortSignal.any([signal, AbortSignal.timeout(Math.min(leftMs, 2 ** 31 - 1))]);
}

function tooMuch(): ToolOutcome {
  const message = `args, state and env are more than ${MAX_INPUT_BYTES} bytes of JSON`;
  return refusal({ code: 'INVALID_ARGUMENTS', message, retryable: false });
}

/** What each key was first used for, since this node started; the oldest are forgotten. */
class IdempotencyKeys {
  readonly #used = new Map<string, string>();

  admits(agent: string, key: string, wanted: object): boolean {
    const name = `${agent} ${key}`;
    const digest = sha256Hex(canonicalJson(wanted));
    const before = this.#used.get(name);
    if (before !== undefined) return before === digest;
    this.#used.set(name, digest);
    if (this.#used.size > MAX_KEYS) this.#used.delete(this.#used.keys().next().value as string);
    return true;
  }
}
