import type { NodeTurn } from './node-turn.ts';
import { releasedOf, statusOf } from './node-replies.ts';
import type { Placement, Row } from './node-state.ts';
import type { EndReason, Exit } from './reasons.ts';
import { slotKey } from './states.ts';

type PlacedRow = Row & { readonly placement: Placement };

/** Writes what changed of a placement, one revision on, and tells its owner when its state or run did. */
export function move(turn: NodeTurn, row: PlacedRow, changes: Partial<Placement>, because?: string): PlacedRow {
  const before = row.placement;
  const placement = { ...before, ...changes, rev: before.rev + 1 };
  const next = { ...row, placement };
  turn.put(next, because);
  if (placement.state !== before.state || placement.run !== before.run) turn.send(row.owner, statusOf(next, placement));
  return next;
}

/** How long its holder may run it: the lease, and where two may overlap what its owner lets it linger. */
export function endOf(row: PlacedRow): number {
  return row.placement.leaseEndMs + (row.spec.mode === 'at_least_once' ? row.spec.lingerMs : 0);
}

/** A later epoch was accepted here: what this node runs of the slot under earlier ones ends. */
export function supersede(turn: NodeTurn, key: string): void {
  for (const row of turn.live())
    if (row.placement !== undefined && slotKey(row.slot) === key)
      stop(turn, row as PlacedRow, { because: 'superseded', graceMs: turn.config.limits.graceMs });
}

/** The artifact is here: start it, unless another placement of the slot still has a process. */
export function begin(turn: NodeTurn, row: PlacedRow): void {
  const mine = slotKey(row.slot);
  if (turn.live().some((one) => slotKey(one.slot) === mine && one.placement?.alive === true)) {
    if (row.placement.waits !== true) turn.put({ ...row, placement: { ...row.placement, waits: true } });
    return;
  }
  const startByMs = turn.nowMs + turn.config.limits.startMs;
  const { backoffMs: _a, waits: _b, ...rest } = row.placement;
  const started = move(turn, { ...row, placement: rest }, { state: 'starting', alive: true, startByMs });
  turn.effects.push({
    kind: 'start',
    placementId: rest.placementId,
    run: rest.run,
    slot: row.slot,
    fence: row.fence,
    spec: row.spec,
    gpuIds: row.gpuIds,
    endMs: endOf(started),
    readyByMs: startByMs,
  });
}

export function isReady(turn: NodeTurn, placementId: string, run: number): void {
  const row = turn.placed(placementId);
  if (row?.placement.state !== 'starting' || row.placement.run !== run || !row.placement.alive) return;
  const { startByMs: _, ...rest } = row.placement;
  move(turn, { ...row, placement: rest }, { state: 'running' });
}

/** Ends a placement: at once when it has no process, else when that has gone. What stops already keeps its reason. */
export function stop(
  turn: NodeTurn,
  row: PlacedRow,
  { because, graceMs, detail }: { because: EndReason; graceMs: number; detail?: string },
): void {
  const { placement } = row;
  if (placement.stopping !== undefined) return hurry(turn, row, graceMs);
  const killMs = Math.min(turn.nowMs + graceMs, Math.max(turn.nowMs, endOf(row)));
  const why = detail === undefined ? {} : { detail };
  if (!placement.alive) return ended(turn, row, { reason: because, ...why });
  const stopping = { because, killMs };
  move(turn, row, { state: 'stopping', stopping, ...why }, because);
  turn.effects.push({
    kind: 'stop',
    placementId: placement.placementId,
    run: placement.run,
    graceMs: killMs - turn.nowMs,
    because,
  });
  if (turn.isOff('booked-until-exit')) {
    const now = turn.placed(placement.placementId);
    if (now !== undefined) ended(turn, now, { reason: because });
  }
}

/** What is being stopped may have to be gone sooner. */
function hurry(turn: NodeTurn, row: PlacedRow, graceMs: number): void {
  const { placement } = row;
  const killMs = turn.nowMs + graceMs;
  if (placement.stopping === undefined || killMs >= placement.stopping.killMs) return;
  const { because } = placement.stopping;
  move(turn, row, { stopping: { because, killMs } });
  turn.effects.push({ kind: 'stop', placementId: placement.placementId, run: placement.run, graceMs, because });
}

/** Over: its room is free, and its owner is told. */
function ended(turn: NodeTurn, row: PlacedRow, { reason, detail }: { reason: EndReason; detail?: string }): void {
  const { startByMs: _a, backoffMs: _b, stopping: _c, drainMs: _d, ...rest } = row.placement;
  const placement: Placement = {
    ...rest,
    state: 'stopped',
    alive: false,
    rev: rest.rev + 1,
    renewals: [],
    reason,
    ...(detail === undefined ? {} : { detail }),
  };
  const over: Row = { ...row, placement, endedMs: turn.nowMs };
  turn.put(over, reason);
  turn.send(row.owner, releasedOf(over));
}

/** The process group of that run has gone. */
export function exited(turn: NodeTurn, placementId: string, { run, exit }: { run: number; exit: Exit }): void {
  const row = turn.placed(placementId);
  if (row === undefined || row.placement.run !== run || !row.placement.alive) return;
  const { placement } = row;
  if (placement.stopping !== undefined) return ended(turn, row, { reason: placement.stopping.because });
  if (exit.kind === 'lease') return ended(turn, row, { reason: 'lease' });
  restart(turn, row, exit);
}

/** In place, some times within a window, each later than the one before; then somewhere else. */
function restart(turn: NodeTurn, row: PlacedRow, exit: Exit): void {
  const { restarts, restartWindowMs, backoffMinMs, backoffMaxMs } = turn.config.limits;
  const { placement } = row;
  const ends = [...placement.ends.filter((atMs) => atMs > turn.nowMs - restartWindowMs), turn.nowMs];
  const detail = describe(exit);
  if (ends.length > restarts) {
    const reason = exit.kind === 'oom' ? 'oom' : exit.kind === 'failed' ? 'start-failed' : 'crash-loop';
    return ended(turn, row, { reason, detail });
  }
  const { startByMs: _, ...rest } = placement;
  const backoffMs = turn.nowMs + Math.min(backoffMaxMs, backoffMinMs * 2 ** (ends.length - 1));
  move(
    turn,
    { ...row, placement: rest },
    { state: 'starting', run: rest.run + 1, alive: false, ends, backoffMs, detail },
    reasonOf(exit),
  );
}

function reasonOf(exit: Exit): EndReason {
  return exit.kind === 'failed' ? 'start-failed' : exit.kind;
}

function describe(exit: Exit): string {
  if (exit.kind === 'exit') return `exit ${exit.code}`;
  if (exit.kind === 'signal') return exit.signal.slice(0, 32);
  return exit.kind === 'failed' ? exit.detail.slice(0, 256) : exit.kind;
}
