import { suspectAfter } from './limits.ts';
import type { Message } from './messages.ts';
import { dropBid } from './owner-bid.ts';
import { reclaimOf, remember, sendAccept } from './owner-grant.ts';
import type { Deployment, Holder, Past, Slot } from './owner-state.ts';
import type { At, OwnerTurn } from './owner-turn.ts';
import type { PlacementState, SlotState } from './states.ts';

interface Held {
  readonly at: At;
  readonly slot: Slot & { readonly holder: Holder };
  readonly deployment: Deployment;
}

function held(turn: OwnerTurn, at: At): Held | undefined {
  const slot = turn.slot(at);
  const deployment = turn.deployment(at.deployment);
  if (slot?.holder === undefined || deployment === undefined) return undefined;
  return { at, slot: { ...slot, holder: slot.holder }, deployment };
}

/** The slot whose holder has that reservation, at that node. */
function heldBy(turn: OwnerTurn, node: string, reservationId: string): Held | undefined {
  const at = turn.all().find((one) => turn.slot(one)?.holder?.reservationId === reservationId);
  const found = at === undefined ? undefined : held(turn, at);
  return found?.slot.holder.node === node ? found : undefined;
}

export function isAccepted(turn: OwnerTurn, from: string, message: Message<'accepted'>): void {
  const found = heldBy(turn, from, message.reservationId);
  if (found !== undefined) hear(turn, found, message);
}

export function hearStatus(turn: OwnerTurn, from: string, message: Message<'status'>): void {
  const found = heldBy(turn, from, message.reservationId);
  if (found === undefined) return;
  turn.send(from, { kind: 'ack', placementId: message.placementId, rev: message.rev });
  hear(turn, found, message);
}

/** The holder lives. What is older than what is known of it changes nothing. */
function hear(
  turn: OwnerTurn,
  { at, slot, deployment }: Held,
  news: { placementId: string; state: PlacementState; rev: number },
): void {
  const { placementId, state, rev } = news;
  if (rev < slot.holder.rev) return;
  const holder = { ...slot.holder, placementId, state, rev, heardMs: turn.nowMs };
  if (deployment.stopping || slot.state === 'releasing') {
    turn.put(at, { holder });
    return;
  }
  // It was only late: another one would be one too many.
  if (holder.leaving === undefined) dropBid(turn, at);
  turn.clear(at, 'dueMs');
  turn.put(at, { holder, tries: 0, state: stateOf(state) }, `its node says ${state}`);
}

const stateOf = (state: PlacementState): SlotState =>
  state === 'running' || state === 'stopping' ? 'running' : 'starting';

/** Grants or refuses. A holder that nobody knows of any more has to end. Rules R2, R3. */
export function answerRenew(turn: OwnerTurn, from: string, message: Message<'renew'>): void {
  const { placementId, nonce, deployment: id, slot: number } = message;
  const refuse = (because: Message<'renew-no'>['because']): void =>
    turn.send(from, { kind: 'renew-no', placementId, nonce, because });
  const at = { deployment: id, slot: number };
  const slot = turn.slot(at);
  const deployment = turn.deployment(id);
  if (slot === undefined || deployment === undefined) return refuse('unknown');
  const found = heldBy(turn, from, message.reservationId);
  if (found === undefined || message.epoch !== found.slot.holder.epoch || message.term !== deployment.term)
    return refuse(slot.state === 'released' ? 'released' : 'superseded');
  if (deployment.stopping || slot.state === 'releasing') return refuse('released');
  const { holder } = found.slot;
  const reclaimMs = Math.max(holder.reclaimMs, reclaimOf(turn, holder.leaseMs));
  const rested = turn.nowMs - holder.madeMs > turn.config.limits.blockedMaxMs;
  turn.put(at, { holder: { ...holder, reclaimMs }, ...(rested ? { failures: 0, blockedMs: 0 } : {}) });
  const now = held(turn, at);
  if (now !== undefined) hear(turn, now, message);
  if (message.state === 'running' && rested) turn.observe(from, 'kept');
  turn.send(from, { kind: 'renew-ok', placementId, nonce, leaseMs: holder.leaseMs });
}

export function isReleased(turn: OwnerTurn, from: string, message: Message<'released'>): void {
  const found = heldBy(turn, from, message.reservationId);
  if (found !== undefined) endHolder(turn, found.at, { because: message.reason, detail: message.detail });
}

/** Denied the Accept: it never ran, and never will. */
export function isRefused(turn: OwnerTurn, from: string, message: Message<'denied'>): void {
  const found = heldBy(turn, from, message.reservationId);
  if (found !== undefined) endHolder(turn, found.at, { because: message.code, detail: message.detail });
}

/** What became of the reservation, said after it was asked: the one proof of what a node that started again does not run. */
export function hearRow(turn: OwnerTurn, from: string, message: Message<'row'>): void {
  const found = heldBy(turn, from, message.reservationId);
  if (found === undefined) return;
  const { holder } = found.slot;
  const { placement } = message;
  if (placement !== undefined) {
    if (placement.state !== 'stopped') return hear(turn, found, placement);
    return endHolder(turn, found.at, { because: placement.reason ?? 'lost', detail: '' });
  }
  switch (message.reservation) {
    case 'held':
    case 'promised':
      return sendAccept(turn, found.at);
    case 'expired':
    case 'cancelled':
      return endHolder(turn, found.at, { because: 'LEASE_LOST', detail: `the reservation was ${message.reservation}` });
    case 'unknown':
      // A lower count is a disk that was wiped: what ran before may not have been found by the sweep.
      if (message.bootSeq < holder.bootSeq) return;
      return endHolder(turn, found.at, { because: 'lost', detail: 'its node does not know it any more' });
    case 'committed':
      return;
  }
}

