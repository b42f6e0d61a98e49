import { judgeNodes } from './candidates.ts';
import type { Message } from './messages.ts';
import { grant } from './owner-grant.ts';
import type { Bid, Deployment, Reason, Slot } from './owner-state.ts';
import type { At, OwnerTurn } from './owner-turn.ts';
import { presetFor } from './presets.ts';
import { addReason, record, refused } from './owner-reasons.ts';
import { askedIn, rank } from './score.ts';
import type { SlotState } from './states.ts';

/** A busy node, or the grain of a clock, makes an answer late by so much. */
const LATE_MS = 20;
/** Before a hold ends: an Accept must still get there. */
const HOLD_MARGIN_MS = 1_000;
const NO_BID: Bid = { round: 0, askedMs: 0, asked: [], answered: [], offers: [], queue: [], tries: 0, dueMs: 0 };

/** While something of it runs, that is what is shown of a slot; a place for it is looked for behind that. */
function show(turn: OwnerTurn, at: At, state: SlotState): SlotState {
  const slot = turn.slot(at);
  return slot?.holder === undefined ? state : slot.state;
}

function both(turn: OwnerTurn, at: At): { slot: Slot; deployment: Deployment } | undefined {
  const slot = turn.slot(at);
  const deployment = turn.deployment(at.deployment);
  return slot === undefined || deployment === undefined ? undefined : { slot, deployment };
}

/** Looks for a node: asks some of those that could, or the one that was named. */
export function look(turn: OwnerTurn, at: At, round = 0): void {
  const found = both(turn, at);
  if (found === undefined || found.deployment.stopping) return;
  const { slot, deployment } = found;
  const judged = judgeNodes(turn.state, deployment, slot);
  const able = judged.filter(({ objection }) => objection === undefined).map(({ node }) => node);
  const { target, allowFallback } = deployment;
  if (target !== undefined && !allowFallback && !judged.some(({ node }) => node === target)) {
    const detail = 'not known here, or silent for long';
    return block(turn, at, [{ node: target, code: 'UNREACHABLE', detail, atMs: turn.nowMs }]);
  }
  if (able.length === 0) {
    const reasons = judged.map(({ node, objection }) => ({
      node,
      code: objection?.code ?? 'NO_CANDIDATE',
      detail: objection?.detail ?? '',
      atMs: turn.nowMs,
    }));
    return block(turn, at, reasons);
  }
  // Where it failed lately and others will do, the named node is one among them.
  const failed = allowFallback && (slot.avoid.get(target ?? '') ?? 0) > turn.nowMs;
  if (target !== undefined && able.includes(target) && round === 0 && !failed) {
    turn.put(at, { bid: { ...NO_BID, queue: [target] } });
    return reserveNext(turn, at);
  }
  const { minAsked: min, maxAsked: max, offerWaitMs } = turn.config.limits;
  const asked = sample(turn, able, askedIn(able.length, { round, min, max }));
  const cfpId = turn.fresh();
  const bid: Bid = { ...NO_BID, round, cfpId, asked, askedMs: turn.nowMs, dueMs: turn.nowMs + offerWaitMs };
  turn.put(at, { bid, state: show(turn, at, 'soliciting') }, 'asking');
  for (const node of asked) turn.send(node, cfpOf(deployment, { slot, cfpId, deadlineMs: offerWaitMs }));
}

function sample(turn: OwnerTurn, all: readonly string[], count: number): readonly string[] {
  const left = [...all];
  const drawn: string[] = [];
  while (drawn.length < count && left.length > 0)
    drawn.push(...left.splice(Math.floor(turn.chance() * left.length), 1));
  return drawn;
}

function cfpOf(
  { spec, digest, deployment, agent }: Deployment,
  { slot, cfpId, deadlineMs }: { slot: Slot; cfpId: string; deadlineMs: number },
): Message<'cfp'> {
  const { res, priority, mode, artifact, labels, enforcement } = spec;
  const what = { res, priority, mode, artifact, labels, enforcement };
  return { kind: 'cfp', cfpId, specDigest: digest, deployment, slot: slot.slot, ...what, deadlineMs, agent };
}

/** An answer to a Cfp: the last one ends the wait. */
export function hearOffer(turn: OwnerTurn, from: string, message: Message<'offer'> | Message<'refuse'>): void {
  const at = turn.all().find((one) => turn.slot(one)?.bid?.cfpId === message.cfpId);
  const bid = at === undefined ? undefined : turn.slot(at)?.bid;
  if (at === undefined || bid === undefined || bid.reservationId !== undefined) return;
  if (!bid.asked.includes(from) || bid.answered.includes(from)) return;
  const answered = [...bid.answered, from];
  if (message.kind === 'offer') {
    turn.put(at, { bid: { ...bid, answered, offers: [...bid.offers, { ...message, node: from }] } });
    record(turn, at, {
      node: from,
      because: 'offered',
      detail: message.preempts ? 'others would be stopped for it' : '',
    });
  } else {
    turn.put(at, { bid: { ...bid, answered } });
    refused(turn, at, { node: from, code: message.code, detail: message.detail });
  }
  if (answered.length === bid.asked.length) return chooseOffer(turn, at);
  hurry(turn, at);
}

