import type { PolicyView } from '../../src/constitution/index.ts';
import { atLeast } from '../../src/permissions/index.ts';
import type { Threat } from '../../src/threat/index.ts';
import type { BackendReply } from '../backends/backend.ts';
import type { Reporter } from '../telemetry/events.ts';
import { isSpared } from './emergency.ts';
import type { Refused } from './gate.ts';
import type { Job } from './job.ts';
import { broughtBy, type Quarantined, ThreatRecords } from './threat-records.ts';

/** Refusals that say the agent asked for what it may not have. */
const OUT_OF_BOUNDS: ReadonlySet<string> = new Set(['level', 'narrowed', 'not-listed', 'exclusive']);
const HARMLESS: ReadonlySet<string> = new Set(['no token', 'exp']);
const BLOCK_ABOVE = 0.8;

interface Parts {
  readonly policy: () => Pick<PolicyView, 'value'>;
  readonly reporter: Reporter;
}

/**
 * Keeps dangerous calls from being made: above `threat.block_above` a call is BLOCKED, and an agent whose calls were blocked over
 * and over is QUARANTINED on this node for a while, as far as its calls come the same way: what a peer brings is between that peer
 * and the agent. One that `threat.quarantined` names is, on every node and by whomever it comes, until a decision lifts it. What ends an emergency and what casts a vote is never kept back here: other rules guard it.
 */
export class ThreatGate {
  readonly #parts: Parts;
  readonly #records = new ThreatRecords();

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** Agents that this node keeps in quarantine by itself. */
  quarantined(nowMs: number): readonly Quarantined[] {
    return this.#records.quarantined(nowMs);
  }

  /** Comes after the permission was checked. */
  check(job: Job): Refused | undefined {
    const { context, request, target, server, sourceIp, began, permission } = job;
    const { agentId } = context.principal;
    if (isSpared(server) && (target === 'governance_vote' || permission?.level === 'EMERGENCY')) return undefined;
    const policy = this.#parts.policy();
    const peer = broughtBy(job);
    const { book, quarantine } = this.#records.of(peer);
    if (!isSpared(server)) {
      const decided = listed(policy, 'threat.quarantined', agentId);
      const own = quarantine.holds(agentId, began) && !listed(policy, 'threat.pardoned', agentId);
      if (decided || own) return inQuarantine(agentId, decided, peer);
    }
    const threat = book.assess({
      agentId,
      tool: target,
      arguments: request.method === 'resources/read' ? request.params : request.params?.['arguments'],
      isHighRisk: permission !== undefined && atLeast(permission.level, 'GOVERNANCE'),
      source: sourceIp,
      nowMs: began,
    });
    if (threat.score === 0 || threat.score <= limitOf(policy)) return undefined;
    const { traceparent } = context;
    this.#parts.reporter.report('threat.blocked', { agent: agentId, server, target, ...spelled(threat), traceparent });
    if (!listed(policy, 'threat.pardoned', agentId) && quarantine.blocked(agentId, began)) {
      this.#parts.reporter.report('threat.quarantined', { agent: agentId, peer });
    }
    return blocked(threat);
  }

  /** Somebody could not prove who it is. A token that only ended, or none at all, is no guess. */
  loginFailed(sourceIp: string, reason: string, nowMs: number): void {
    if (!HARMLESS.has(reason)) this.#records.here.book.loginFailed(sourceIp, nowMs);
  }

  /** Learns from how it ended. */
  ended(job: Job, { outcome }: BackendReply): void {
    const { context, target, began, refused } = job;
    const { agentId } = context.principal;
    if (refused !== undefined) {
      if (OUT_OF_BOUNDS.has(refused.reason)) this.#records.of(broughtBy(job)).book.refused(agentId, target, began);
    } else if (outcome === 'failed' || outcome === 'tool_error') {
      this.#records.of(broughtBy(job)).book.failed(agentId, began);
    }
  }
}

function limitOf(policy: Pick<PolicyView, 'value'>): number {
  const decided = policy.value('threat.block_above');
  return typeof decided === 'number' ? decided / 100 : BLOCK_ABOVE;
}

function listed(policy: Pick<PolicyView, 'value'>, key: string, agentId: string): boolean {
  const list = policy.value(key);
  return Array.isArray(list) && list.length > 0 && list.includes(agentId);
}

function inQuarantine(agentId: string, isDecided: boolean, peer: string): Refused {
  const message = isDecided
    ? `${agentId} is in quarantine by a decision of the voters (threat.quarantined); another decision lifts it`
    : `${agentId} is in quarantine on this node${peer === '' ? '' : ` for what ${peer} sends in its name`}: too many of its calls were blocked; it ends by itself, or at once when threat.pardoned names it`;
  return { error: 'QUARANTINED', reason: 'quarantine', message };
}

function blocked(threat: Threat): Refused {
  const { score, signals } = spelled(threat);
  const [strongest] = threat.reasons;
  const where = strongest !== undefined && strongest.at !== '' ? ` in ${strongest.at}` : '';
  return {
    error: 'BLOCKED',
    reason: `threat ${strongest?.signal ?? ''}`,
    message: `the call looks dangerous (${score}): ${signals}${where}; if it is not, say it otherwise or ask the voters`,
    evidence: JSON.stringify({ threat }),
  };
}

function spelled({ score, reasons }: Threat): { score: number; signals: string } {
  return { score, signals: reasons.map(({ signal }) => signal).join(', ') };
}
