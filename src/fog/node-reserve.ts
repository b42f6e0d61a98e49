import type { Message } from './messages.ts';
import { isVoted, needHere, objectToAsked, objectToHolding, objectToNeed } from './node-admit.ts';
import { stop } from './node-placement.ts';
import { denied, noticeOf, releasedOf, rowOf } from './node-replies.ts';
import type { Checks, Row } from './node-state.ts';
import type { NodeTurn } from './node-turn.ts';
import { chooseVictims } from './preempt.ts';
import { fits } from './resources.ts';
import { mayPreempt, type Objection, objectToFree } from './room.ts';
import { specDigest } from './spec.ts';
import { slotKey } from './states.ts';

/** Says what is free now and holds nothing. */
export function answerCfp(
  turn: NodeTurn,
  from: string,
  { message, checks }: { message: Message<'cfp'>; checks: Checks },
): void {
  const refuse = ({ code, detail }: Pick<Objection, 'code' | 'detail'>, retryAfterMs?: number): void =>
    turn.send(from, {
      kind: 'refuse',
      cfpId: message.cfpId,
      code,
      detail: detail.slice(0, 256),
      ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
    });
  if (!mayAsk(turn, from)) return refuse({ code: 'RATE_LIMITED', detail: 'asks too often' }, 1_000);
  const ledger = turn.ledger();
  const need = needHere(turn, message);
  const objection = checks.artifact ?? objectToNeed(turn, need, ledger);
  if (objection !== undefined) return refuse(objection);
  const short = objectToFree(need, { free: ledger.free, shards: ledger.shards, maxShards: turn.config.maxShards });
  const preempts =
    short !== undefined &&
    mayPreempt(message.priority) &&
    chooseVictims(turn.state, { need: need.res, priority: message.priority, ledger }) !== undefined;
  if (short !== undefined && !preempts) return refuse(short);
  turn.send(from, {
    kind: 'offer',
    cfpId: message.cfpId,
    offerId: turn.fresh(),
    free: ledger.free,
    estStartMs: preempts ? turn.config.limits.preemptGraceMs : 0,
    warm: checks.warm ?? false,
    enforcement: [...turn.config.enforcement],
    preempts,
    validMs: turn.config.limits.offerValidMs,
  });
}

/** A bucket for each peer. */
function mayAsk(turn: NodeTurn, from: string): boolean {
  const { cfpPerSecond, cfpBurst } = turn.config.limits;
  const before = turn.state.asking.get(from) ?? { left: cfpBurst, atMs: turn.nowMs };
  const left = Math.min(cfpBurst, before.left + ((turn.nowMs - before.atMs) * cfpPerSecond) / 1000);
  const asking = new Map(
    [...turn.state.asking].filter(([, { atMs }]) => atMs + (cfpBurst / cfpPerSecond) * 1000 > turn.nowMs),
  );
  asking.set(from, { left: left < 1 ? left : left - 1, atMs: turn.nowMs });
  turn.change({ asking });
  return left >= 1;
}

/** Checks and books in one step. Asked again, it says what it said before. */
export function reserve(
  turn: NodeTurn,
  from: string,
  { message, checks }: { message: Message<'reserve'>; checks: Checks },
): void {
  const { reservationId } = message;
  const known = turn.find(from, reservationId);
  const digest = specDigest(message.spec);
  if (known !== undefined && !turn.isOff('answered-from-table')) {
    if (known.digest !== digest)
      return turn.send(
        from,
        denied(reservationId, { of: 'reserve', code: 'CONFLICT', detail: 'another spec has that id' }),
      );
    return answerFromTable(turn, known, 'reserve');
  }
  const slot = { owner: from, deployment: message.deployment, slot: message.slot };
  const fence = { term: message.term, epoch: message.epoch };
  const asked = { owner: from, agent: message.agent, slot, fence, spec: message.spec, digest, checks };
  const need = needHere(turn, message.spec);
  const ledger = turn.ledger();
  const refuse = (objection: Objection): void => {
    turn.record({
      of: 'reservation',
      id: reservationId,
      from: 'none',
      to: 'denied',
      because: objection.code,
      detail: objection.detail,
      peer: from,
      slot,
      fence,
    });
    const retry = objection.code === 'RATE_LIMITED' ? { retryAfterMs: 1_000 } : {};
    turn.send(from, denied(reservationId, { ...objection, ...retry, of: 'reserve' }));
  };
  const objection = objectToAsked(turn, asked) ?? objectToNeed(turn, need, ledger) ?? objectToHolding(turn, from, need);
  if (objection !== undefined) return refuse(objection);
  const row: Row = {
    reservationId,
    owner: from,
    agent: message.agent,
    slot,
    fence,
    spec: message.spec,
    digest,
    booked: need.res,
    gpuIds: [],
    state: 'promised',
    madeMs: turn.nowMs,
    nonce: '',
    nonceMs: 0,
    expiresMs: turn.nowMs + Math.min(message.ttlMs, turn.config.limits.maxHoldMs),
    voted: isVoted(turn, asked),
  };
  const short = objectToFree(need, { free: ledger.free, shards: ledger.shards, maxShards: turn.config.maxShards });
  if (short === undefined || turn.isOff('room-is-checked')) return hold(turn, row);
  if (!mayPreempt(message.spec.priority) || ledger.shards >= turn.config.maxShards) return refuse(short);
  const victims = chooseVictims(turn.state, { need: need.res, priority: message.spec.priority, ledger });
  if (victims === undefined) return refuse(short);
  const { preemptGraceMs } = turn.config.limits;
  turn.put({ ...row, expiresMs: row.expiresMs + preemptGraceMs });
  for (const victim of victims) {
    const lately = new Map(
      [...turn.state.victims].filter(([, atMs]) => atMs + turn.config.limits.preemptEveryMs > turn.nowMs),
    );
    turn.change({ victims: lately.set(slotKey(victim.slot), turn.nowMs) });
    turn.send(victim.owner, noticeOf(victim, victim.placement, { because: 'preempt', deadlineMs: preemptGraceMs }));
    stop(turn, victim, { because: 'preempted', graceMs: preemptGraceMs });
  }
  const now = turn.find(from, reservationId);
  if (now !== undefined) answerFromTable(turn, now, 'reserve');
}

