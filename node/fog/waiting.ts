/** Waits for something to become so, looked at whenever something changed. */
export class Waiting {
  readonly #looks = new Set<() => void>();
  #due = false;

  /** Many changes of one moment are looked at once. */
  changed(): void {
    if (this.#due || this.#looks.size === 0) return;
    this.#due = true;
    setImmediate(() => {
      this.#due = false;
      for (const look of this.#looks) look();
    });
  }

  /** What `look` found; undefined when `signal` fired first. Never rejects. */
  async until<Found>(
    look: () => Found | undefined,
    { signal }: { readonly signal: AbortSignal },
  ): Promise<Found | undefined> {
    const { promise, resolve } = Promise.withResolvers<Found | undefined>();
    const again = (): void => {
      const found = look();
      if (found !== undefined) resolve(found);
    };
    const giveUp = (): void => resolve(undefined);
    this.#looks.add(again);
    signal.addEventListener('abort', giveUp, { once: true });
    if (signal.aborted) giveUp();
    again();
    try {
      return await promise;
    } finally {
      this.#looks.delete(again);
      signal.removeEventListener('abort', giveUp);
    }
  }
}