/** With an offer at hand, who has not answered in twice its usual time is not waited for. Who was never heard has the whole wait. */
function hurry(turn: OwnerTurn, at: At): void {
  const bid = turn.slot(at)?.bid;
  if (bid === undefined || bid.offers.length === 0) return;
  const { offerWaitMs } = turn.config.limits;
  const { askedMs } = bid;
  const usualMs = (node: string): number => {
    const { rttMs } = turn.peer(node);
    return rttMs === undefined ? offerWaitMs : Math.min(offerWaitMs, Math.ceil(2 * rttMs) + LATE_MS);
  };
  const missing = bid.asked.filter((node) => node !== turn.config.node && !bid.answered.includes(node));
  const dueMs = askedMs + Math.max(LATE_MS, ...missing.map(usualMs));
  if (dueMs < bid.dueMs) turn.put(at, { bid: { ...bid, dueMs } });
}

function chooseOffer(turn: OwnerTurn, at: At): void {
  const found = both(turn, at);
  if (found?.slot.bid === undefined) return;
  const { bid } = found.slot;
  const { deployment } = found;
  const judged = judgeNodes(turn.state, deployment, found.slot);
  const candidates = bid.offers.flatMap((offer) => {
    const known = judged.find(({ node, objection }) => node === offer.node && objection === undefined);
    if (known === undefined) return [];
    return [{ ...known.candidate, free: offer.free, warm: offer.warm, preempts: offer.preempts }];
  });
  const { res } = deployment.spec;
  const ranked = rank(candidates, { res, spread: deployment.spread, chance: turn.chance() }).map(({ node }) => node);
  const others = ranked.filter((node) => node !== turn.config.node);
  const rather = presetFor(deployment.spec.agentType).strategy === 'fog_preferred' && others.length < ranked.length;
  const queue = rather ? [...others, turn.config.node] : ranked;
  turn.put(at, { bid: { ...bid, queue } });
  reserveNext(turn, at);
}

/** Asks the best that is left to hold it. None is left: asks more nodes, and in the end waits. */
function reserveNext(turn: OwnerTurn, at: At): void {
  const found = both(turn, at);
  if (found?.slot.bid === undefined) return;
  const { slot, deployment } = found;
  const { bid } = found.slot;
  const [node, ...queue] = bid.queue;
  if (node === undefined) {
    if (bid.round + 1 < turn.config.limits.rounds && deployment.target === undefined)
      return look(turn, at, bid.round + 1);
    if (deployment.target !== undefined && deployment.allowFallback && bid.round === 0) return look(turn, at, 1);
    return block(turn, at, []);
  }
  const reservationId = turn.fresh();
  const { cfpId: _a, reserved: _b, ...rest } = bid;
  const dueMs = turn.nowMs + turn.config.limits.answerWaitMs;
  turn.put(
    at,
    { bid: { ...rest, queue, node, reservationId, tries: 0, dueMs }, state: show(turn, at, 'reserving') },
    'reserving',
  );
  turn.send(node, reserveOf(turn, deployment, { slot, reservationId }));
}

function reserveOf(
  turn: OwnerTurn,
  { deployment, agent, spec, term }: Deployment,
  { slot, reservationId }: { slot: Slot; reservationId: string },
): Message<'reserve'> {
  return {
    kind: 'reserve',
    reservationId,
    deployment,
    slot: slot.slot,
    term,
    epoch: slot.epoch + 1,
    agent,
    spec,
    ttlMs: turn.config.limits.holdMs,
  };
}

const bidOf = (turn: OwnerTurn, reservationId: string): { at: At; bid: Bid & { node: string } } | undefined => {
  for (const at of turn.all()) {
    const bid = turn.slot(at)?.bid;
    if (bid?.reservationId === reservationId && bid.node !== undefined) return { at, bid: { ...bid, node: bid.node } };
  }
  return undefined;
};

export function isReserved(turn: OwnerTurn, from: string, message: Message<'reserved'>): void {
  const found = bidOf(turn, message.reservationId);
  if (found === undefined || found.bid.node !== from || found.bid.reserved !== undefined) return;
  const { nonce, bootSeq, expiresInMs } = message;
  const untilMs = turn.nowMs + expiresInMs - HOLD_MARGIN_MS;
  turn.put(found.at, { bid: { ...found.bid, reserved: { nonce, bootSeq, untilMs }, dueMs: untilMs } });
  settle(turn, found.at.deployment);
}

/** Accepts what is reserved: each slot by itself, or all of a gang together. */
function settle(turn: OwnerTurn, id: string): void {
  const deployment = turn.deployment(id);
  const ats = turn.all().filter((at) => at.deployment === id);
  const ready = ats.filter((at) => turn.slot(at)?.bid?.reserved !== undefined);
  const lacking = ats.filter((at) => turn.slot(at)?.holder === undefined && !ready.includes(at));
  if (deployment?.gang === true && lacking.length > 0) return;
  for (const at of ready) grant(turn, at);
}

