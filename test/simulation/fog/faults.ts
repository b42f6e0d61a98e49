import type { ShardSpec } from '../../../src/fog/index.ts';
import { specDigest } from '../../../src/fog/index.ts';
import type { SimMachine } from './machine.ts';
import type { World } from './world.ts';

export type Fault =
  | 'crash'
  | 'guardsDie'
  | 'powerCut'
  | 'wipe'
  | 'pause'
  | 'sleep'
  | 'partition'
  | 'mute'
  | 'ownerCrash'
  | 'drain'
  | 'power'
  | 'deploy'
  | 'stop'
  | 'replay'
  | 'foulPlay'
  | 'storm';

const ALWAYS: Partial<Record<Fault, number>> = { crash: 3, pause: 3, partition: 4, deploy: 2, stop: 0.5 };

/** What a life is mostly about: chance alone rarely comes by the deep ends. */
export const THEMES: Readonly<Record<string, Partial<Record<Fault, number>>>> = {
  crashes: { ...ALWAYS, crash: 8, guardsDie: 5, powerCut: 3, ownerCrash: 2, replay: 1 },
  partitions: { ...ALWAYS, partition: 8, mute: 4, storm: 3, ownerCrash: 1 },
  sleep: { ...ALWAYS, sleep: 8, pause: 6, partition: 2 },
  owners: { ...ALWAYS, ownerCrash: 10, partition: 4, crash: 1 },
  crowded: { ...ALWAYS, deploy: 8, stop: 2, drain: 3, power: 1 },
  foul: { ...ALWAYS, foulPlay: 12, replay: 5, wipe: 2, crash: 4 },
  wiped: { ...ALWAYS, wipe: 4, replay: 6, powerCut: 2, sleep: 2 },
};
export const THEME_NAMES = Object.keys(THEMES);

const back = (world: World, machine: SimMachine, afterMs: number): void =>
  world.agenda.after(afterMs, () => {
    if (!machine.up) machine.start();
  });

const isAwake = (machine: SimMachine): boolean => machine.up && !machine.paused && !machine.asleep;

