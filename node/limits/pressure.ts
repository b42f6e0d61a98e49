import { monitorEventLoopDelay } from 'node:perf_hooks';
import { getHeapStatistics } from 'node:v8';
import { Shedding } from '../../src/routing/index.ts';
import type { Reporter } from '../telemetry/events.ts';

const LOOK_EVERY_MS = 250;
const RESOLUTION_MS = 20;

/** What a node should bear; above it the lowest levels are turned away. */
interface Bearable {
  /** Mean lateness of the event loop between two looks. */
  readonly delayMs: number;
  readonly inFlight: number;
  /** Of the heap that V8 allows. */
  readonly memoryPercent: number;
}

interface Parts {
  readonly bearable: () => Bearable;
  readonly inFlight: () => number;
  readonly reporter: Reporter;
}

/** Looks at how this process does, four times a second, and says how much it should turn away. */
export class NodePressure {
  readonly #parts: Parts;
  readonly #shedding = new Shedding();
  readonly #delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  #timer: NodeJS.Timeout | undefined;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** Levels turned away now, counted from the lowest. */
  get levels(): number {
    return this.#shedding.levels;
  }

  start(): void {
    this.#delay.enable();
    this.#timer = setInterval(() => this.#look(), LOOK_EVERY_MS);
    this.#timer.unref();
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#delay.disable();
  }

  #look(): void {
    const { bearable, inFlight, reporter } = this.#parts;
    const most = bearable();
    const { used_heap_size: used, heap_size_limit: limit } = getHeapStatistics();
    // The histogram counts its own pace; it is empty while nothing was late enough to be counted.
    const lateMs = this.#delay.count === 0 ? 0 : this.#delay.mean / 1e6 - RESOLUTION_MS;
    this.#delay.reset();
    const pressure = {
      delay: lateMs / most.delayMs,
      inFlight: inFlight() / most.inFlight,
      memory: (100 * used) / limit / most.memoryPercent,
    };
    if (this.#shedding.look(pressure))
      reporter.report('overload.changed', { levels: this.levels, ...rounded(pressure) });
  }
}

function rounded(pressure: Readonly<Record<'delay' | 'inFlight' | 'memory', number>>) {
  const percent = (share: number) => Math.max(0, Math.round(100 * share));
  return { delay: percent(pressure.delay), inFlight: percent(pressure.inFlight), memory: percent(pressure.memory) };
}