/** Devices are allotted by id; the nonce is new, and its first sending is what a lease counts from. */
function hold(turn: NodeTurn, row: Row): void {
  const gpuIds = turn.ledger().freeGpuIds.slice(0, row.booked.gpus);
  const held: Row = { ...row, state: 'held', gpuIds, nonce: turn.fresh(), nonceMs: turn.nowMs };
  turn.put(held);
  answerFromTable(turn, held, 'reserve');
}

/** Room came free: those who wait for it have it, in the order in which they were promised it. */
export function keepPromises(turn: NodeTurn): void {
  for (const row of turn.live().filter(({ state }) => state === 'promised')) {
    const { capacity, held, committed } = turn.ledger();
    const left = {
      cpuMilli: capacity.cpuMilli - held.cpuMilli - committed.cpuMilli,
      memMib: capacity.memMib - held.memMib - committed.memMib,
      diskMib: capacity.diskMib - held.diskMib - committed.diskMib,
      gpus: capacity.gpus - held.gpus - committed.gpus,
    };
    if (fits(row.booked, left)) hold(turn, row);
  }
}

export function answerFromTable(turn: NodeTurn, row: Row, of: 'reserve' | 'accept'): void {
  const { reservationId, owner, placement, denied: why } = row;
  if (placement !== undefined) {
    turn.send(
      owner,
      row.endedMs === undefined
        ? {
            kind: 'accepted',
            reservationId,
            placementId: placement.placementId,
            state: placement.state,
            rev: placement.rev,
          }
        : releasedOf(row),
    );
  } else if (row.state === 'held') {
    turn.send(owner, {
      kind: 'reserved',
      reservationId,
      expiresInMs: Math.max(0, row.expiresMs - turn.nowMs),
      gpuIds: [...row.gpuIds],
      bootSeq: turn.state.bootSeq,
      nonce: row.nonce,
    });
  } else if (row.state === 'promised') {
    const readyAfterMs = Math.max(0, row.madeMs + turn.config.limits.preemptGraceMs - turn.nowMs);
    turn.send(owner, { kind: 'preparing', reservationId, bootSeq: turn.state.bootSeq, readyAfterMs });
  } else {
    turn.send(
      owner,
      denied(reservationId, { of, code: 'LEASE_LOST', detail: `the reservation is ${row.state}`, ...why }),
    );
  }
}

/** Gives it back. What was committed stays as it is, and the answer says so. */
export function cancel(turn: NodeTurn, from: string, reservationId: string): void {
  const row = turn.find(from, reservationId);
  if (row !== undefined && row.endedMs === undefined && row.placement === undefined) giveBack(turn, row, 'cancelled');
  turn.send(from, rowOf(turn.state, turn.find(from, reservationId), reservationId));
}

/** Ends a reservation that never ran: nothing that comes later brings it back. */
export function giveBack(turn: NodeTurn, row: Row, because: string, why?: Row['denied']): void {
  const detail = why ?? { code: 'LEASE_LOST' as const, detail: 'the reservation was cancelled' };
  turn.put({ ...row, state: 'cancelled', endedMs: turn.nowMs, denied: detail }, because);
}
