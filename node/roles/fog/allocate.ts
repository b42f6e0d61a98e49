import { z } from 'zod';
import { refusal, result, type RoleContext, type RoleTool, roleTool, type ToolOutcome } from '../../backends/role.ts';
import { refused, shardRow, unknownShard } from './answers.ts';
import { deploy, Deploy, waitOf } from './deploy.ts';
import { ledgerRow, LedgerRow } from './ledger-row.ts';
import type { FogRoleParts } from './ports.ts';
import { Cores, Gib, NodeId, Priority, Shard } from './shapes.ts';

const NOTHING = { cpuMilli: 0, memMib: 0, diskMib: 0, gpus: 0 };
/** A move is worth its restart from that difference of load on, in percent. */
const WORTH_PERCENT = 25;

const Constraints = z.strictObject({
  shard_id: z.string().max(128).optional().describe('for allocate; target_system by default'),
  cpu_cores: Cores.optional(),
  memory_gb: Gib.optional().describe('GiB'),
  priority: Priority.optional(),
  slots: z.int().min(1).max(64).optional(),
  target_node: NodeId.optional(),
});

const Suggestion = z.object({
  shard_id: z.string(),
  from_node: z.string(),
  from_load_percent: z.int(),
  to_node: z.string(),
  to_load_percent: z.int(),
});

export function resourceAllocation(parts: FogRoleParts): RoleTool {
  return roleTool({
    name: 'resource_allocation',
    title: 'Allocate resources',
    description:
      'view: the books of your node and the shards it deployed. allocate: runs a shard of the kind target_system, as deploy_agent_shard does. release: ends the shard target_system. optimize: which shards of yours would sit better elsewhere, by load; it moves nothing. Needs a vote of the village each time.',
    input: z.strictObject({
      action: z.enum(['view', 'allocate', 'optimize', 'release']),
      target_system: z.string().min(1).max(140).optional(),
      optimization_criteria: z
        .array(z.enum(['load']))
        .max(8)
        .default(['load']),
      constraints: Constraints.prefault({}),
    }),
    output: z.object({
      action: z.string(),
      ledger: LedgerRow.optional(),
      shards: z.array(Shard).optional(),
      suggestions: z.array(Suggestion).optional(),
      deployment: z.looseObject({ deployment_id: z.string(), status: z.string() }).optional(),
    }),
    annotations: { readOnlyHint: false, destructiveHint: true, idempotentHint: true, openWorldHint: false },
    handle: ({ action, target_system: target, constraints }, context) => {
      if (action === 'view')
        return result({ action, ledger: ledgerRow(parts.office.ledger()), shards: ownShards(parts) });
      if (action === 'optimize') return result({ action, suggestions: suggestions(parts) });
      if (target === undefined) {
        return refusal({ code: 'INVALID_ARGUMENTS', message: `${action} needs target_system`, retryable: false });
      }
      return action === 'release' ? release(parts, target, context) : allocate(parts, { target, constraints }, context);
    },
  });
}

async function allocate(
  parts: FogRoleParts,
  { target, constraints }: { readonly target: string; readonly constraints: z.output<typeof Constraints> },
  context: RoleContext,
): Promise<ToolOutcome> {
  const { shard_id: id = target, slots, target_node: node, ...amounts } = constraints;
  const asked = Deploy.safeParse({
    agent_type: target,
    shard_id: id,
    resource_allocation: amounts,
    ...(slots === undefined ? {} : { slots }),
    ...(node === undefined ? {} : { target_node: node }),
  });
  if (!asked.success) {
    const message = 'target_system is a kind of agent (A–Z a–z 0–9 _ -), constraints.shard_id a name for the shard';
    return refusal({ code: 'INVALID_ARGUMENTS', message, retryable: false });
  }
  const outcome = await deploy(parts, asked.data, context);
  return outcome.kind === 'refusal' ? outcome : result({ action: 'allocate', deployment: outcome.value });
}

async function release({ office }: FogRoleParts, shard: string, context: RoleContext): Promise<ToolOutcome> {
  if (office.status(shard) === undefined) return unknownShard(shard);
  const answer = await office.stop(shard, { signal: waitOf(context) });
  if (answer.kind === 'refused') return refused(answer.refusal, { office });
  return result({ action: 'release', shards: answer.value.shards.map(shardRow) });
}

function ownShards({ office, nodeId }: FogRoleParts) {
  const own = office.list().filter(({ owner }) => owner === nodeId);
  return own.flatMap(({ shards }) => shards.map(shardRow));
}

/** Shards of this node's that run on a node much busier than another one that has room for what runs there least. */
function suggestions({ office, nodeId }: FogRoleParts): z.input<typeof Suggestion>[] {
  const { nodes } = office.nodes({ need: NOTHING });
  const loads = new Map(nodes.map(({ nodeId: node, ad }) => [node, loadOf(ad)]));
  const [idlest] = [...loads].toSorted((one, other) => one[1] - other[1]);
  if (idlest === undefined) return [];
  const [to_node, to_load_percent] = idlest;
  return office
    .list()
    .filter(({ owner }) => owner === nodeId)
    .flatMap(({ shards }) => shards)
    .flatMap(({ shardId, nodeId: from }) => {
      const load = from === undefined ? undefined : loads.get(from);
      if (from === undefined || load === undefined || load - to_load_percent < WORTH_PERCENT) return [];
      return [{ shard_id: shardId, from_node: from, from_load_percent: load, to_node, to_load_percent }];
    });
}

/** Of the dimension that is fullest, in percent. */
function loadOf({ cap, free }: { cap: typeof NOTHING; free: typeof NOTHING }): number {
  const share = (all: number, left: number): number => (all === 0 ? 0 : 100 * (1 - left / all));
  return Math.round(Math.max(share(cap.cpuMilli, free.cpuMilli), share(cap.memMib, free.memMib)));
}
