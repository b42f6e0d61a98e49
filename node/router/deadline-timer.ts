import { DeadlineWheel, type Expiring } from './deadline-wheel.ts';

const EVERY_MS = 16;

/** A wheel driven by the process's clock (`performance.now()`). Its timer runs only while something is on the wheel. */
export class DeadlineTimer {
  readonly #wheel = new DeadlineWheel(performance.now());
  #timer: NodeJS.Timeout | undefined;

  get size(): number {
    return this.#wheel.size;
  }

  add(atMs: number, target: Expiring): { cancel(): void } {
    if (this.#timer === undefined) {
      this.#wheel.advance(performance.now());
      this.#timer = setInterval(() => this.#tick(), EVERY_MS).unref();
    }
    return this.#wheel.add(atMs, target);
  }

  #tick(): void {
    this.#wheel.advance(performance.now());
    if (this.#wheel.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }
}
