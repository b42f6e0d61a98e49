import {
  compareFences,
  type Fence,
  fits,
  ledgerOf,
  type NodeEffect,
  type NodeEvent,
  type NodeState,
  needsVote,
  type OwnerEffect,
  type OwnerState,
  slotKey,
  specDigest,
  total,
  add,
} from '../../../src/fog/index.ts';
import type { SimMachine } from './machine.ts';
import type { World } from './world.ts';

export class Violation extends Error {
  readonly invariant: string;

  constructor(invariant: string, what: string) {
    super(`${invariant}: ${what}`);
    this.invariant = invariant;
  }
}

interface Stepped<S, E> {
  readonly before: S;
  readonly after: S;
  readonly effects: readonly E[];
}

/** The invariants, from outside: what the machines did is compared with what the world saw. */
export class Checks {
  readonly #world: World;
  /** Highest fence that each machine accepted, by machine and slot. */
  readonly #fences = new Map<string, Fence>();
  /** Placement and run, each started once. */
  readonly #started = new Set<string>();

  constructor(world: World) {
    this.#world = world;
  }

  forgetFences(machine: string): void {
    for (const key of this.#fences.keys()) if (key.startsWith(`${machine} `)) this.#fences.delete(key);
  }

  node(machine: SimMachine, step: Stepped<NodeState, NodeEffect> & { readonly event: NodeEvent }): void {
    const { after, effects } = step;
    const ledger = ledgerOf(after.config, after.rows.values());
    const booked = add(ledger.held, ledger.committed);
    if (!fits(booked, after.config.capacity))
      throw new Violation('I1', `${machine.name} has booked ${JSON.stringify(booked)}`);
    const ids = [...after.rows.values()].flatMap(({ gpuIds }) => gpuIds);
    if (new Set(ids).size !== ids.length) throw new Violation('I1', `${machine.name} allotted a device twice`);
    for (const effect of effects) {
      if (effect.kind === 'journal') this.#accepted(machine, effect.slotKey, effect.placement.fence);
      if (effect.kind === 'send') this.#saysWhy(machine, effect.message);
    }
    this.#nodeRecords(machine, step);
  }

  /** I3. */
  #accepted(machine: SimMachine, key: string, fence: Fence): void {
    const name = `${machine.name} ${key}`;
    const before = this.#fences.get(name);
    if (before !== undefined && compareFences(fence, before) <= 0)
      throw new Violation('I3', `${name} accepted ${fence.epoch} after ${before.epoch}`);
    this.#fences.set(name, fence);
  }