/** Others are stopped for it: asked again, with the same id, when they have ended. */
export function isPreparing(turn: OwnerTurn, from: string, message: Message<'preparing'>): void {
  const found = bidOf(turn, message.reservationId);
  if (found === undefined || found.bid.node !== from || found.bid.reserved !== undefined) return;
  const dueMs = turn.nowMs + Math.min(message.readyAfterMs, turn.config.limits.maxHoldMs) + 50;
  turn.put(found.at, { bid: { ...found.bid, tries: 0, dueMs } });
}

export function isDenied(turn: OwnerTurn, from: string, message: Message<'denied'>): void {
  const found = bidOf(turn, message.reservationId);
  if (found === undefined || found.bid.node !== from || found.bid.reserved !== undefined) return;
  refused(turn, found.at, { node: from, code: message.code, detail: message.detail });
  reserveNext(turn, found.at);
}

export function isUnreachable(turn: OwnerTurn, node: string, about: string): void {
  const detail = 'could not be reached';
  const found = bidOf(turn, about);
  if (found !== undefined && found.bid.node === node && found.bid.reserved === undefined) {
    refused(turn, found.at, { node, code: 'UNREACHABLE', detail });
    return reserveNext(turn, found.at);
  }
  hearOffer(turn, node, { kind: 'refuse', cfpId: about, code: 'UNREACHABLE', detail });
}

/** No node would be told more: none is asked, and who wants it hears why. */
export function isUnsendable(turn: OwnerTurn, reservationId: string): void {
  const found = bidOf(turn, reservationId);
  if (found === undefined || found.bid.reserved !== undefined) return;
  const detail = 'with its arguments and the certificate of its vote it is longer than a message may be';
  const { node } = found.bid;
  turn.put(found.at, { bid: { ...found.bid, queue: [] } });
  block(turn, found.at, [{ node, code: 'REFUSED_POLICY', detail, atMs: turn.nowMs }]);
}

/** What time did to a search. */
export function letBidAge(turn: OwnerTurn, at: At): void {
  const found = both(turn, at);
  const bid = found?.slot.bid;
  if (found === undefined || bid === undefined || bid.dueMs > turn.nowMs) return;
  if (bid.reserved !== undefined) return breakUp(turn, at);
  if (bid.reservationId === undefined || bid.node === undefined) return chooseOffer(turn, at);
  const { retries, answerWaitMs } = turn.config.limits;
  if (bid.tries < retries) {
    turn.put(at, { bid: { ...bid, tries: bid.tries + 1, dueMs: turn.nowMs + answerWaitMs } });
    return turn.send(
      bid.node,
      reserveOf(turn, found.deployment, { slot: found.slot, reservationId: bid.reservationId }),
    );
  }
  turn.send(bid.node, { kind: 'cancel', reservationId: bid.reservationId });
  turn.observe(bid.node, 'broken');
  refused(turn, at, { node: bid.node, code: 'UNREACHABLE', detail: 'no answer to Reserve' });
  reserveNext(turn, at);
}

/** A hold runs out before the rest of the gang has one: all give back, and try again each at its own time. */
function breakUp(turn: OwnerTurn, at: At): void {
  for (const one of turn.all().filter((other) => other.deployment === at.deployment))
    if (turn.slot(one)?.bid !== undefined && turn.slot(one)?.holder === undefined) block(turn, one, []);
}

/** Gives up what was asked for. */
export function dropBid(turn: OwnerTurn, at: At): void {
  const bid = turn.slot(at)?.bid;
  if (bid === undefined) return;
  if (bid.reservationId !== undefined && bid.node !== undefined)
    turn.send(bid.node, { kind: 'cancel', reservationId: bid.reservationId });
  turn.clear(at, 'bid');
}

/** Nobody takes it: wait, each time longer, or until something changes. */
export function block(turn: OwnerTurn, at: At, reasons: readonly Reason[]): void {
  for (const reason of reasons) addReason(turn, at, reason);
  dropBid(turn, at);
  const slot = turn.slot(at);
  if (slot === undefined) return;
  const { blockedMinMs, blockedMaxMs } = turn.config.limits;
  // A node that has room and only bounds how much of it we hold at once says to come again soon.
  const soon = slot.reasons.some(({ code, atMs }) => code === 'RATE_LIMITED' && turn.nowMs - atMs < 2 * blockedMinMs);
  const blockedMs = soon ? blockedMinMs : Math.min(blockedMaxMs, Math.max(blockedMinMs, slot.blockedMs * 2));
  const lookMs = turn.nowMs + Math.round(blockedMs * (0.5 + turn.chance() / 2));
  turn.put(at, { blockedMs, lookMs, state: show(turn, at, 'blocked') }, slot.reasons.at(-1)?.code ?? 'NO_CANDIDATE');
}
