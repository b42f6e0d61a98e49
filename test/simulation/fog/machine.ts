import {
  adOf,
  type Checks,
  type Exit,
  type FogAd,
  type NodeConfig,
  type NodeEffect,
  type NodeEvent,
  type NodeState,
  nextOfNode,
  nextOfOwner,
  type OwnerConfig,
  type OwnerEffect,
  type OwnerEvent,
  type OwnerState,
  slotKey,
  startNode,
  startOwner,
  stepNode,
  stepOwner,
  type ToNode,
  type ToOwner,
} from '../../../src/fog/index.ts';
import { Clock } from './clock.ts';
import { Disk } from './disk.ts';
import { Processes } from './processes.ts';
import type { World } from './world.ts';

const TO_NODE: ReadonlySet<string> = new Set([
  'cfp',
  'reserve',
  'accept',
  'renew-ok',
  'renew-no',
  'release',
  'cancel',
  'query',
  'ack',
]);

/** Clocks are trusted to 1 %: half of them make the most of it. */
function driftOf(chance: World['chance']): number {
  const most = 0.0095;
  if (chance.happens(0.5)) return chance.happens(0.5) ? most : -most;
  return (chance.roll() * 2 - 1) * most;
}

type Life = number;

/** A machine: its clocks, its disk, its processes under guards, and a program that is a node and an owner. */
export class SimMachine {
  readonly name: string;
  readonly clock: Clock;
  readonly disk = new Disk();
  readonly procs: Processes;
  readonly config: NodeConfig;
  readonly ownerConfig: OwnerConfig;
  node: NodeState | undefined;
  owner: OwnerState | undefined;
  paused = false;
  asleep = false;
  readonly #world: World;
  #life: Life = 0;
  /** Waits while the program is paused or the machine asleep. */
  #waiting: (() => void)[] = [];
  #queues = { node: [] as NodeEffect[], owner: [] as OwnerEffect[] };
  #writing = { node: false, owner: false };
  #timers = { node: Number.POSITIVE_INFINITY, owner: Number.POSITIVE_INFINITY };
  #adSeq = 0;
  #advertised: FogAd | undefined;

  constructor(world: World, config: NodeConfig, ownerConfig: OwnerConfig) {
    this.#world = world;
    this.name = config.node;
    this.config = config;
    this.ownerConfig = ownerConfig;
    this.clock = new Clock(() => world.agenda.nowMs, 1 + driftOf(world.chance));
    this.procs = new Processes(world, {
      clock: () => this.nowMs(),
      untilMs: (ms) => this.clock.untilMs(ms),
      guarded: !world.isOff('guard') && !world.rules.has('stops-at-lease-end'),
      events: {
        ready: ({ placementId, run }) => this.#later(() => this.#stepNode({ kind: 'started', placementId, run })),
        gone: ({ placementId, run }, exit) => this.#later(() => this.#exited(placementId, { run, exit })),
        changed: () => world.checkProcesses(),
      },
    });
    this.procs.flaky = world.flaky;
  }

  get up(): boolean {
    return this.node !== undefined;
  }

  nowMs(): number {
    return this.#world.isOff('boottime') ? this.clock.monotonicMs() : this.clock.boottimeMs();
  }

