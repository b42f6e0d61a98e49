import type { NodeTurn } from './node-turn.ts';
import { begin, endOf, move, stop } from './node-placement.ts';
import { renewOf } from './node-replies.ts';
import type { Placement, Row } from './node-state.ts';
import type { Message } from './messages.ts';

type PlacedRow = Row & { readonly placement: Placement };
/** Answers that may still be under way; an older one would extend the lease by less than a newer one did. */
const MAX_RENEWALS = 4;

const isPlaced = (row: Row): row is PlacedRow => row.placement !== undefined;

/** Whatever time did to this node since its last step, before anything else is looked at. Rules R2, R5. */
export function letTimePass(turn: NodeTurn): void {
  for (const row of turn.live()) {
    if (!isPlaced(row)) expire(turn, row);
    else if (row.placement.stopping === undefined) age(turn, row);
  }
  turn.forgetOld();
}

function expire(turn: NodeTurn, row: Row): void {
  if (row.expiresMs > turn.nowMs) return;
  const detail = 'the reservation has expired';
  turn.put({ ...row, state: 'expired', endedMs: turn.nowMs, denied: { code: 'LEASE_LOST', detail } }, 'expired');
}

function age(turn: NodeTurn, row: PlacedRow): void {
  const { limits } = turn.config;
  const { placement } = row;
  const endMs = endOf(row);
  if (turn.nowMs >= endMs - limits.guardMs && !turn.isOff('stops-at-lease-end'))
    return stop(turn, row, { because: 'lease', graceMs: Math.max(0, endMs - turn.nowMs) });
  if (placement.drainMs !== undefined && turn.nowMs >= placement.drainMs)
    return stop(turn, row, { because: 'drained', graceMs: limits.graceMs });
  if (placement.startByMs !== undefined && turn.nowMs >= placement.startByMs)
    return stop(turn, row, { because: 'start-failed', graceMs: limits.graceMs, detail: 'not ready in time' });
  if (placement.backoffMs !== undefined && turn.nowMs >= placement.backoffMs) return begin(turn, row);
  if (turn.nowMs >= placement.renewMs) renew(turn, row);
}

function renew(turn: NodeTurn, row: PlacedRow): void {
  const { placement } = row;
  const nonce = turn.fresh();
  const renewals = [...placement.renewals, { nonce, sentMs: turn.nowMs }].slice(-MAX_RENEWALS);
  const every = Math.min(turn.config.limits.renewEveryMs, Math.floor(placement.leaseMs * 0.27));
  turn.put({ ...row, placement: { ...placement, renewals, renewMs: turn.nowMs + every } });
  turn.send(row.owner, renewOf(row, placement, nonce));
}

/** The lease counts from when this node asked for it, not from when the answer came. */
export function isRenewed(turn: NodeTurn, from: string, message: Message<'renew-ok'>): void {
  const row = turn.placed(message.placementId);
  if (row === undefined || row.owner !== from || row.placement.stopping !== undefined) return;
  const asked = row.placement.renewals.find(({ nonce }) => nonce === message.nonce);
  if (asked === undefined && !turn.isOff('lease-from-send')) return;
  const sentMs = turn.isOff('lease-from-send') ? turn.nowMs : (asked?.sentMs ?? 0);
  const renewals = row.placement.renewals.filter((one) => one.sentMs > (asked?.sentMs ?? 0));
  const leaseEndMs = Math.max(row.placement.leaseEndMs, sentMs + message.leaseMs);
  const renewed = { ...row, placement: { ...row.placement, renewals, leaseEndMs, leaseMs: message.leaseMs } };
  turn.put(renewed);
  if (leaseEndMs > row.placement.leaseEndMs)
    turn.effects.push({ kind: 'lease', placementId: message.placementId, endMs: endOf(renewed) });
}

export function isNotRenewed(turn: NodeTurn, from: string, message: Message<'renew-no'>): void {
  const row = turn.placed(message.placementId);
  if (row === undefined || row.owner !== from) return;
  if (!row.placement.renewals.some(({ nonce }) => nonce === message.nonce)) return;
  const because = message.because === 'released' ? 'released' : 'superseded';
  stop(turn, row, { because, graceMs: turn.config.limits.graceMs });
}

export function isReleased(turn: NodeTurn, row: PlacedRow, graceMs: number): void {
  stop(turn, row, { because: 'released', graceMs: Math.min(graceMs, turn.config.limits.graceMs) });
}

/** Marks what is to be stopped by a drain; not a change of its state. */
export function drainBy(turn: NodeTurn, row: PlacedRow, drainMs: number | undefined): PlacedRow {
  const { drainMs: _, ...rest } = row.placement;
  return move(turn, { ...row, placement: rest }, drainMs === undefined ? {} : { drainMs });
}
