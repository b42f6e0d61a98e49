import { accept } from './node-accept.ts';
import { drainBy, isNotRenewed, isReleased, isRenewed, letTimePass } from './node-lease.ts';
import { begin, endOf, exited, isReady, stop } from './node-placement.ts';
import { noticeOf, releasedOf, rowOf } from './node-replies.ts';
import { answerCfp, cancel, giveBack, keepPromises, reserve } from './node-reserve.ts';
import type {
  Checks,
  JournaledPlacement,
  NodeConfig,
  NodeEffect,
  NodeEvent,
  NodeState,
  NodeStep,
  Placement,
  Row,
} from './node-state.ts';
import { NodeTurn } from './node-turn.ts';
import type { ToNode } from './messages.ts';
import type { Fence } from './states.ts';

type PlacedRow = Row & { readonly placement: Placement };
const isPlaced = (row: Row): row is PlacedRow => row.placement !== undefined;

/** What was on disk when the node started, and what it drew. `bootSeq` is on disk already, and the sweep is over. */
export interface NodeBoot {
  readonly bootSeq: number;
  /** 32 hex digits, drawn now. */
  readonly instance: string;
  readonly nowMs: number;
  readonly fences: ReadonlyMap<string, Fence>;
  /** Not ended when the node did. */
  readonly placements: readonly JournaledPlacement[];
}

/** Begins with nothing held and nothing running; owners hear that what they had here is lost. */
export function startNode(config: NodeConfig, boot: NodeBoot): NodeStep {
  const { bootSeq, instance, nowMs, fences, placements } = boot;
  const state: NodeState = {
    config,
    bootSeq,
    instance,
    counter: 0,
    nowMs,
    fences,
    rows: new Map(),
    tombs: new Map(),
    power: 'accept',
    victims: new Map(),
    asking: new Map(),
  };
  const effects: NodeEffect[] = [];
  const owners = new Set(placements.map(({ slot }) => slot.owner));
  for (const owner of owners)
    effects.push({ kind: 'send', to: owner, message: { kind: 'hello', node: config.node, bootSeq, instance } });
  for (const { placementId, slot, fence } of placements) {
    const record = { atMs: nowMs, of: 'placement', id: placementId, from: 'unknown', to: 'stopped' } as const;
    effects.push({ kind: 'record', record: { ...record, because: 'lost', peer: slot.owner, slot, fence } });
    effects.push({ kind: 'forget', placementId });
  }
  return { state, effects };
}

/** One event, at `nowMs` of this machine's boot-time clock. What is stopped for want of time is so before it is looked at. */
export function stepNode(state: NodeState, event: NodeEvent & { readonly nowMs: number }): NodeStep {
  const turn = new NodeTurn(state, event.nowMs);
  letTimePass(turn);
  apply(turn, event);
  resume(turn);
  keepPromises(turn);
  return { state: turn.state, effects: turn.effects };
}

function apply(turn: NodeTurn, event: NodeEvent): void {
  switch (event.kind) {
    case 'message':
      return receive(turn, event.from, event);
    case 'fetched': {
      const row = turn.placed(event.placementId);
      if (row?.placement.state === 'fetching') begin(turn, row);
      return;
    }
    case 'fetch-failed': {
      const row = turn.placed(event.placementId);
      if (row !== undefined && !row.placement.alive)
        stop(turn, row, { because: 'start-failed', graceMs: 0, detail: event.detail.slice(0, 256) });
      return;
    }
    case 'started':
      return isReady(turn, event.placementId, event.run);
    case 'exited':
      return exited(turn, event.placementId, event);
    case 'drain':
      return drain(turn, { because: 'drain', deadlineMs: event.deadlineMs });
    case 'undrain':
      return undrain(turn);
    case 'power':
      return setPower(turn, event.verdict);
    case 'configure':
      return turn.change({ config: event.config });
    case 'tick':
      return;
  }
}