  /** The sweep first: only then is anybody told that it lives. */
  start(): void {
    this.#life += 1;
    const found = [...this.procs.live];
    const swept = (): void => {
      this.procs.sweep(found);
      this.#world.checkProcesses();
    };
    if (this.#world.isOff('sweep-first')) this.#after(12_000, swept);
    else swept();
    this.disk.bootSeq += 1;
    const nowMs = this.nowMs();
    const { bootSeq, fences, placements } = this.disk;
    const begun = startNode(this.config, {
      bootSeq,
      instance: this.#world.draw(),
      nowMs,
      fences: new Map(fences),
      placements: [...placements.values()],
    });
    const owning = startOwner(this.ownerConfig, {
      instance: this.#world.draw(),
      dice: this.#world.chance.below(2 ** 31),
      nowMs,
      deployments: [...this.disk.deployments.values()],
      slots: [...this.disk.slots.values()],
    });
    this.node = begun.state;
    this.owner = owning.state;
    this.#adSeq = 0;
    this.#enqueue('node', begun.effects);
    this.#enqueue('owner', owning.effects);
    this.#arm('node');
    this.#arm('owner');
    this.#advertise();
  }

  /** The program dies: what was not synced may be lost. `power`: the machine with it. */
  crash({ power = false, guards = false }: { power?: boolean; guards?: boolean } = {}): void {
    for (const which of ['node', 'owner'] as const) {
      const [first] = this.#queues[which];
      if (this.#writing[which]) this.#world.count(`crash while the ${which} writes`);
      if (this.#writing[which] && first !== undefined && this.#world.chance.happens(0.3)) this.#write(which, first);
    }
    this.#life += 1;
    this.#queues = { node: [], owner: [] };
    this.#writing = { node: false, owner: false };
    this.#waiting = [];
    this.paused = false;
    this.node = undefined;
    this.owner = undefined;
    if (guards) return this.procs.unguard();
    if (!power) return this.procs.orphan();
    this.procs.sweep();
    this.clock.reset();
  }

  pause(): void {
    this.paused = true;
  }

  sleep(): void {
    this.asleep = true;
    this.clock.sleep();
    this.procs.freeze();
  }

  resume(): void {
    if (this.asleep) {
      this.asleep = false;
      this.clock.wake();
      this.procs.thaw();
    }
    this.paused = false;
    for (const act of this.#waiting.splice(0)) act();
  }

  receive(from: string, message: ToNode | ToOwner): void {
    this.#later(() => {
      if (TO_NODE.has(message.kind))
        this.#stepNode({ kind: 'message', from, message: message as ToNode, checks: this.#checks(from, message) });
      else this.stepOwner({ kind: 'message', from, message: message as ToOwner });
    });
  }

  hearAd(ad: FogAd): void {
    this.#later(() => this.stepOwner({ kind: 'ad', ad }));
  }

  act(event: NodeEvent): void {
    this.#later(() => this.#stepNode(event));
  }

  stepOwner(event: OwnerEvent): void {
    if (this.owner === undefined) return;
    const before = this.owner;
    const { state, effects } = stepOwner(before, { ...event, nowMs: this.nowMs() });
    this.owner = state;
    this.#world.checks.owner(this, { before, after: state, effects });
    this.#enqueue('owner', effects);
    this.#arm('owner');
  }

  ask(event: OwnerEvent): void {
    this.#later(() => this.stepOwner(event));
  }

  #checks(from: string, message: ToNode | ToOwner): Checks {
    const deployment = 'deployment' in message ? message.deployment : '';
    const approval = this.#world.approvals.get(`${from} ${deployment}`);
    return { level: 'EMERGENCY', warm: false, approval, wallMs: this.#world.agenda.nowMs };
  }

  #stepNode(event: NodeEvent): void {
    if (this.node === undefined) return;
    const before = this.node;
    const { state, effects } = stepNode(before, { ...event, nowMs: this.nowMs() });
    this.node = state;
    this.#world.checks.node(this, { before, after: state, effects, event });
    this.#enqueue('node', effects);
    this.#arm('node');
    this.#advertiseNews();
  }

  #exited(placementId: string, { run, exit }: { run: number; exit: Exit }): void {
    this.#stepNode({ kind: 'exited', placementId, run, exit });
  }

