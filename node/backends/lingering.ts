const LINGERS_MS = 60_000;
const MAX_LINGERING = 4_096;

interface Given {
  readonly agentId: string;
  readonly until: number;
}

/**
 * Calls that were given up before the server answered. Few servers stop at once, some never, so for a minute what they ask
 * may still belong to such a call.
 */
export class Lingering {
  readonly #given = new Map<number, Given>();

  add(id: number, agentId: string, now: number): void {
    this.#given.set(id, { agentId, until: now + LINGERS_MS });
    if (this.#given.size > MAX_LINGERING) this.#given.delete(this.#given.keys().next().value as number);
  }

  /** The server answered it after all. */
  answered(id: number): void {
    this.#given.delete(id);
  }

  agents(now: number): ReadonlySet<string> {
    for (const [id, { until }] of this.#given) {
      if (until > now) break;
      this.#given.delete(id);
    }
    return new Set([...this.#given.values()].map(({ agentId }) => agentId));
  }
}