  /** I9: a refusal has a code and words. */
  #saysWhy(machine: SimMachine, message: Extract<NodeEffect, { kind: 'send' }>['message']): void {
    if (message.kind !== 'denied' && message.kind !== 'refuse') return;
    this.#world.count(`${message.kind} ${message.code}`);
    if (message.detail === '') throw new Violation('I9', `${machine.name} refuses without a reason`);
  }

  /** I9: what changed is recorded, and what is recorded changed. */
  #nodeRecords(machine: SimMachine, { before, after, effects }: Stepped<NodeState, NodeEffect>): void {
    const records = effects.flatMap((effect) => (effect.kind === 'record' ? [effect.record] : []));
    for (const [key, row] of [...after.rows, ...after.tombs]) {
      const was = before.rows.get(key) ?? before.tombs.get(key);
      if (was === row) continue;
      const { placement } = row;
      if (was?.state !== row.state && !records.some(({ id, to }) => id === row.reservationId && to === row.state))
        throw new Violation('I9', `${machine.name}: no record of ${row.reservationId} ${row.state}`);
      if (placement === undefined) continue;
      if (was?.placement !== undefined && placement.rev < was.placement.rev)
        throw new Violation('I6', `${placement.placementId} went back a revision`);
      const moved = was?.placement?.state !== placement.state || was.placement.run !== placement.run;
      if (moved && !records.some(({ id, to }) => id === placement.placementId && to === placement.state))
        throw new Violation('I9', `${machine.name}: no record of ${placement.placementId} ${placement.state}`);
    }
  }

  owner(machine: SimMachine, { before, after, effects }: Stepped<OwnerState, OwnerEffect>): void {
    for (const [id, slots] of after.slots) {
      if (before.slots.get(id) === slots) continue;
      for (const [number, slot] of slots) {
        const was = before.slots.get(id)?.get(number);
        if (was === slot) continue;
        if (was !== undefined && (slot.rev < was.rev || slot.epoch < was.epoch))
          throw new Violation('I6', `${machine.name}: slot ${id} ${number} went back`);
        if (was?.state === slot.state) continue;
        const name = `${id} ${number}`;
        if (!effects.some((one) => one.kind === 'record' && one.record.id === name && one.record.to === slot.state))
          throw new Violation('I9', `${machine.name}: no record of ${name} ${slot.state}`);
      }
    }
  }

  /** I7: started by an Accept that its owner sent, to this start of this node, for that spec; and by a vote if it needs one. */
  starting(machine: SimMachine, effect: Extract<NodeEffect, { kind: 'start' }>): void {
    const { placementId, run, slot, fence, spec } = effect;
    const name = `${placementId} ${run}`;
    if (this.#started.has(name)) throw new Violation('I6', `${name} was started twice`);
    this.#started.add(name);
    const row = [...(machine.node?.rows.values() ?? [])].find((one) => one.placement?.placementId === placementId);
    const digest = specDigest(spec);
    const said = `${row?.reservationId} ${row?.nonce} ${machine.node?.bootSeq} ${fence.term}.${fence.epoch} ${digest}`;
    if (row !== undefined && !this.#world.accepts.has(`${slot.owner} ${said}`))
      throw new Violation('I7', `${machine.name} runs ${slotKey(slot)} ${fence.epoch} without an Accept`);
    const totals = { res: spec.res, slots: 1 };
    const needs = needsVote(spec, { policy: machine.config.votePolicy, totals });
    const approval = this.#world.approvals.get(`${slot.owner} ${slot.deployment}`);
    if (needs.length > 0 && approval?.specDigest !== digest)
      throw new Violation('I7', `${machine.name} runs ${slotKey(slot)} without a vote`);
  }

  /** I1, I2, I8, over the processes that there are. */
  processes(): void {
    const bySlot = new Map<string, string[]>();
    const byFence = new Map<string, string>();
    for (const machine of this.#world.machines) {
      const { live, frozen } = machine.procs;
      if (live.size === 0) continue;
      const used = total([...live].map(({ spec }) => spec.res));
      if (!fits(used, machine.config.capacity)) throw new Violation('I1', `${machine.name} runs more than it has`);
      for (const proc of live) {
        const row = [...(machine.node?.rows.values() ?? [])].find(
          (one) => one.placement?.placementId === proc.placementId && one.placement.run === proc.run,
        );
        if (machine.up && row?.placement?.alive !== true && !this.#world.isOff('sweep-first'))
          throw new Violation('I8', `${machine.name} runs ${proc.placementId} without a row`);
        if (proc.slotKey.includes(' foul ')) continue; // its owner keeps no rule, so nobody can keep it from two
        const name = `${proc.slotKey} ${proc.fence.epoch}`;
        if (byFence.has(name)) throw new Violation('I2', `${name} runs on ${byFence.get(name)} and ${machine.name}`);
        byFence.set(name, machine.name);
        if (frozen || proc.spec.mode !== 'exclusive') continue;
        const running = bySlot.get(proc.slotKey) ?? [];
        running.push(`${machine.name} (epoch ${proc.fence.epoch})`);
        bySlot.set(proc.slotKey, running);
        if (running.length > 1) throw new Violation('I2', `${proc.slotKey} runs on ${running.join(' and ')}`);
      }
    }
  }
}
