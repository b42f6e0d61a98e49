import type { Message } from './messages.ts';
import { isVoted, objectToAsked } from './node-admit.ts';
import { answerFromTable, giveBack } from './node-reserve.ts';
import { supersede } from './node-placement.ts';
import { denied } from './node-replies.ts';
import type { Checks, Placement, Row } from './node-state.ts';
import type { NodeTurn } from './node-turn.ts';
import type { Objection } from './room.ts';
import { slotKey } from './states.ts';

/** The fence is on disk before anybody hears that it was accepted, and before anything runs. Rule R7. */
export function accept(
  turn: NodeTurn,
  from: string,
  { message, checks }: { message: Message<'accept'>; checks: Checks },
): void {
  const { reservationId } = message;
  const row = turn.find(from, reservationId);
  const refuse = (objection: Objection): void => turn.send(from, denied(reservationId, { ...objection, of: 'accept' }));
  if (row === undefined) return refuse({ code: 'LEASE_LOST', detail: 'no such reservation' });
  const again = turn.isOff('answered-from-table') && row.placement !== undefined;
  if (!again && (row.placement !== undefined || row.endedMs !== undefined)) return answerFromTable(turn, row, 'accept');
  // What is not about this reservation must not end it.
  if (!again && (row.nonce !== message.nonce || turn.state.bootSeq !== message.bootSeq) && !turn.isOff('bound-to-boot'))
    return refuse({ code: 'LEASE_LOST', detail: 'made before this node started, or never' });
  if (row.digest !== message.specDigest || row.agent !== message.agent)
    return refuse({ code: 'CONFLICT', detail: 'reserved for something else' });
  const asked = { ...row, fence: { term: message.term, epoch: message.epoch }, checks };
  const objection = objectToAsked(turn, asked) ?? objectToTime(turn, row, message);
  if (objection !== undefined && !again) {
    giveBack(turn, row, objection.code, objection);
    return refuse(objection);
  }
  commit(turn, { ...row, fence: asked.fence, voted: row.voted || isVoted(turn, asked) }, message.leaseMs);
}

function objectToTime(turn: NodeTurn, row: Row, { leaseMs, slot }: Message<'accept'>): Objection | undefined {
  if (row.slot.slot !== slot) return { code: 'CONFLICT', detail: 'reserved for another slot' };
  if (turn.nowMs >= leaseFrom(turn, row) + leaseMs - turn.config.limits.guardMs)
    return { code: 'LEASE_LOST', detail: 'the lease is over before it begins' };
  if (turn.state.drain !== undefined) return { code: 'DRAINING', detail: 'draining' };
  return undefined;
}

/** Rule R2: from when this node sent the nonce that the Accept repeats. */
const leaseFrom = (turn: NodeTurn, row: Row): number => (turn.isOff('lease-from-send') ? turn.nowMs : row.nonceMs);

function commit(turn: NodeTurn, row: Row, leaseMs: number): void {
  const key = slotKey(row.slot);
  const placementId = turn.fresh();
  const leaseEndMs = leaseFrom(turn, row) + leaseMs;
  const every = Math.min(turn.config.limits.renewEveryMs, Math.floor(leaseMs * 0.27));
  const placement: Placement = {
    placementId,
    state: 'committed',
    rev: 1,
    run: 1,
    leaseMs,
    leaseEndMs,
    renewals: [],
    renewMs: Math.max(turn.nowMs, row.nonceMs + every),
    alive: false,
    committedMs: turn.nowMs,
    ends: [],
  };
  supersede(turn, key);
  turn.raise(key, row.fence);
  const { reservationId, slot, fence } = row;
  turn.effects.push({ kind: 'journal', slotKey: key, placement: { placementId, reservationId, slot, fence } });
  const committed: Row = { ...row, state: 'committed', placement };
  turn.put(committed, 'accepted');
  answerFromTable(turn, committed, 'accept');
  const fetching: Row = { ...committed, placement: { ...placement, state: 'fetching', rev: 2 } };
  turn.put(fetching);
  turn.effects.push({ kind: 'fetch', placementId, artifact: row.spec.artifact });
}
