const MAX_AT_ONCE = 2;
const MAX_DUE = 256;

/** Pulls that are due, each peer once, few at a time. `pull` never rejects. */
export class PullQueue {
  readonly #pull: (nodeId: string) => Promise<void>;
  readonly #due = new Set<string>();
  readonly #running = new Map<string, Promise<void>>();
  #stopped = false;

  constructor(pull: (nodeId: string) => Promise<void>) {
    this.#pull = pull;
  }

  add(nodeId: string): void {
    if (this.#stopped || this.#due.size >= MAX_DUE) return;
    this.#due.add(nodeId);
    this.#next();
  }

  /** Starts no more, and resolves when those that run have ended. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#due.clear();
    await Promise.all(this.#running.values());
  }

  #next(): void {
    for (const nodeId of this.#due) {
      if (this.#running.size >= MAX_AT_ONCE) return;
      if (this.#running.has(nodeId)) continue;
      this.#due.delete(nodeId);
      const ended = this.#pull(nodeId).then(() => {
        this.#running.delete(nodeId);
        this.#next();
      });
      this.#running.set(nodeId, ended);
    }
  }
}
