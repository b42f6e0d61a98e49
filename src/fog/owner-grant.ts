import type { Deployment, Holder, Past } from './owner-state.ts';
import type { At, OwnerTurn } from './owner-turn.ts';

/** Rule R3: how long what is granted now may last, reckoned with clocks that differ. */
export function reclaimOf(turn: OwnerTurn, leaseMs: number): number {
  if (turn.isOff('reclaim-margin')) return turn.nowMs + leaseMs;
  const { reclaimShare, reclaimMs } = turn.config.limits;
  return turn.nowMs + Math.ceil((leaseMs * reclaimShare) / 1000) + reclaimMs;
}

/** Whether another may be started while this one may still run. Rule R4. */
export function mayOverlap(turn: OwnerTurn, { spec }: Deployment): boolean {
  return spec.mode === 'at_least_once' || turn.isOff('fence-waits');
}

/** The next epoch: on disk first, then sent. Rule R1. */
export function grant(turn: OwnerTurn, at: At): void {
  const slot = turn.slot(at);
  const deployment = turn.deployment(at.deployment);
  const bid = slot?.bid;
  if (slot === undefined || deployment === undefined || bid?.reserved === undefined) return;
  if (bid.reservationId === undefined || bid.node === undefined || deployment.stopping) return;
  if (slot.holder !== undefined && !mayOverlap(turn, deployment)) return;
  const { nonce, bootSeq } = bid.reserved;
  const epoch = slot.epoch + 1;
  const { leaseMs } = deployment.spec;
  const named = { reservationId: bid.reservationId, node: bid.node, epoch, bootSeq, nonce, leaseMs };
  const times = { reclaimMs: reclaimOf(turn, leaseMs), madeMs: turn.nowMs, heardMs: turn.nowMs };
  if (slot.holder !== undefined) remember(turn, at, slot.holder, 'superseded');
  turn.clear(at, 'bid');
  const journal = (): void => turn.journal({ kind: 'attempt', ...at, holder: named });
  if (!turn.isOff('journal-first')) journal();
  const dueMs = turn.nowMs + turn.config.limits.answerWaitMs;
  turn.put(at, { epoch, holder: { ...named, ...times, rev: 0 }, tries: 0, dueMs, state: 'accepting' }, 'accepting');
  sendAccept(turn, at);
  if (turn.isOff('journal-first')) journal();
}

export function sendAccept(turn: OwnerTurn, at: At): void {
  const holder = turn.slot(at)?.holder;
  const deployment = turn.deployment(at.deployment);
  if (holder === undefined || deployment === undefined) return;
  const { term, agent, digest } = deployment;
  const reclaimMs = Math.max(holder.reclaimMs, reclaimOf(turn, holder.leaseMs));
  turn.put(at, { holder: { ...holder, reclaimMs } });
  turn.send(holder.node, {
    kind: 'accept',
    reservationId: holder.reservationId,
    ...at,
    term,
    epoch: holder.epoch,
    agent,
    nonce: holder.nonce,
    bootSeq: holder.bootSeq,
    leaseMs: holder.leaseMs,
    specDigest: digest,
  });
}

/** Kept for whoever asks what became of it. */
export function remember(turn: OwnerTurn, at: At, holder: Holder, because: Past['because'], detail = ''): void {
  const { node, epoch, placementId } = holder;
  const past: Past = {
    node,
    epoch,
    ...(placementId === undefined ? {} : { placementId }),
    endedMs: turn.nowMs,
    because,
    detail,
  };
  const history = [...(turn.slot(at)?.history ?? []), past].slice(-turn.config.limits.history);
  turn.put(at, { history });
}
