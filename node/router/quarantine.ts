const WINDOW_MS = 10 * 60_000;
const BLOCKED_AT_MOST = 5;
const LASTS_MS = 60 * 60_000;

interface Record {
  times: number[];
  untilMs: number;
}

/** Agents whose calls were blocked five times in ten minutes: an hour without calls, on this node. Bounded; the oldest goes first. */
export class Quarantine {
  readonly #agents = new Map<string, Record>();
  readonly #maxAgents: number;

  constructor({ maxAgents = 10_000 }: { readonly maxAgents?: number } = {}) {
    this.#maxAgents = maxAgents;
  }

  holds(agentId: string, nowMs: number): boolean {
    if (this.#agents.size === 0) return false;
    const known = this.#agents.get(agentId);
    return known !== undefined && nowMs < known.untilMs;
  }

  agents(nowMs: number): readonly string[] {
    return [...this.#agents].filter(([, { untilMs }]) => nowMs < untilMs).map(([agentId]) => agentId);
  }

  /** A call was blocked; whether that puts the agent in quarantine. */
  blocked(agentId: string, nowMs: number): boolean {
    const known = this.#agents.get(agentId) ?? { times: [], untilMs: 0 };
    this.#agents.delete(agentId);
    this.#agents.set(agentId, known);
    if (this.#agents.size > this.#maxAgents) this.#agents.delete(this.#agents.keys().next().value as string);
    known.times = known.times.filter((at) => nowMs - at < WINDOW_MS).slice(1 - BLOCKED_AT_MOST);
    known.times.push(nowMs);
    if (known.times.length < BLOCKED_AT_MOST) return false;
    known.times = [];
    known.untilMs = nowMs + LASTS_MS;
    return true;
  }
}
