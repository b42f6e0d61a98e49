import {
  type Deployment,
  isRetryable,
  ledgerOf,
  type NodeState,
  type OwnerState,
  REFUSAL_CODES,
  type RefusalCode,
  type ShardMap,
  type Slot,
  type SlotState,
} from '../../src/fog/index.ts';
import type { DeploymentView, FogRefusal, LedgerView, NodeRefusal, ShardStatus, ShardView } from './desk.ts';
import { aliasOf } from './serving/index.ts';
import type { KnownMap } from './shard-maps.ts';

const STATUS: Readonly<Record<SlotState, ShardStatus>> = {
  awaiting_vote: 'awaiting_vote',
  pending: 'starting',
  soliciting: 'starting',
  reserving: 'starting',
  accepting: 'starting',
  uncertain: 'unknown',
  starting: 'starting',
  running: 'running',
  suspect: 'unknown',
  fenced: 'unknown',
  blocked: 'blocked',
  releasing: 'stopping',
  released: 'stopped',
  failed: 'failed',
};

const MAPPED: Readonly<Record<ShardMap['slots'][number]['state'], ShardStatus>> = {
  running: 'running',
  starting: 'starting',
  fenced: 'unknown',
  down: 'blocked',
};

/** A deployment of this node. */
export function ownView(state: OwnerState, deployment: Deployment, proposalId: string | undefined): DeploymentView {
  const { spec, deployment: id, term } = deployment;
  const owner = state.config.node;
  const server = aliasOf({ owner, deployment: id, agentType: spec.agentType });
  const slots = [...(state.slots.get(id)?.values() ?? [])];
  const shards = slots.map((slot): ShardView => {
    const last = slot.history.at(-1);
    const reason = telling(slot.reasons).at(-1);
    const bad = slot.state === 'blocked' || slot.state === 'failed';
    return {
      shardId: slots.length === 1 ? id : `${id}/${slot.slot}`,
      deployment: id,
      slot: slot.slot,
      owner,
      agentType: spec.agentType,
      // Its node ends it, and has not said yet that it has: it is asked nothing more.
      status: slot.state === 'running' && slot.holder?.state === 'stopping' ? 'unknown' : STATUS[slot.state],
      state: slot.state,
      term,
      epoch: slot.epoch,
      nodeId: slot.holder?.node,
      placementId: slot.holder?.placementId,
      reason: (bad ? reason?.code : undefined) ?? last?.because,
      detail: (bad ? reason?.detail : undefined) ?? last?.detail,
      server,
    };
  });
  const refusal = refusalIn(slots);
  return { deployment: id, owner, agentType: spec.agentType, mode: spec.mode, server, shards, proposalId, refusal };
}

/** A deployment of another node, as that node's map says. */
export function mappedView({ map, alias }: KnownMap): DeploymentView {
  const { owner, deployment, agentType, term } = map;
  const shards = map.slots.map(
    ({ slot, epoch, node, placementId, state }): ShardView => ({
      shardId: map.slots.length === 1 ? deployment : `${deployment}/${slot}`,
      ...{ deployment, slot, owner, agentType, term, epoch },
      status: MAPPED[state],
      state: undefined,
      nodeId: node ?? undefined,
      placementId: placementId ?? undefined,
      reason: undefined,
      detail: undefined,
      server: alias,
    }),
  );
  return {
    deployment,
    owner,
    agentType,
    mode: undefined,
    server: alias,
    shards,
    proposalId: undefined,
    refusal: undefined,
  };
}

/** Why slots that have no place have none; undefined: all have one, or are about to. */
function refusalIn(slots: readonly Slot[]): FogRefusal | undefined {
  const stuck = slots.filter(({ state }) => state === 'blocked' || state === 'failed');
  if (stuck.length === 0) return undefined;
  const perNode: NodeRefusal[] = stuck.flatMap(({ reasons, history, state }) => [
    ...telling(reasons).map(({ node, code, detail }) => ({ nodeId: node, code, detail })),
    ...(state === 'failed' ? history.flatMap(({ node, because, detail }) => asRefusal(node, because, detail)) : []),
  ]);
  const code = mostFrequent(perNode.map((one) => one.code)) ?? 'NO_CANDIDATE';
  return refusalOf(code, { perNode });
}

/** That the others are not the node that was asked for explains nothing, where that node itself says why. */
function telling(reasons: Slot['reasons']): Slot['reasons'] {
  const others = reasons.filter(({ code }) => code !== 'NO_CANDIDATE');
  return others.length > 0 ? others : reasons;
}

export function refusalOf(
  code: RefusalCode,
  { perNode = [], message }: { perNode?: readonly NodeRefusal[]; message?: string } = {},
): FogRefusal {
  return { code, message: message ?? whyOf(perNode), retryable: isRetryable(code), perNode };
}

/** "5 nodes: 2 draining, 2 memory short by 1.2 GiB, 1 power or heat allows no new work". */
export function whyOf(perNode: readonly NodeRefusal[]): string {
  if (perNode.length === 0) return 'no node is known that could run it';
  const newest = new Map(perNode.map((one) => [one.nodeId, one.detail || one.code]));
  const counts = new Map<string, number>();
  for (const detail of newest.values()) counts.set(detail, (counts.get(detail) ?? 0) + 1);
  const parts = [...counts].sort((one, other) => other[1] - one[1]).map(([detail, count]) => `${count} ${detail}`);
  return `${newest.size} ${newest.size === 1 ? 'node' : 'nodes'}: ${parts.slice(0, 8).join(', ')}`;
}

/** This node's own books. */
export function ledgerView(state: NodeState): LedgerView {
  const { config, rows, bootSeq, drain, power } = state;
  const ledger = ledgerOf(config, rows.values());
  return {
    ...ledger,
    nodeId: config.node,
    bootSeq,
    maxShards: config.maxShards,
    draining: drain !== undefined,
    power,
    enforcement: config.enforcement,
  };
}

function asRefusal(nodeId: string, because: string, detail: string): readonly NodeRefusal[] {
  const code = (REFUSAL_CODES as readonly string[]).includes(because)
    ? (because as RefusalCode)
    : because === 'oom'
      ? 'OOM_KILLED'
      : because === 'lease' || because === 'lost'
        ? 'LEASE_LOST'
        : 'START_FAILED';
  return [{ nodeId, code, detail: detail || because }];
}

function mostFrequent<Item>(items: readonly Item[]): Item | undefined {
  const counts = new Map<Item, number>();
  for (const item of items) counts.set(item, (counts.get(item) ?? 0) + 1);
  return [...counts].sort((one, other) => other[1] - one[1])[0]?.[0];
}