  /** When the program runs again, if it is this life of it still. */
  #later(act: () => void): void {
    if (!this.up) return;
    if (this.paused || this.asleep) this.#waiting.push(act);
    else act();
  }

  #after(delayMs: number, act: () => void): void {
    const life = this.#life;
    this.#world.agenda.after(delayMs, () => {
      if (life === this.#life) this.#later(act);
    });
  }

  #arm(which: 'node' | 'owner'): void {
    const state = which === 'node' ? this.node : this.owner;
    if (state === undefined) return;
    const dueMs = which === 'node' ? nextOfNode(this.node!) : nextOfOwner(this.owner!);
    if (dueMs === undefined || dueMs === this.#timers[which]) return;
    this.#timers[which] = dueMs;
    this.#after(Math.max(1, this.clock.untilMs(dueMs - this.nowMs()) + 1), () => {
      if (this.#timers[which] !== dueMs) return;
      this.#timers[which] = Number.POSITIVE_INFINITY;
      if (this.nowMs() < dueMs) return this.#arm(which); // the clock stood still
      if (which === 'node') this.#stepNode({ kind: 'tick' });
      else this.stepOwner({ kind: 'tick' });
    });
  }

  #enqueue(which: 'node' | 'owner', effects: readonly (NodeEffect | OwnerEffect)[]): void {
    this.#queues[which].push(...(effects as never[]));
    if (!this.#writing[which]) this.#carryOut(which);
  }

  /** In order; what is to be on disk is so before the next one begins. */
  #carryOut(which: 'node' | 'owner'): void {
    for (let first = this.#queues[which][0]; first !== undefined; first = this.#queues[which][0]) {
      if (first.kind === 'journal') {
        this.#writing[which] = true;
        const now = first;
        this.#after(this.#world.writeMs(), () => {
          this.#write(which, now);
          this.#queues[which].shift();
          this.#writing[which] = false;
          this.#carryOut(which);
        });
        if (which === 'owner') this.#world.whileWriting(this);
        return;
      }
      this.#queues[which].shift();
      this.#do(first);
      if (!this.up) return;
    }
  }

  #write(which: 'node' | 'owner', effect: NodeEffect | OwnerEffect): void {
    if (effect.kind !== 'journal') return;
    if (which === 'node') this.disk.node(effect as Extract<NodeEffect, { kind: 'journal' }>);
    else this.disk.owner(effect as Extract<OwnerEffect, { kind: 'journal' }>);
  }

  #do(effect: NodeEffect | OwnerEffect): void {
    switch (effect.kind) {
      case 'send':
        return this.#world.send(this, effect.to, effect.message);
      case 'forget':
      case 'forget-fence':
        return this.disk.node(effect);
      case 'fetch':
        return this.#after(1 + this.#world.chance.below(200), () =>
          this.#stepNode({ kind: 'fetched', placementId: effect.placementId }),
        );
      case 'start': {
        this.#world.checks.starting(this, effect);
        const { placementId, run, spec, gpuIds, endMs, fence } = effect;
        const ignoresTerm = this.#world.chance.happens(0.1);
        return this.procs.start({
          placementId,
          run,
          spec,
          gpuIds,
          endMs,
          fence,
          ignoresTerm,
          slotKey: slotKey(effect.slot),
          guarded: true,
        });
      }
      case 'lease':
        return this.procs.extend(effect.placementId, effect.endMs);
      case 'stop':
        return this.procs.stop(effect.placementId, effect);
      case 'vote':
        return this.#world.vote(this, effect);
      case 'record':
        return this.#world.count(`${effect.record.of} ${effect.record.to} ${effect.record.because}`);
      default:
        return;
    }
  }

  #ad(): FogAd | undefined {
    if (this.node === undefined) return undefined;
    this.#adSeq += 1;
    return adOf(this.node, {
      village: '0'.repeat(64),
      seq: this.#adSeq,
      ts: Math.round(this.#world.agenda.nowMs) + 1_000_000_000,
      gpus: [],
      power: { source: 'mains', percent: null, charging: false },
      thermal: 'normal',
      psi: null,
    });
  }

  #advertise(): void {
    const ad = this.#ad();
    if (ad === undefined) return;
    this.#advertised = ad;
    this.#world.spread(this, ad);
    this.#after(20_000 * (0.8 + 0.4 * this.#world.chance.roll()), () => this.#advertise());
  }

  /** Much more or less is free than others think. */
  #advertiseNews(): void {
    const sent = this.#advertised;
    if (sent === undefined || this.node === undefined) return;
    const draining = this.node.drain !== undefined;
    const ad = sent.draining !== draining || this.node.rows.size !== sent.shards ? this.#ad() : undefined;
    if (ad === undefined) return;
    this.#advertised = ad;
    this.#world.spread(this, ad);
  }
}
