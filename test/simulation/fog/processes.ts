import type { Exit, Fence, ShardSpec } from '../../../src/fog/index.ts';
import type { Chance } from '../governance/chance.ts';
import type { Agenda } from './agenda.ts';
import type { Clock } from './clock.ts';

export interface Proc {
  readonly placementId: string;
  readonly run: number;
  readonly slotKey: string;
  readonly fence: Fence;
  readonly spec: ShardSpec;
  readonly gpuIds: readonly string[];
  /** For the guard, on the machine's clock. */
  endMs: number;
  readonly ignoresTerm: boolean;
  guarded: boolean;
}

export interface ProcEvents {
  ready(proc: Proc): void;
  gone(proc: Proc, exit: Exit): void;
  /** One was started, or one thaws. */
  changed(): void;
}

/** The processes of one machine, each under a guard that goes on while its node is paused. */
export class Processes {
  readonly live = new Set<Proc>();
  frozen = false;
  /** How often a start fails, and how often what runs ends by itself. */
  flaky = 0;
  readonly #agenda: Agenda;
  readonly #chance: Chance;
  readonly #clock: () => number;
  readonly #untilMs: Clock['untilMs'];
  readonly #events: ProcEvents;
  readonly #guarded: boolean;

  constructor(
    world: { agenda: Agenda; chance: Chance },
    machine: { clock: () => number; untilMs: Clock['untilMs']; events: ProcEvents; guarded: boolean },
  ) {
    this.#agenda = world.agenda;
    this.#chance = world.chance;
    this.#clock = machine.clock;
    this.#untilMs = machine.untilMs;
    this.#events = machine.events;
    this.#guarded = machine.guarded;
  }

  start(proc: Proc): void {
    this.live.add(proc);
    this.#events.changed();
    this.#watch(proc);
    const failing = this.#chance.happens(this.flaky);
    this.#agenda.after(30 + this.#chance.below(270), () => {
      if (!this.live.has(proc)) return;
      if (failing) this.#kill(proc, { kind: 'failed', detail: 'would not start' });
      else this.#events.ready(proc);
    });
    if (this.#chance.happens(this.flaky))
      this.#agenda.after(2_000 + this.#chance.below(60_000), () =>
        this.#kill(proc, this.#chance.happens(0.3) ? { kind: 'oom' } : { kind: 'exit', code: 1 }),
      );
  }

  extend(placementId: string, endMs: number): void {
    for (const proc of this.live)
      if (proc.placementId === placementId) {
        proc.endMs = Math.max(proc.endMs, endMs);
        this.#watch(proc);
      }
  }

  /** SIGTERM, and SIGKILL when the grace is over. */
  stop(placementId: string, { run, graceMs }: { run: number; graceMs: number }): void {
    const proc = [...this.live].find((one) => one.placementId === placementId && one.run === run);
    if (proc === undefined) return;
    const exit: Exit = { kind: 'signal', signal: 'SIGTERM' };
    if (!proc.ignoresTerm) this.#agenda.after(10 + this.#chance.below(400), () => this.#kill(proc, exit));
    this.#agenda.after(this.#untilMs(graceMs), () => this.#kill(proc, { kind: 'signal', signal: 'SIGKILL' }));
  }

  /** Their node is gone: their guards see its pipe close. */
  orphan(): void {
    for (const proc of this.live)
      this.#agenda.after(this.#chance.below(200), () => this.#kill(proc, { kind: 'signal', signal: 'SIGKILL' }));
  }

  /** Their guards die with their node: nobody ends them but the sweep. */
  unguard(): void {
    for (const proc of this.live) proc.guarded = false;
  }

  /** At once, and whoever they started with them: a power cut, or the sweep. */
  sweep(found: readonly Proc[] = [...this.live]): void {
    for (const proc of found) this.live.delete(proc);
  }

  freeze(): void {
    this.frozen = true;
  }

  thaw(): void {
    this.frozen = false;
    // A guard's timer is on a clock that went on: what is over is killed as the machine wakes.
    if (this.#guarded)
      for (const proc of this.live) if (this.#clock() >= proc.endMs) this.#gone(proc, { kind: 'lease' });
    for (const proc of this.live) this.#watch(proc);
    this.#events.changed();
  }

  #watch(proc: Proc): void {
    if (!this.#guarded || this.frozen) return;
    const { endMs } = proc;
    this.#agenda.after(this.#untilMs(endMs - this.#clock()) + 0.5, () => {
      if (!this.live.has(proc) || proc.endMs !== endMs || this.frozen || !proc.guarded) return;
      // Its whole group: a grandchild takes a moment longer.
      this.#agenda.after(this.#chance.below(60), () => this.#kill(proc, { kind: 'lease' }));
    });
  }

  #kill(proc: Proc, exit: Exit): void {
    if (!this.live.has(proc)) return;
    if (this.frozen) return this.#agenda.after(500, () => this.#kill(proc, exit));
    this.#gone(proc, exit);
  }

  #gone(proc: Proc, exit: Exit): void {
    this.live.delete(proc);
    this.#events.gone(proc, exit);
  }
}
