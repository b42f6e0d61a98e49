import { suspicionsIn } from './arguments.ts';
import { History } from './history.ts';
import { NO_THREAT, scoreOf, type Threat } from './score.ts';

/** What is looked at of a call. */
export interface CallLook {
  readonly agentId: string;
  readonly tool: string;
  /** As parsed; anything but an object says nothing. */
  readonly arguments: unknown;
  /** Its tool needs a high level. */
  readonly isHighRisk: boolean;
  /** Address it came from. */
  readonly source: string;
  /** Milliseconds of a clock that does not go back. */
  readonly nowMs: number;
}

const MAX_STRANGERS = 4_096;

/**
 * Knows what agents did lately and says how dangerous a call looks. Memory is bounded: beyond `maxAgents` the one that was silent
 * longest is forgotten.
 */
export class ThreatBook {
  readonly #maxAgents: number;
  readonly #agents = new Map<string, History>();
  /** Addresses from which somebody failed to prove who it is. */
  readonly #strangers = new Map<string, History>();

  constructor({ maxAgents = 50_000 }: { readonly maxAgents?: number } = {}) {
    this.#maxAgents = maxAgents;
  }

  /** Agents remembered now. */
  get size(): number {
    return this.#agents.size;
  }

  assess({ agentId, tool, arguments: args, isHighRisk, source, nowMs }: CallLook): Threat {
    const history = this.#historyOf(agentId);
    const isElsewhere = history.began(source, nowMs);
    const conduct = history.conduct(isElsewhere, nowMs);
    const findings = suspicionsIn(args, tool);
    const failedLogins = this.#failedLogins(source, nowMs);
    const isQuiet =
      failedLogins === 0 && findings.length === 0 && !isElsewhere && conduct.failures === 0 && conduct.pace <= 1;
    return isQuiet && conduct.toolsRefused === 0 ? NO_THREAT : scoreOf(findings, conduct, { isHighRisk, failedLogins });
  }

  /** Somebody at `source` showed a token, or a proof, that is none. */
  loginFailed(source: string, nowMs: number): void {
    const known = this.#strangers.get(source) ?? new History();
    known.failed(nowMs);
    this.#strangers.delete(source);
    this.#strangers.set(source, known);
    if (this.#strangers.size > MAX_STRANGERS) this.#strangers.delete(this.#strangers.keys().next().value as string);
  }

  #failedLogins(source: string, nowMs: number): number {
    return this.#strangers.size === 0 ? 0 : (this.#strangers.get(source)?.conduct(false, nowMs).failures ?? 0);
  }

  /** The agent was refused `tool` for want of a permission. */
  refused(agentId: string, tool: string, nowMs: number): void {
    this.#historyOf(agentId).refused(tool, nowMs);
  }

  /** A call of the agent failed. */
  failed(agentId: string, nowMs: number): void {
    this.#historyOf(agentId).failed(nowMs);
  }

  #historyOf(agentId: string): History {
    const known = this.#agents.get(agentId);
    if (known !== undefined) {
      if (this.#agents.size > this.#maxAgents / 2) {
        this.#agents.delete(agentId);
        this.#agents.set(agentId, known);
      }
      return known;
    }
    const fresh = new History();
    this.#agents.set(agentId, fresh);
    if (this.#agents.size > this.#maxAgents) this.#agents.delete(this.#agents.keys().next().value as string);
    return fresh;
  }
}
