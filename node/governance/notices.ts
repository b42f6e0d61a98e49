import type { GovernanceClock } from './ports.ts';

const TELL_MS = 50;

/** Tells listeners what changed. Many statements come at once; who listens hears of each thing that changed once. */
export class Notices {
  readonly #clock: Pick<GovernanceClock, 'after'>;
  readonly #listeners = new Set<(what: string) => void>();
  readonly #changed = new Set<string>();
  #cancel: (() => void) | undefined;

  constructor(clock: Pick<GovernanceClock, 'after'>) {
    this.#clock = clock;
  }

  on(listener: (what: string) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  add(what: string): void {
    this.#changed.add(what);
    this.#cancel ??= this.#clock.after(TELL_MS, () => {
      this.#cancel = undefined;
      const changed = [...this.#changed];
      this.#changed.clear();
      for (const listener of [...this.#listeners]) for (const one of changed) listener(one);
    });
  }

  stop(): void {
    this.#cancel?.();
  }
}