function receive(turn: NodeTurn, from: string, { message, checks }: { message: ToNode; checks: Checks }): void {
  switch (message.kind) {
    case 'cfp':
      return answerCfp(turn, from, { message, checks });
    case 'reserve':
      return reserve(turn, from, { message, checks });
    case 'accept':
      return accept(turn, from, { message, checks });
    case 'cancel':
      return cancel(turn, from, message.reservationId);
    case 'query':
      return turn.send(from, rowOf(turn.state, turn.find(from, message.reservationId), message.reservationId));
    case 'release':
      return release(turn, from, message);
    case 'renew-ok':
      return isRenewed(turn, from, message);
    case 'renew-no':
      return isNotRenewed(turn, from, message);
    case 'ack':
      return;
  }
}

/** Answered `released` when the process has gone, not before. */
function release(
  turn: NodeTurn,
  from: string,
  { reservationId, graceMs }: { reservationId: string; graceMs: number },
): void {
  const row = turn.find(from, reservationId);
  if (row === undefined) return turn.send(from, rowOf(turn.state, undefined, reservationId));
  if (row.endedMs !== undefined) return turn.send(from, releasedOf(row));
  if (isPlaced(row)) return isReleased(turn, row, graceMs);
  giveBack(turn, row, 'released');
  const over = turn.find(from, reservationId);
  if (over !== undefined) turn.send(from, releasedOf(over));
}

/** A placement that waited for another of its slot to end. */
function resume(turn: NodeTurn): void {
  for (const row of turn.live())
    if (isPlaced(row) && row.placement.state === 'fetching' && row.placement.waits === true) begin(turn, row);
}

function drain(turn: NodeTurn, { because, deadlineMs }: { because: 'drain' | 'power'; deadlineMs: number }): void {
  const drainMs = turn.nowMs + deadlineMs;
  if (because === 'drain') {
    turn.record({ of: 'node', id: turn.config.node, from: 'open', to: 'draining', because: 'drain' });
    turn.change({ drain: { deadlineMs: drainMs } });
  }
  for (const row of turn.live()) {
    if (!isPlaced(row)) giveBack(turn, row, 'DRAINING', { code: 'DRAINING', detail: 'draining' });
    else if (row.placement.stopping === undefined) {
      const marked = drainBy(turn, row, drainMs);
      turn.send(row.owner, noticeOf(marked, marked.placement, { because, deadlineMs }));
    }
  }
}

function undrain(turn: NodeTurn): void {
  if (turn.state.drain === undefined) return;
  turn.record({ of: 'node', id: turn.config.node, from: 'draining', to: 'open', because: 'undrain' });
  turn.noDrain();
  for (const row of turn.live())
    if (isPlaced(row) && row.placement.stopping === undefined) drainBy(turn, row, undefined);
}

function setPower(turn: NodeTurn, verdict: NodeState['power']): void {
  const before = turn.state.power;
  if (before === verdict) return;
  turn.record({ of: 'node', id: turn.config.node, from: `power ${before}`, to: `power ${verdict}`, because: 'power' });
  turn.change({ power: verdict });
  if (verdict === 'drain') drain(turn, { because: 'power', deadlineMs: turn.config.limits.drainMs });
  else if (before === 'drain' && turn.state.drain === undefined)
    for (const row of turn.live())
      if (isPlaced(row) && row.placement.stopping === undefined) drainBy(turn, row, undefined);
}

/** When a `tick` is due, if nothing else happens; undefined: never. */
export function nextOfNode(state: NodeState): number | undefined {
  const { limits } = state.config;
  let next: number | undefined;
  const at = (ms: number | undefined): void => {
    if (ms !== undefined && (next === undefined || ms < next)) next = ms;
  };
  for (const row of state.rows.values()) {
    if (!isPlaced(row)) at(row.expiresMs);
    else if (row.placement.stopping === undefined) {
      at(endOf(row) - limits.guardMs);
      at(row.placement.renewMs);
      at(row.placement.startByMs);
      at(row.placement.backoffMs);
      at(row.placement.drainMs);
    }
  }
  const oldest = state.tombs.values().next().value;
  if (oldest !== undefined) at((oldest.endedMs ?? 0) + limits.tombstoneMs);
  return next;
}
