import { type FogRule, ledgerOf, objectTo, roomOf, type Slot } from '../../../src/fog/index.ts';
import { Chance } from '../governance/chance.ts';
import { Violation } from './checks.ts';
import { type Fault, FAULTS, THEME_NAMES, THEMES } from './faults.ts';
import { World, type WorldRule } from './world.ts';

export type Mutant =
  | { readonly where: 'machines'; readonly rule: FogRule }
  | { readonly where: 'world'; readonly rule: WorldRule };

export interface Run {
  readonly seed: number;
  readonly theme: string;
  readonly violation?: { readonly invariant: string; readonly what: string } | undefined;
  /** How often each interesting thing happened. */
  readonly counts: ReadonlyMap<string, number>;
}

const TROUBLED_MS = 200_000;
/** A lease, three attempts, a start, and the longest wait of who is blocked; messages of before may still come. */
const QUIET_MS = 240_000;
const NODES = 6;

/** One life of a village of six. The same seed is the same life. */
export function simulate(seed: number, mutant?: Mutant): Run {
  const chance = new Chance(seed);
  const theme = THEME_NAMES[seed % THEME_NAMES.length] ?? 'crashes';
  const world = new World({
    chance,
    nodes: NODES,
    rules: new Set(mutant?.where === 'machines' ? [mutant.rule] : []),
    off: new Set(mutant?.where === 'world' ? [mutant.rule] : []),
    flaky: chance.happens(0.4) ? 0.05 : 0,
  });
  try {
    live(world, theme);
    return { seed, theme, counts: world.counts };
  } catch (error) {
    if (!(error instanceof Violation)) throw error;
    return { seed, theme, counts: world.counts, violation: { invariant: error.invariant, what: error.message } };
  }
}

function live(world: World, theme: string): void {
  for (const machine of world.machines) machine.start();
  world.agenda.runUntil(1_000);
  for (const owner of [world.machines[0]!, world.machines[1]!]) {
    world.wanted.set(owner.name, new Set());
    world.deploy(owner, theme);
    if (theme === 'crowded') world.deploy(owner, theme);
  }
  world.hurry = theme === 'owners' || theme === 'crashes';
  const trouble = (): void => {
    if (world.agenda.nowMs > TROUBLED_MS) return;
    const machine = world.chance.pick(world.machines);
    if (machine !== undefined) FAULTS[world.chance.weighted<Fault>(THEMES[theme] ?? {})](world, machine, theme);
    world.agenda.after(1_000 + world.chance.below(9_000), trouble);
  };
  world.agenda.after(4_000, trouble);
  world.agenda.runUntil(TROUBLED_MS);
  heal(world);
  world.agenda.runUntil(TROUBLED_MS + QUIET_MS);
  everythingRuns(world);
  for (const machine of world.machines)
    for (const deployment of [...(machine.owner?.deployments.keys() ?? [])])
      machine.ask({ kind: 'stop', deployment, graceMs: 2_000 });
  world.agenda.runUntil(TROUBLED_MS + QUIET_MS + 120_000);
  nothingIsLeft(world);
}

function heal(world: World): void {
  world.hurry = false;
  world.healed = true;
  world.net.weather = { loss: 0, repeat: 0, late: 0 };
  world.net.cut.clear();
  world.net.muted.clear();
  for (const machine of world.machines) {
    machine.procs.flaky = 0;
    if (machine.paused || machine.asleep) machine.resume();
    if (!machine.up) machine.start();
    machine.act({ kind: 'undrain' });
    machine.act({ kind: 'power', verdict: 'accept' });
  }
}

/** I5, I8: what is wanted runs, on one process each where it is exclusive, unless there is no room for it anywhere. */
function everythingRuns(world: World): void {
  for (const machine of world.machines) {
    const { owner, name } = machine;
    if (owner === undefined) throw new Violation('I5', `${name} is down`);
    for (const [deployment, slots] of owner.slots)
      for (const slot of slots.values()) judge(world, { owner: name, deployment, slot });
  }
}

function judge(world: World, { owner, deployment, slot }: { owner: string; deployment: string; slot: Slot }): void {
  const known = world.machine(owner)?.owner?.deployments.get(deployment);
  const name = `${owner} ${deployment} ${slot.slot}`;
  if (known === undefined || known.stopping) throw new Violation('I5', `${name} is still being stopped`);
  const on = world.running(owner, deployment, slot.slot);
  if (slot.state === 'running') {
    world.count('runs in the end');
    if (on.length !== 1) throw new Violation('I8', `${name} runs on ${on.join(', ') || 'nothing'}`);
    return;
  }
  world.count(`in the end ${slot.state}`);
  if (slot.state === 'failed' || slot.state === 'awaiting_vote') return;
  const room = world.machines.some(({ node }) => {
    if (node === undefined) return false;
    const free = roomOf(node, ledgerOf(node.config, node.rows.values()));
    return objectTo({ ...known.spec, priority: 'low' }, { ...free, policy: node.config.policy }) === undefined;
  });
  if (room && !known.gang) throw new Violation('I5', `${name} is ${slot.state} though there is room`);
}

/** I4: when everything is stopped, everything is free. */
function nothingIsLeft(world: World): void {
  for (const { name, node, procs, owner, disk } of world.machines) {
    if (procs.live.size > 0) throw new Violation('I8', `${name} still runs ${procs.live.size} processes`);
    if (node === undefined || owner === undefined) throw new Violation('I4', `${name} is down`);
    if (node.rows.size > 0) throw new Violation('I4', `${name} still has ${node.rows.size} rows`);
    const { free, freeGpuIds } = ledgerOf(node.config, node.rows.values());
    if (
      JSON.stringify(free) !== JSON.stringify(node.config.capacity) ||
      freeGpuIds.length !== node.config.gpuIds.length
    )
      throw new Violation('I4', `${name} has lost room`);
    if (owner.deployments.size > 0) throw new Violation('I4', `${name} still has deployments`);
    if (disk.placements.size > 0) throw new Violation('I4', `${name} remembers placements that are over`);
  }
}
