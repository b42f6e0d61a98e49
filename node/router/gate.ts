import type { ErrorName } from '../../src/mcp/index.ts';
import { decide, type Denial, type Principal } from '../../src/permissions/index.ts';
import { rateKeys } from '../../src/routing/index.ts';
import { type Job, justificationOf } from './job.ts';
import type { Brought, RatePort } from './parts.ts';

/** The normal no, with what the caller can do about it. */
export interface Refused {
  readonly error: ErrorName;
  /** Closed and short: goes into the audit. */
  readonly reason: string;
  readonly message: string;
  readonly retryAfterMs?: number | undefined;
  /** What spoke against it, JSON text of names and numbers: goes into the audit whole. */
  readonly evidence?: string | undefined;
}

type Question = Pick<
  Job,
  'side' | 'peer' | 'request' | 'server' | 'target' | 'scope' | 'called' | 'permission' | 'context' | 'standing'
>;

const agentKey = rateKeys('agent');

interface AgentLimit {
  readonly perAgentPerMinute: number;
  readonly nowMs: number;
}

/** The limit of the agent itself, whatever it asks for. */
export function tooOften(
  { agentId }: Principal,
  rates: Pick<RatePort, 'take'>,
  { perAgentPerMinute, nowMs }: AgentLimit,
): Refused | undefined {
  const waitMs = rates.take(agentKey(agentId), { perMinute: perAgentPerMinute, burst: perAgentPerMinute }, nowMs);
  return waitMs > 0 ? tooMany('the limit of this agent', waitMs) : undefined;
}

/**
 * The agent's own limit, that of all that the peer brings, and that of the tool. What comes by a peer counts between that peer and the
 * agent alone: it uses up nothing of what the agent has here or by another peer.
 */
export function limited(
  question: Question,
  rates: RatePort,
  { perNodePerSecond, ...limit }: AgentLimit & { readonly perNodePerSecond: number },
): Refused | undefined {
  const { side, peer, context } = question;
  if (side === 'call') {
    return tooOften(context.principal, rates, limit) ?? toolTooOften(question, rates, limit);
  }
  const brought = rates.broughtBy(peer);
  return (
    tooOften(context.principal, brought, limit) ??
    peerTooOften(brought, { perNodePerSecond, nowMs: limit.nowMs }) ??
    // Where a call begins it counts for the village; the node that serves it has only its own buckets.
    toolTooOften(question, brought, limit)
  );
}

/** A node may bring what one node may be asked. */
function peerTooOften(
  brought: Brought,
  { perNodePerSecond, nowMs }: { readonly perNodePerSecond: number; readonly nowMs: number },
): Refused | undefined {
  const waitMs = brought.takeWhole({ perMinute: perNodePerSecond * 60, burst: perNodePerSecond }, nowMs);
  return waitMs > 0 ? tooMany('the limit of all calls by way of this node', waitMs) : undefined;
}

function toolTooOften(
  { request, context, target, called, permission }: Question,
  rates: Pick<RatePort, 'take' | 'takeShared'>,
  { nowMs }: AgentLimit,
): Refused | undefined {
  const perMinute = permission?.ratePerMinute;
  if (request.method !== 'tools/call' || perMinute === undefined) return undefined;
  const { agentId } = context.principal;
  const ofTool = rates.take(`tool ${agentId} ${target}`, { perMinute, burst: perMinute }, nowMs);
  const waitMs = ofTool > 0 ? ofTool : (rates.takeShared?.(agentId, target, { perMinute, nowMs }) ?? 0);
  return waitMs > 0 ? tooMany(`the limit of ${called}, ${perMinute} calls a minute,`, waitMs) : undefined;
}

/** Deny by default. */
export function unauthorised({ context, scope, called, permission }: Question): Refused | undefined {
  const verdict = decide(context.principal, scope, permission);
  if (verdict.kind === 'allow') return undefined;
  return { error: 'PERMISSION_DENIED', reason: verdict.because, message: whyDenied(verdict, called) };
}

/** The king has stopped the server, and the others have not let it go on. */
export function stopped({ server }: Question, { blocked }: { readonly blocked: boolean }): Refused | undefined {
  if (!blocked) return undefined;
  const message = `an emergency keeps calls away from ${server}; policy_query with key emergency.blocked says who decided it`;
  return { error: 'BLOCKED', reason: 'emergency', message };
}

/** What needs a vote or a reason, and comes without. */
export function unapproved(question: Question): Refused | undefined {
  const { permission, called, standing } = question;
  if (standing === 'denied') {
    const message = `${called} needs an approved ${permission?.requiresApproval}, and nobody approved this call`;
    return { error: 'PERMISSION_DENIED', reason: 'needs-vote', message };
  }
  if (permission?.requiresJustification !== true || justificationOf(question) !== '') return undefined;
  return {
    error: 'INVALID_PARAMS',
    reason: 'no-justification',
    message: `${called} needs arguments.justification: say why`,
  };
}

function whyDenied(denial: Denial, called: string): string {
  switch (denial.because) {
    case 'not-listed':
      return `${called} is not in the permission matrix, and what is not listed is denied`;
    case 'level':
      return `${called} needs level ${denial.needed}; this agent has ${denial.held}`;
    case 'narrowed':
      return `the token's permissions do not include ${called}`;
    case 'exclusive':
      return `${called} is for ${denial.agents.join(', ')} alone`;
  }
}

function tooMany(whose: string, retryAfterMs: number): Refused {
  const message = `${whose} is reached; try again in ${Math.ceil(retryAfterMs / 1000)} s`;
  return { error: 'RATE_LIMITED', reason: 'rate', message, retryAfterMs };
}
