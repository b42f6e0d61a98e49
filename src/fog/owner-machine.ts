import { acceptAd } from './ad-cache.ts';
import type { FogAd } from './ad.ts';
import { judgeNodes } from './candidates.ts';
import {
  hearOffer,
  isDenied,
  isPreparing,
  isReserved,
  isUnreachable,
  isUnsendable,
  letBidAge,
  look,
} from './owner-bid.ts';
import {
  answerRenew,
  hearBoot,
  hearNotice,
  hearRow,
  hearStatus,
  isAccepted,
  isRefused,
  isReleased,
  letHolderAge,
  release,
} from './owner-hold.ts';
import {
  type Deployment,
  epochKey,
  type Holder,
  type OwnerConfig,
  type OwnerEvent,
  type OwnerState,
  type OwnerStep,
  type Slot,
} from './owner-state.ts';
import { suspectAfter } from './limits.ts';
import { objectToFree } from './room.ts';
import { type At, OwnerTurn } from './owner-turn.ts';
import type { ToOwner } from './messages.ts';
import { mayOverlap } from './owner-grant.ts';
import { askVillage, deploy, finish, stop, voteAfterAll, voted } from './owner-deploy.ts';

/** What was in the journal when the owner started, and what it drew. */
export interface OwnerBoot {
  /** Drawn now; unlike any before. */
  readonly instance: string;
  readonly dice: number;
  readonly nowMs: number;
  readonly deployments: readonly Deployment[];
  /** The last that was journaled of each slot; `holder` when it was not journaled as ended. */
  readonly slots: readonly (At & {
    readonly epoch: number;
    readonly holder?: Pick<Holder, 'reservationId' | 'node' | 'epoch' | 'bootSeq' | 'nonce' | 'leaseMs'>;
  })[];
}

/** Adopts what may run, or waits for it to be over. Rule R6. */
export function startOwner(config: OwnerConfig, boot: OwnerBoot): OwnerStep {
  const { instance, dice, nowMs, deployments } = boot;
  const known = new Map(deployments.map((one) => [one.deployment, one]));
  const empty = { ads: new Map(), peers: new Map(), slots: new Map() };
  const epochs = new Map(boot.slots.map(({ deployment, slot, epoch }) => [epochKey(deployment, slot), epoch] as const));
  const times = { nowMs, startedMs: nowMs };
  const state: OwnerState = { config, instance, dice, counter: 0, ...times, deployments: known, epochs, ...empty };
  const turn = new OwnerTurn(state, nowMs);
  for (const deployment of deployments) {
    for (let slot = 0; slot < deployment.slots; slot += 1) {
      const journaled = boot.slots.find((one) => one.deployment === deployment.deployment && one.slot === slot);
      adopt(turn, { deployment: deployment.deployment, slot }, journaled);
    }
    turn.spread(deployment.deployment);
    if (deployment.vote === 'awaited') askVillage(turn, deployment);
  }
  return { state: turn.state, effects: turn.close() };
}

function adopt(turn: OwnerTurn, at: At, journaled: OwnerBoot['slots'][number] | undefined): void {
  const epoch = journaled?.epoch ?? 0;
  const deployment = turn.deployment(at.deployment);
  const state = deployment?.stopping === true ? 'released' : waitingState(deployment?.vote);
  if (journaled?.holder === undefined || turn.isOff('restart-waits')) {
    turn.put(at, { epoch, state }, 'started');
    return;
  }
  const { leaseMs } = journaled.holder;
  const { reclaimShare, reclaimMs: margin } = turn.config.limits;
  const reclaimMs = turn.nowMs + Math.ceil((leaseMs * reclaimShare) / 1000) + margin;
  const holder = { ...journaled.holder, reclaimMs, madeMs: turn.nowMs, heardMs: turn.nowMs, rev: 0 };
  turn.put(at, { epoch, holder, state: 'uncertain', dueMs: turn.nowMs }, 'started');
}

function waitingState(vote: Deployment['vote'] | undefined): Slot['state'] {
  if (vote === 'awaited') return 'awaiting_vote';
  return vote === 'rejected' ? 'failed' : 'pending';
}

/** One event, at `nowMs` of this machine's boot-time clock. */
export function stepOwner(state: OwnerState, event: OwnerEvent & { readonly nowMs: number }): OwnerStep {
  const turn = new OwnerTurn(state, event.nowMs);
  apply(turn, event);
  for (const at of turn.all()) {
    letHolderAge(turn, at);
    letBidAge(turn, at);
    leave(turn, at);
    place(turn, at);
  }
  for (const deployment of turn.state.deployments.values()) finish(turn, deployment);
  return { state: turn.state, effects: turn.close() };
}

function apply(turn: OwnerTurn, event: OwnerEvent): void {
  switch (event.kind) {
    case 'deploy':
      return deploy(turn, event.wanted);
    case 'stop':
      return stop(turn, event.deployment, event.graceMs);
    case 'voted':
      return voted(turn, event.deployment, event.approval);
    case 'message':
      return receive(turn, event.from, event.message);
    case 'ad':
      return hearAd(turn, event.ad);
    case 'rtt':
      return hearRoundTrip(turn, event.node, event.rttMs);
    case 'configure':
      return turn.configure(event.votePolicy);
    case 'unsendable':
      return isUnsendable(turn, event.reservationId);
    case 'unreachable':
      return isUnreachable(turn, event.node, event.about);
    case 'tick':
      return;
  }
}

