import type { Principal } from '../../src/permissions/index.ts';
import type { Refused } from './gate.ts';

/** Agents without a call in flight that are kept, so that one call after another makes nothing new. */
const MAX_IDLE = 1024;

/** Calls under way, by agent. */
export class Running {
  readonly #byAgent = new Map<string, { count: number }>();
  #total = 0;

  get total(): number {
    return this.#total;
  }

  /** Refuses an agent that has `limit` calls in flight. */
  tooMany({ agentId }: Principal, limit: number): Refused | undefined {
    if ((this.#byAgent.get(agentId)?.count ?? 0) < limit) return undefined;
    const message = `this agent has ${limit} calls in flight; wait for some to end`;
    return { error: 'RATE_LIMITED', reason: 'in-flight', message, retryAfterMs: 100 };
  }

  begin(agentId: string): void {
    this.#total += 1;
    const agent = this.#byAgent.get(agentId);
    if (agent === undefined) this.#byAgent.set(agentId, { count: 1 });
    else agent.count += 1;
  }

  end(agentId: string): void {
    this.#total -= 1;
    const agent = this.#byAgent.get(agentId);
    if (agent === undefined) return;
    agent.count -= 1;
    if (agent.count === 0 && this.#byAgent.size > MAX_IDLE) this.#byAgent.delete(agentId);
  }
}
