import {
  type Approval,
  type FogAd,
  type FogRule,
  LIMITS,
  type Limits,
  type NodeConfig,
  type OwnerEffect,
  type Resources,
  type ShardSpec,
  slotKey,
  type ToNode,
  type ToOwner,
  VOTE_POLICY,
} from '../../../src/fog/index.ts';
import type { Chance } from '../governance/chance.ts';
import { Agenda } from './agenda.ts';
import { Checks } from './checks.ts';
import { SimMachine } from './machine.ts';
import { Net } from './net.ts';

/** What surrounds the machines, and what breaks when it is not so. */
export type WorldRule = 'guard' | 'boottime' | 'sweep-first';

/** As in a village, but what takes ten minutes there takes two here. */
const BRISK: Limits = {
  ...LIMITS,
  penaltyMs: 60_000,
  restartWindowMs: 120_000,
  preemptEveryMs: 60_000,
  drainMs: 60_000,
};

const CAPACITY: Resources = { cpuMilli: 4_000, memMib: 8_192, diskMib: 10_000, gpus: 2 };

export interface Setting {
  readonly chance: Chance;
  readonly rules: ReadonlySet<FogRule>;
  readonly off: ReadonlySet<WorldRule>;
  readonly flaky: number;
  readonly nodes: number;
}

export class World {
  readonly chance: Chance;
  readonly agenda = new Agenda();
  readonly net: Net;
  readonly machines: readonly SimMachine[];
  readonly counts = new Map<string, number>();
  readonly checks = new Checks(this);
  /** Accepts that were sent, by all that binds them. */
  readonly accepts = new Set<string>();
  /** What the village approved, by owner and deployment. */
  readonly approvals = new Map<string, Approval>();
  readonly rules: ReadonlySet<FogRule>;
  readonly flaky: number;
  /** Deployments that should run, by owner. */
  readonly wanted = new Map<string, Set<string>>();
  /** Sent lately: a hostile ear repeats them. */
  readonly captured: { from: string; to: string; message: ToNode }[] = [];
  /** The last renewal that was granted, by node and placement. */
  readonly granted = new Map<string, Map<string, { from: string; message: ToNode }>>();
  /** What an owner that plays foul reserved, and would accept when it is told so. */
  readonly foul = new Map<string, (nonce: string, bootSeq: number) => ToNode>();
  hurry = false;
  /** The faults are over. */
  healed = false;
  readonly #off: ReadonlySet<WorldRule>;
  #drawn = 0;

  constructor({ chance, rules, off, flaky, nodes }: Setting) {
    this.chance = chance;
    this.rules = rules;
    this.#off = off;
    this.flaky = flaky;
    this.net = new Net(this.agenda, chance, (what) => this.count(what));
    this.machines = Array.from({ length: nodes }, (_, index) => this.#machine(`n${index}`));
  }

  #machine(name: string): SimMachine {
    const config: NodeConfig = {
      node: name,
      capacity: CAPACITY,
      gpuIds: ['gpu0', 'gpu1'],
      maxShards: 12,
      runtimes: ['role:worker'],
      enforcement: ['cgroup'],
      labels: {},
      policy: { accepts: true, maxPriority: 'emergency', maxShard: CAPACITY },
      votePolicy: VOTE_POLICY,
      limits: BRISK,
      off: this.rules,
    };
    return new SimMachine(this, config, { node: name, votePolicy: VOTE_POLICY, limits: BRISK, off: this.rules });
  }

  isOff(rule: WorldRule): boolean {
    return this.#off.has(rule);
  }

  count(what: string): void {
    this.counts.set(what, (this.counts.get(what) ?? 0) + 1);
  }

  machine(name: string): SimMachine | undefined {
    return this.machines.find((one) => one.name === name);
  }

  /** 32 hex digits that were not drawn before. */
  draw(): string {
    this.#drawn += 1;
    return this.#drawn.toString(16).padStart(32, '0');
  }

  writeMs(): number {
    return this.chance.happens(0.05) ? 50 + this.chance.below(450) : 1 + this.chance.below(10);
  }

  /** The moment at which an owner has decided and nothing of it is on disk. */
  whileWriting(machine: SimMachine): void {
    if (!this.hurry || !this.chance.happens(0.08)) return;
    this.agenda.after(0, () => {
      if (!machine.up || machine.paused || machine.asleep) return;
      this.count('crash before the journal is on disk');
      machine.crash();
      this.agenda.after(500 + this.chance.below(4_000), () => {
        if (!machine.up) machine.start();
      });
    });
  }

  checkProcesses(): void {
    this.checks.processes();
  }