/** Smoothed as TCP does: one slow answer is no slow node. */
function hearRoundTrip(turn: OwnerTurn, node: string, rttMs: number): void {
  const peer = turn.peer(node);
  turn.putPeer(node, { ...peer, rttMs: peer.rttMs === undefined ? rttMs : peer.rttMs + (rttMs - peer.rttMs) / 8 });
}

function receive(turn: OwnerTurn, from: string, message: ToOwner): void {
  switch (message.kind) {
    case 'offer':
    case 'refuse':
      return hearOffer(turn, from, message);
    case 'reserved':
      return isReserved(turn, from, message);
    case 'preparing':
      return isPreparing(turn, from, message);
    case 'denied':
      if (message.code === 'VOTE_REQUIRED') voteAfterAll(turn, message.reservationId, message.detail);
      return message.of === 'accept' ? isRefused(turn, from, message) : isDenied(turn, from, message);
    case 'accepted':
      return isAccepted(turn, from, message);
    case 'status':
      return hearStatus(turn, from, message);
    case 'renew':
      return answerRenew(turn, from, message);
    case 'released':
      return isReleased(turn, from, message);
    case 'notice':
      return hearNotice(turn, from, message);
    case 'row':
      return hearRow(turn, from, message);
    case 'hello':
      return hearBoot(turn, from, message.bootSeq);
  }
}

/** A node that is to be left: exclusive stops there, then starts elsewhere; others the other way round. One at a time. */
function leave(turn: OwnerTurn, at: At): void {
  const slot = turn.slot(at);
  const deployment = turn.deployment(at.deployment);
  if (slot?.holder?.leaving === undefined || deployment === undefined || deployment.stopping) return;
  if (slot.state !== 'running' && slot.state !== 'starting') return;
  const moving = [...(turn.state.slots.get(at.deployment)?.values() ?? [])].some(
    (one) => one.slot !== slot.slot && one.state !== 'running' && one.state !== 'failed',
  );
  if (moving) return;
  if (deployment.spec.mode === 'exclusive') release(turn, at);
  else if (slot.bid === undefined && isDue(turn, slot)) look(turn, at);
}

const isDue = (turn: OwnerTurn, slot: Slot): boolean => slot.lookMs === undefined || slot.lookMs <= turn.nowMs;

/** Looks for a place for what has none, and for what may be replaced while it may still run. */
function place(turn: OwnerTurn, at: At): void {
  const slot = turn.slot(at);
  const deployment = turn.deployment(at.deployment);
  if (slot === undefined || deployment === undefined || deployment.stopping || slot.bid !== undefined) return;
  if (slot.holder !== undefined) {
    if (mayOverlap(turn, deployment) && (slot.state === 'suspect' || slot.state === 'fenced') && isDue(turn, slot))
      look(turn, at);
    return;
  }
  if (deployment.vote === 'awaited') {
    if (slot.state !== 'awaiting_vote') turn.put(at, { state: 'awaiting_vote' }, 'VOTE_REQUIRED');
    return;
  }
  if (deployment.vote === 'rejected') {
    if (slot.state !== 'failed') turn.put(at, { state: 'failed' }, 'rejected');
    return;
  }
  if (slot.state === 'pending' || (slot.state === 'blocked' && isDue(turn, slot))) look(turn, at);
}

/** What a blocked slot waits for may be there: room that was not. */
function hearAd(turn: OwnerTurn, ad: FogAd): void {
  const ads = acceptAd(turn.state.ads, { ad, nowMs: turn.nowMs, maxAds: turn.config.limits.maxAds });
  if (typeof ads === 'string') return;
  const blocked = turn.all().filter((at) => turn.slot(at)?.state === 'blocked');
  const before = blocked.filter((at) => hasRoom(turn, at, ad.node));
  turn.change({ ads });
  hearBoot(turn, ad.node, ad.bootSeq);
  for (const at of blocked) if (!before.includes(at) && hasRoom(turn, at, ad.node)) turn.clear(at, 'lookMs');
}

function hasRoom(turn: OwnerTurn, at: At, node: string): boolean {
  const deployment = turn.deployment(at.deployment);
  if (deployment === undefined) return false;
  const judged = judgeNodes(turn.state, deployment, turn.slot(at)).find((one) => one.node === node);
  if (judged === undefined || judged.objection !== undefined) return false;
  const { free, shards, maxShards } = judged.known.ad;
  return objectToFree(deployment.spec, { free, shards, maxShards }) === undefined;
}

/** When a `tick` is due, if nothing else happens; undefined: never. */
export function nextOfOwner(state: OwnerState): number | undefined {
  let next: number | undefined;
  const soonest = (ms: number | undefined): void => {
    if (ms !== undefined && (next === undefined || ms < next)) next = ms;
  };
  for (const [id, slots] of state.slots) {
    const mode = state.deployments.get(id)?.spec.mode ?? 'exclusive';
    for (const { holder, bid, dueMs, lookMs, state: now } of slots.values()) {
      soonest(bid?.dueMs);
      if (bid === undefined && now !== 'failed' && (holder === undefined || now === 'suspect')) soonest(lookMs);
      if (holder === undefined) continue;
      soonest(holder.reclaimMs);
      if (now === 'running' || now === 'starting')
        soonest(holder.heardMs + suspectAfter(state.config.limits, mode, holder.leaseMs));
      else soonest(dueMs);
    }
  }
  return next;
}
