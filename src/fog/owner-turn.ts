import {
  type Deployment,
  epochKey,
  type OwnerConfig,
  type OwnerEffect,
  type OwnerEntry,
  type OwnerState,
  type Peer,
  type Slot,
} from './owner-state.ts';
import type { ToNode } from './messages.ts';
import type { SlotId, SlotState } from './states.ts';
import type { FogRule } from './switches.ts';
import type { Transition } from './transition.ts';
import { NO_TRUST, observe } from './trust.ts';
import type { VotePolicy } from './vote.ts';

/** A slot, with what it belongs to. */
export interface At {
  readonly deployment: string;
  readonly slot: number;
}

/** One step of an owner while it is being taken: what it changes, in copies, and what is to be done. */
export class OwnerTurn {
  readonly nowMs: number;
  readonly effects: OwnerEffect[] = [];
  #state: OwnerState;
  /** Sent last, once each. */
  readonly #maps = new Set<string>();

  constructor(state: OwnerState, nowMs: number) {
    this.nowMs = Math.max(state.nowMs, nowMs);
    this.#state = { ...state, nowMs: this.nowMs };
  }

  get state(): OwnerState {
    return this.#state;
  }

  get config(): OwnerConfig {
    return this.#state.config;
  }

  isOff(rule: FogRule): boolean {
    return this.config.off?.has(rule) ?? false;
  }

  deployment(id: string): Deployment | undefined {
    return this.#state.deployments.get(id);
  }

  slot({ deployment, slot }: At): Slot | undefined {
    return this.#state.slots.get(deployment)?.get(slot);
  }

  /** Every slot, as it is now: look again before you change one. */
  all(): readonly At[] {
    return [...this.#state.slots].flatMap(([deployment, slots]) =>
      [...slots.keys()].map((slot) => ({ deployment, slot })),
    );
  }

  change(changes: Partial<Pick<OwnerState, 'ads' | 'epochs'>>): void {
    this.#state = { ...this.#state, ...changes };
  }

  configure(votePolicy: VotePolicy): void {
    this.#state = { ...this.#state, config: { ...this.#state.config, votePolicy } };
  }

  putDeployment(next: Deployment): void {
    this.#state = { ...this.#state, deployments: new Map(this.#state.deployments).set(next.deployment, next) };
  }

  dropDeployment(id: string): void {
    const deployments = new Map(this.#state.deployments);
    const slots = new Map(this.#state.slots);
    const epochs = new Map(this.#state.epochs);
    for (const one of slots.get(id)?.values() ?? []) {
      epochs.delete(epochKey(id, one.slot));
      epochs.set(epochKey(id, one.slot), one.epoch);
    }
    const bound = this.config.limits.maxTombstones;
    for (const old of [...epochs.keys()].slice(0, Math.max(0, epochs.size - bound))) epochs.delete(old);
    deployments.delete(id);
    slots.delete(id);
    this.#state = { ...this.#state, deployments, slots, epochs };
  }

  /** Writes a slot; a change of its state is recorded with the reason, and its revision rises. */
  put(at: At, changes: Partial<Slot>, because?: string): Slot {
    const before = this.slot(at);
    const base: Slot = before ?? {
      slot: at.slot,
      state: 'pending',
      rev: 0,
      sinceMs: this.nowMs,
      epoch: 0,
      tries: 0,
      failures: 0,
      blockedMs: 0,
      reasons: [],
      avoid: new Map(),
      history: [],
    };
    const moved = before === undefined || (changes.state ?? before.state) !== before.state;
    const next: Slot = { ...base, ...changes, ...(moved ? { rev: base.rev + 1, sinceMs: this.nowMs } : {}) };
    this.#write(at, next);
    if (moved) this.#recordSlot(at, { from: before?.state ?? 'none', next, because: because ?? next.state });
    return next;
  }

  /** Takes fields away that `put` can't. */
  clear(at: At, ...names: readonly ('holder' | 'bid' | 'dueMs' | 'lookMs')[]): void {
    const before = this.slot(at);
    if (before === undefined) return;
    const next: Partial<Record<keyof Slot, unknown>> = { ...before };
    for (const name of names) delete next[name];
    this.#write(at, next as Slot);
  }

  #write(at: At, next: Slot): void {
    const slots = new Map(this.#state.slots.get(at.deployment)).set(at.slot, next);
    this.#state = { ...this.#state, slots: new Map(this.#state.slots).set(at.deployment, slots) };
  }

  fresh(): string {
    const counter = this.#state.counter + 1;
    this.#state = { ...this.#state, counter };
    return `${this.#state.instance}.${counter}`;
  }

  /** 0 up to 1, from what was drawn at the start: the same events make the same choices. */
  chance(): number {
    const dice = (this.#state.dice + 0x6d2b79f5) >>> 0;
    this.#state = { ...this.#state, dice };
    let mixed = Math.imul(dice ^ (dice >>> 15), dice | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  }

  peer(node: string): Peer {
    return this.#state.peers.get(node) ?? { trust: NO_TRUST };
  }

  putPeer(node: string, peer: Peer): void {
    const peers = new Map(this.#state.peers);
    peers.delete(node);
    peers.set(node, peer);
    for (const old of peers.keys()) {
      if (peers.size <= this.config.limits.maxAds) break;
      peers.delete(old);
    }
    this.#state = { ...this.#state, peers };
  }

  observe(node: string, what: 'kept' | 'broken'): void {
    const peer = this.peer(node);
    this.putPeer(node, { ...peer, trust: observe(peer.trust, what, this.nowMs) });
  }

  send(to: string, message: ToNode): void {
    this.effects.push({ kind: 'send', to, message });
  }

  journal(entry: OwnerEntry): void {
    this.effects.push({ kind: 'journal', entry });
  }

  record(what: Omit<Transition, 'atMs'>): void {
    this.effects.push({ kind: 'record', record: { atMs: this.nowMs, ...what } });
  }

  spread(deployment: string): void {
    this.#maps.add(deployment);
  }

  close(): readonly OwnerEffect[] {
    for (const id of this.#maps) {
      const deployment = this.deployment(id);
      if (deployment === undefined) continue;
      this.putDeployment({ ...deployment, mapRev: deployment.mapRev + 1 });
      this.effects.push({ kind: 'map', deployment: id });
    }
    return this.effects;
  }

  id({ deployment, slot }: At): SlotId {
    return { owner: this.config.node, deployment, slot };
  }

  #recordSlot(at: At, { from, next, because }: { from: SlotState | 'none'; next: Slot; because: string }): void {
    const peer = next.holder?.node ?? next.bid?.node;
    this.record({
      of: 'slot',
      id: epochKey(at.deployment, at.slot),
      from,
      to: next.state,
      because,
      ...(peer === undefined ? {} : { peer }),
      slot: this.id(at),
      fence: { term: this.deployment(at.deployment)?.term ?? 0, epoch: next.epoch },
    });
    if (isOnMap(from) || isOnMap(next.state)) this.spread(at.deployment);
  }
}

/** What callers of a shard have to know of. */
function isOnMap(state: SlotState | 'none'): boolean {
  return ['starting', 'running', 'suspect', 'uncertain', 'fenced', 'releasing'].includes(state);
}