export const FAULTS: Readonly<Record<Fault, (world: World, machine: SimMachine, theme: string) => void>> = {
  crash(world, machine) {
    if (!isAwake(machine)) return;
    world.count('node crash');
    machine.crash();
    back(world, machine, 1_000 + world.chance.below(20_000));
  },
  /** Node and guards together, and what they ran lives on until the node is back: soon, or nothing would hold. */
  guardsDie(world, machine) {
    if (!isAwake(machine) || machine.procs.live.size === 0) return;
    if ([...machine.procs.live].some(({ endMs }) => endMs - machine.nowMs() < 3_000)) return;
    world.count('guards die');
    machine.crash({ guards: true });
    back(world, machine, 200 + world.chance.below(2_000));
  },
  powerCut(world, machine) {
    if (!machine.up || machine.asleep) return;
    world.count('power cut');
    machine.crash({ power: true });
    back(world, machine, 2_000 + world.chance.below(20_000));
  },
  wipe(world, machine) {
    // An owner that forgets its epochs is another matter: only a vote helps (R9).
    if (!machine.up || machine.asleep || world.wanted.has(machine.name)) return;
    world.count('wiped disk');
    machine.crash({ power: true });
    machine.disk.wipeNode();
    world.checks.forgetFences(machine.name);
    back(world, machine, 500 + world.chance.below(3_000));
  },
  pause(world, machine) {
    if (!isAwake(machine)) return;
    world.count('pause');
    machine.pause();
    world.agenda.after(2_000 + world.chance.below(40_000), () => {
      if (machine.paused) machine.resume();
    });
  },
  sleep(world, machine) {
    if (!isAwake(machine)) return;
    world.count('suspend');
    machine.sleep();
    world.agenda.after(5_000 + world.chance.below(60_000), () => machine.resume());
  },
  partition(world, { name }) {
    if (world.net.cut.has(name)) return;
    world.count('partition');
    world.net.cut.add(name);
    world.agenda.after(3_000 + world.chance.below(50_000), () => world.net.cut.delete(name));
  },
  /** Cut off one way, while a copy of what it was granted last is still on its way to it. */
  mute(world, machine) {
    const { name } = machine;
    if (world.net.muted.has(name)) return;
    world.count('mute');
    world.net.muted.add(name);
    for (const { from, message } of world.granted.get(name)?.values() ?? [])
      world.agenda.after(3_000 + world.chance.below(6_000), () => {
        if (!world.net.cut.has(name)) machine.receive(from, message);
      });
    world.agenda.after(20_000 + world.chance.below(50_000), () => world.net.muted.delete(name));
  },
  ownerCrash(world) {
    const machine = world.chance.pick(world.machines.filter(({ name }) => world.wanted.has(name)));
    if (machine === undefined || !isAwake(machine)) return;
    world.count('owner crash');
    machine.crash();
    back(world, machine, 300 + world.chance.below(8_000));
  },
  drain(world, machine) {
    if (!isAwake(machine)) return;
    world.count('drain');
    machine.act({ kind: 'drain', deadlineMs: 20_000 + world.chance.below(40_000) });
    world.agenda.after(10_000 + world.chance.below(60_000), () => machine.act({ kind: 'undrain' }));
  },
  power(world, machine) {
    if (!isAwake(machine)) return;
    world.count('low power');
    machine.act({ kind: 'power', verdict: world.chance.happens(0.5) ? 'drain' : 'hold' });
    world.agenda.after(10_000 + world.chance.below(60_000), () => machine.act({ kind: 'power', verdict: 'accept' }));
  },
  deploy(world, _machine, theme) {
    const owner = world.chance.pick(world.machines.filter(({ name }) => world.wanted.has(name)));
    if (owner !== undefined && (world.wanted.get(owner.name)?.size ?? 0) < (theme === 'crowded' ? 8 : 4))
      world.deploy(owner, theme);
  },
  stop(world) {
    const owner = world.chance.pick(world.machines.filter(({ name }) => world.wanted.has(name)));
    const deployment = world.chance.pick([...(owner?.owner?.deployments.keys() ?? [])]);
    if (owner === undefined || deployment === undefined) return;
    world.count('stop');
    owner.ask({ kind: 'stop', deployment, graceMs: 3_000 });
  },
  /** An ear on the wire says again what it heard, a reservation and its acceptance together. */
  replay(world, machine) {
    const heard = world.captured.filter(({ to }) => to === machine.name);
    if (heard.length === 0) return;
    world.count('replay');
    for (const { from, message } of heard) machine.receive(from, message);
  },
  /** A peer that does not keep the rules: old epochs, and what needs a vote without one. */
  foulPlay(world, machine, theme) {
    const from = world.machines.at(-1)?.name ?? 'n0';
    world.count('foul play');
    const plain = world.spec(theme);
    const spec: ShardSpec = world.chance.happens(0.3) ? { ...plain, priority: 'high' } : plain;
    const reservationId = `foul.${world.draw()}`;
    const attempt = {
      deployment: 'foul',
      slot: world.chance.below(30),
      term: 1,
      epoch: world.chance.between(1, 4),
      agent: 'sword',
    };
    world.foul.set(reservationId, (nonce, bootSeq) => {
      const what = { kind: 'accept', reservationId, ...attempt, nonce, bootSeq, leaseMs: spec.leaseMs } as const;
      return { ...what, specDigest: specDigest(spec) };
    });
    world.foully(from, machine.name, { kind: 'reserve', reservationId, ...attempt, spec, ttlMs: 10_000 });
  },
  storm(world) {
    world.count('storm');
    world.net.weather = { loss: 0.25, repeat: 0.1, late: 0.1 };
    world.agenda.after(10_000 + world.chance.below(20_000), () => {
      if (!world.healed) world.net.weather = { loss: 0.03, repeat: 0.02, late: 0.02 };
    });
  },
};