  send(from: SimMachine, to: string, message: ToNode | ToOwner): void {
    this.#note(from.name, to, message);
    this.net.send(from.name, to, { kind: message.kind, deliver: () => this.#deliver(from.name, to, message) });
  }

  #note(from: string, to: string, message: ToNode | ToOwner): void {
    if (message.kind === 'accept') {
      const { reservationId, nonce, bootSeq, term, epoch, specDigest } = message;
      this.accepts.add(`${from} ${reservationId} ${nonce} ${bootSeq} ${term}.${epoch} ${specDigest}`);
    }
    if (message.kind === 'renew-ok')
      this.granted.set(to, (this.granted.get(to) ?? new Map()).set(message.placementId, { from, message }));
    if (message.kind !== 'accept' && message.kind !== 'reserve') return;
    this.captured.push({ from, to, message });
    if (this.captured.length > 40) this.captured.shift();
  }

  #deliver(from: string, to: string, message: ToNode | ToOwner): void {
    if (message.kind === 'reserved') {
      const reply = this.foul.get(message.reservationId);
      if (reply !== undefined) return this.foully(to, from, reply(message.nonce, message.bootSeq));
    }
    this.machine(to)?.receive(from, message);
  }

  /** Sent by nobody's machine: what a peer that does not keep the rules says in its own name. */
  foully(from: string, to: string, message: ToNode): void {
    this.#note(from, to, message);
    this.net.send(from, to, { kind: message.kind, deliver: () => this.#deliver(from, to, message) });
  }

  spread(from: SimMachine, ad: FogAd): void {
    for (const { name } of this.machines)
      this.net.send(from.name, name, { kind: 'ad', deliver: () => this.machine(name)?.hearAd(ad) });
  }

  /** The village takes some seconds, and most often says yes. */
  vote(owner: SimMachine, { deployment, approval }: Extract<OwnerEffect, { kind: 'vote' }>): void {
    const key = `${owner.name} ${deployment}`;
    this.count('vote');
    this.agenda.after(1_000 + this.chance.below(9_000), () => {
      if (!this.approvals.has(key) && this.chance.happens(0.2))
        return owner.ask({ kind: 'voted', deployment, approval: null });
      const full = { ...approval, notAfter: Number.MAX_SAFE_INTEGER };
      this.approvals.set(key, full);
      owner.ask({ kind: 'voted', deployment, approval: full });
    });
  }

  spec(theme: string): ShardSpec {
    const { chance } = this;
    const crowded = theme === 'crowded';
    const size = crowded ? chance.between(2, 8) : chance.between(1, 3);
    const priority = crowded ? chance.pick(['low', 'low', 'normal', 'high'] as const) : 'normal';
    const leases = theme === 'sleep' || theme === 'partitions' ? [15_000, 60_000] : [6_000, 15_000, 15_000, 60_000];
    return {
      v: 1,
      agentType: 'magi',
      artifact: 'role:worker',
      args: {},
      env: {},
      res: { cpuMilli: size * 250, memMib: size * 256, diskMib: 0, gpus: crowded && chance.happens(0.2) ? 1 : 0 },
      priority: priority ?? 'normal',
      mode: chance.happens(0.75) ? 'exclusive' : 'at_least_once',
      preemptible: priority === 'low',
      labels: {},
      enforcement: [],
      antiAffinity: chance.pick(['hard', 'soft', 'none'] as const) ?? 'soft',
      trustMin: 0,
      leaseMs: chance.pick(leases) ?? 15_000,
      lingerMs: 0,
    };
  }

  deploy(owner: SimMachine, theme: string): void {
    const names = this.wanted.get(owner.name) ?? new Set<string>();
    const deployment = `d${names.size}-${this.chance.below(3)}`;
    if (names.has(deployment)) return;
    this.wanted.set(owner.name, names.add(deployment));
    const gang = this.chance.happens(0.15);
    owner.ask({
      kind: 'deploy',
      wanted: {
        deployment,
        agent: 'magi',
        spec: this.spec(theme),
        slots: this.chance.between(1, gang ? 3 : 2),
        allowFallback: true,
        gang,
        spread: this.chance.happens(0.5),
        publisherKnown: true,
        ...(this.chance.happens(0.2) ? { target: this.chance.pick(this.machines)?.name ?? 'n0' } : {}),
      },
    });
  }

  /** For who asks why: where a slot's processes are. */
  running(owner: string, deployment: string, slot: number): readonly string[] {
    const key = slotKey({ owner, deployment, slot });
    return this.machines
      .filter(({ procs }) => [...procs.live].some((proc) => proc.slotKey === key))
      .map(({ name }) => name);
  }
}
