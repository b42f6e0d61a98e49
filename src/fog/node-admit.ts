import { bookedFor, heldBy, type Ledger } from './ledger.ts';
import type { NodeTurn } from './node-turn.ts';
import type { Checks, NodeState } from './node-state.ts';
import { add, isBounded, total } from './resources.ts';
import { type Need, type Objection, objectTo, type Room } from './room.ts';
import type { ShardSpec } from './spec.ts';
import { compareFences, type Fence, slotKey, type SlotId } from './states.ts';
import { needsVote, objectToApproval, type Totals } from './vote.ts';

/** This node as its own filter sees it. */
export function roomOf(state: NodeState, ledger: Ledger): Room {
  const { config } = state;
  return {
    capacity: config.capacity,
    free: ledger.free,
    shards: ledger.shards,
    maxShards: config.maxShards,
    runtimes: config.runtimes,
    enforcement: config.enforcement,
    labels: config.labels,
    draining: state.drain !== undefined,
    lowPower: state.power !== 'accept',
    policy: config.policy,
  };
}

/** What is to be booked for a need here. */
export function needHere(turn: NodeTurn, need: Need): Need {
  return { ...need, res: bookedFor(need.res, turn.config) };
}

export interface Asked {
  readonly owner: string;
  readonly agent: string;
  readonly slot: SlotId;
  readonly fence: Fence;
  readonly spec: ShardSpec;
  readonly digest: string;
  readonly checks: Checks;
}

/** Whether this peer's agent may have it here, whatever is free. Asked again at the Accept: much may have changed. */
export function objectToAsked(turn: NodeTurn, asked: Asked): Objection | undefined {
  return objectToFence(turn, asked) ?? objectToAuthority(turn, asked) ?? objectToVote(turn, asked);
}

/** Rule R7: only what is higher than all that was accepted before. */
function objectToFence(turn: NodeTurn, { slot, fence }: Asked): Objection | undefined {
  const highest = turn.state.fences.get(slotKey(slot));
  if (highest === undefined || compareFences(fence, highest) > 0 || turn.isOff('fence-rises')) return undefined;
  return { code: 'STALE_EPOCH', detail: `epoch ${highest.term}.${highest.epoch} was accepted before` };
}

function objectToAuthority(turn: NodeTurn, { spec, owner, checks }: Asked): Objection | undefined {
  if (checks.artifact !== undefined) return checks.artifact;
  if (!isBounded(spec.res)) return { code: 'REFUSED_POLICY', detail: 'a shard needs a share of a core and memory' };
  if (owner !== turn.config.node && checks.level === undefined)
    return { code: 'REFUSED_POLICY', detail: 'no delegation speaks for that agent' };
  if (spec.priority === 'emergency' && checks.level !== 'EMERGENCY')
    return { code: 'REFUSED_POLICY', detail: 'priority emergency needs the level EMERGENCY' };
  if (spec.lingerMs > 0 && spec.mode === 'exclusive')
    return { code: 'REFUSED_POLICY', detail: 'what is exclusive does not linger' };
  return undefined;
}

/** All that the owner has here without a vote counts: a big deployment is not split into small ones. */
function objectToVote(turn: NodeTurn, asked: Asked): Objection | undefined {
  if (turn.isOff('vote-is-checked')) return undefined;
  const reasons = needsVote(asked.spec, {
    policy: turn.config.votePolicy,
    totals: sumOf(turn, asked, { voted: false }),
    ...(asked.checks.publisherKnown === undefined ? {} : { publisherKnown: asked.checks.publisherKnown }),
  });
  if (reasons.length === 0) return undefined;
  if (asked.checks.approval === undefined) return { code: 'VOTE_REQUIRED', detail: reasons.join(', ') };
  const objection = objectToItsApproval(turn, asked);
  return objection === undefined ? undefined : { code: 'VOTE_REQUIRED', detail: objection };
}

/** Whether a vote allows it, needed or not. Another deployment's approval makes nothing voted. */
export function isVoted(turn: NodeTurn, asked: Asked): boolean {
  return asked.checks.approval !== undefined && objectToItsApproval(turn, asked) === undefined;
}

function objectToItsApproval(turn: NodeTurn, asked: Asked): string | undefined {
  const { owner, slot, digest, fence, checks } = asked;
  if (checks.approval === undefined) return 'no approval';
  return objectToApproval(checks.approval, {
    owner,
    deployment: slot.deployment,
    specDigest: digest,
    term: fence.term,
    totals: sumOf(turn, asked, { deployment: slot.deployment }),
    wallMs: checks.wallMs,
  });
}

function sumOf(
  turn: NodeTurn,
  { owner, agent, slot, spec }: Asked,
  only: { deployment?: string; voted?: boolean },
): Totals {
  const held = heldBy(turn.state, { owner, agent, slotKey: slotKey(slot), ...only }, (row) => slotKey(row.slot));
  return { res: add(held.res, spec.res), slots: held.slots + 1 };
}

/** One peer may not hold what all need: some at once, and a share of the node beyond the first. */
export function objectToHolding(turn: NodeTurn, owner: string, need: Need): Objection | undefined {
  if (owner === turn.config.node) return undefined;
  const { heldPerPeer, heldShare } = turn.config.limits;
  const held = turn.live().filter((row) => row.owner === owner && row.placement === undefined);
  if (held.length === 0) return undefined;
  if (held.length >= heldPerPeer) return { code: 'RATE_LIMITED', detail: `holds ${held.length} reservations` };
  const sum = add(total(held.map(({ booked }) => booked)), need.res);
  const { capacity } = turn.config;
  const over = (['cpuMilli', 'memMib', 'diskMib'] as const).find(
    (what) => sum[what] * 1000 > capacity[what] * heldShare,
  );
  return over === undefined ? undefined : { code: 'RATE_LIMITED', detail: `holds its share of ${over}` };
}

/** The filter of kind; amounts are looked at against the ledger, by whoever books. */
export function objectToNeed(turn: NodeTurn, need: Need, ledger: Ledger): Objection | undefined {
  return objectTo(need, roomOf(turn.state, ledger));
}