/** A node began again: whatever it had of ours may be gone, so it is asked at once. */
export function hearBoot(turn: OwnerTurn, node: string, bootSeq: number): void {
  for (const at of turn.all()) {
    const found = held(turn, at);
    if (found === undefined || found.slot.holder.node !== node || bootSeq <= found.slot.holder.bootSeq) continue;
    if (found.slot.state === 'running' || found.slot.state === 'starting')
      suspect(turn, found, 'its node started again');
    else ask(turn, found);
  }
}

export function hearNotice(turn: OwnerTurn, from: string, message: Message<'notice'>): void {
  const found = heldBy(turn, from, message.reservationId);
  if (found === undefined) return;
  turn.record({
    of: 'slot',
    id: `${found.at.deployment} ${found.at.slot}`,
    from: found.slot.state,
    to: found.slot.state,
    because: `notice ${message.because}`,
    peer: from,
    slot: turn.id(found.at),
  });
  if (message.because !== 'preempt') turn.put(found.at, { holder: { ...found.slot.holder, leaving: message.because } });
}

function ask(turn: OwnerTurn, { at, slot }: Held): void {
  turn.put(at, { dueMs: turn.nowMs + 2 * turn.config.limits.answerWaitMs, tries: slot.tries + 1 });
  turn.send(slot.holder.node, { kind: 'query', reservationId: slot.holder.reservationId });
}

function suspect(turn: OwnerTurn, found: Held, because: string): void {
  turn.put(found.at, { state: 'suspect', tries: 0 }, because);
  const now = held(turn, found.at);
  if (now !== undefined) ask(turn, now);
}

/** What time did to a holder. */
export function letHolderAge(turn: OwnerTurn, at: At): void {
  const found = held(turn, at);
  if (found === undefined) return;
  const { slot } = found;
  const { holder } = slot;
  const { limits } = turn.config;
  if (turn.nowMs >= holder.reclaimMs) {
    if (slot.state !== 'releasing') turn.put(at, { state: 'fenced' }, 'its lease is over');
    turn.observe(holder.node, 'broken');
    return endHolder(turn, at, { because: 'lease', detail: 'its lease is over' });
  }
  const quietMs = turn.nowMs - holder.heardMs;
  const due = slot.dueMs !== undefined && slot.dueMs <= turn.nowMs;
  switch (slot.state) {
    case 'accepting':
      if (!due) return;
      if (slot.tries >= limits.retries) {
        turn.put(at, { state: 'uncertain', tries: 0 }, 'no answer to Accept');
        return ask(turn, found);
      }
      turn.put(at, { tries: slot.tries + 1, dueMs: turn.nowMs + limits.answerWaitMs });
      return sendAccept(turn, at);
    case 'uncertain':
    case 'suspect':
    case 'fenced':
      if (!due) return;
      if (slot.state === 'uncertain' && slot.tries > limits.retries)
        turn.put(at, { state: 'fenced' }, 'no answer to Query');
      return ask(turn, found);
    case 'starting':
    case 'running':
      if (quietMs >= suspectAfter(limits, found.deployment.spec.mode, holder.leaseMs))
        return suspect(turn, found, 'it does not renew');
      return;
    case 'releasing':
      if (due) release(turn, at);
      return;
    default:
      return;
  }
}

/** Asks its node to stop it, again and again until that is so or the lease is over. */
export function release(turn: OwnerTurn, at: At, graceMs = turn.config.limits.graceMs): void {
  const found = held(turn, at);
  if (found === undefined) return;
  const { holder } = found.slot;
  turn.put(at, { state: 'releasing', dueMs: turn.nowMs + 2 * turn.config.limits.answerWaitMs }, 'releasing');
  const { term } = found.deployment;
  const message = { kind: 'release', reservationId: holder.reservationId, ...at, term, epoch: holder.epoch } as const;
  turn.send(holder.node, { ...message, graceMs });
}

const ITS_FAULT: readonly string[] = ['oom', 'crash-loop', 'start-failed', 'exit', 'signal', 'lost', 'lease'];

/** Nothing of it runs any more: stopped if that was wanted, else to be placed anew. */
export function endHolder(turn: OwnerTurn, at: At, { because, detail }: Pick<Past, 'because' | 'detail'>): void {
  const found = held(turn, at);
  if (found === undefined) return;
  const { holder } = found.slot;
  remember(turn, at, holder, because, detail);
  turn.journal({ kind: 'ended', ...at, epoch: holder.epoch });
  turn.clear(at, 'holder', 'dueMs');
  const faulty = ITS_FAULT.includes(because);
  const { limits } = turn.config;
  const avoid = new Map([...found.slot.avoid].filter(([, untilMs]) => untilMs > turn.nowMs));
  if (faulty) avoid.set(holder.node, turn.nowMs + limits.penaltyMs);
  const failed =
    because === 'oom' || because === 'crash-loop' || because === 'start-failed' || because === because.toUpperCase();
  const failures = found.slot.failures + (failed ? 1 : 0);
  const now = { avoid, failures, tries: 0 };
  if (found.deployment.stopping) turn.put(at, { ...now, state: 'released' }, because);
  else if (failures >= limits.attempts) turn.put(at, { ...now, state: 'failed' }, because);
  else if (found.slot.bid === undefined) turn.put(at, { ...now, state: 'pending' }, because);
  else
    turn.put(at, { ...now, state: found.slot.bid.reservationId === undefined ? 'soliciting' : 'reserving' }, because);
}
