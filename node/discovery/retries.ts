const MAX_WAIT_MS = 60_000;
const MAX_ATTEMPTS = 10;
const MAX_NODES = 1_024;

interface Retry {
  readonly attempt: number;
  readonly dueAtMs: number;
}

/** Which nodes to ask again, and when: those that did not answer, ever more rarely. Time is passed in. */
export class Retries {
  readonly #firstWaitMs: number;
  readonly #retries = new Map<string, Retry>();

  constructor(firstWaitMs: number) {
    this.#firstWaitMs = firstWaitMs;
  }

  failed(nodeId: string, nowMs: number): void {
    const attempt = (this.#retries.get(nodeId)?.attempt ?? 0) + 1;
    const waitMs = Math.min(this.#firstWaitMs * 2 ** (attempt - 1), MAX_WAIT_MS);
    this.#keep(nodeId, { attempt, dueAtMs: nowMs + waitMs });
  }

  /** It is to be asked then, unless it already is to be. */
  later(nodeId: string, dueAtMs: number): void {
    if (!this.#retries.has(nodeId)) this.#keep(nodeId, { attempt: 1, dueAtMs });
  }

  forget(nodeId: string): void {
    this.#retries.delete(nodeId);
  }

  /** Whether a node that somebody names may be asked already. */
  allows(nodeId: string, nowMs: number): boolean {
    return nowMs >= (this.#retries.get(nodeId)?.dueAtMs ?? 0);
  }

  /** Nodes to ask now. One that failed too often is only asked when somebody names it again. */
  due(nowMs: number): string[] {
    return [...this.#retries]
      .filter(([, retry]) => retry.attempt <= MAX_ATTEMPTS && retry.dueAtMs <= nowMs)
      .map(([nodeId]) => nodeId);
  }

  #keep(nodeId: string, retry: Retry): void {
    this.#retries.delete(nodeId);
    this.#retries.set(nodeId, retry);
    if (this.#retries.size > MAX_NODES) this.#retries.delete(this.#retries.keys().next().value as string);
  }
}
