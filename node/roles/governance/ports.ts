import type { AuditEntry, Witnessed } from '../../../src/audit/index.ts';
import type { GovernanceDesk } from '../../governance/index.ts';

/** The record of this node, as an auditor reads it. */
export interface AuditPort {
  /** Where `range` lies among the `newest` entries; what is older is not read. */
  window(range: TimeRange, options: { newest: number; signal: AbortSignal }): Promise<AuditWindow>;
  verify(
    range: AuditWindow,
    options: { signal: AbortSignal },
  ): Promise<{
    readonly ok: boolean;
    readonly checked: number;
    readonly problem?: string | undefined;
    /** How far other nodes vouch for it. */
    readonly witnessed?: Witnessed | undefined;
  }>;
  entries(range: AuditWindow, options: { signal: AbortSignal }): AsyncIterable<AuditEntry>;
}

/** Entries by number, both included; `to` undefined: to the end. */
export interface AuditWindow {
  readonly from: number;
  readonly to?: number | undefined;
  /** Nothing of what was asked for lies before it. */
  readonly isWhole: boolean;
}

/** ISO 8601 instants. */
export interface TimeRange {
  readonly from?: string | undefined;
  readonly to?: string | undefined;
}

/** What can be stopped and started again on this node. */
export interface RestartPort {
  /** `restarting`: the node itself, when this call has been answered. `role`: a part of the node that has no life of its own. */
  restart(target: string): Promise<'restarted' | 'restarting' | 'role' | 'unknown'>;
}

export interface GovernanceParts {
  readonly desk: GovernanceDesk;
  readonly audit: AuditPort;
  readonly registrations: Registrations;
  readonly restarts: RestartPort;
  /** Milliseconds since 1970. */
  readonly wallMs: () => number;
}

const MAX_REGISTERED = 10_000;

/** The agents that said they are at work on this node, since it started. */
export class Registrations {
  readonly #agents = new Map<string, readonly string[]>();

  get size(): number {
    return this.#agents.size;
  }

  add(agentId: string, capabilities: readonly string[]): void {
    if (!this.#agents.has(agentId) && this.#agents.size >= MAX_REGISTERED) {
      this.#agents.delete(this.#agents.keys().next().value as string);
    }
    this.#agents.set(agentId, capabilities);
  }
}
