import { type Level, rankOf } from '../../src/permissions/index.ts';
import { isSpared } from './emergency.ts';
import type { Refused } from './gate.ts';
import type { Job } from './job.ts';

/** How much of what comes in a node turns away. */
export interface OverloadPort {
  /** Levels turned away now, counted from the lowest; 0: none. */
  readonly levels: number;
}

const RETRY_AFTER_MS = 2_000;
/** Roles' tools that tell how a node is: asked most when it is worst. */
const HEALTH: ReadonlySet<string> = new Set(['mesh_ping', 'system_overview', 'performance_metrics', 'network_health']);

/**
 * Under pressure the lowest levels are turned away first. What tells of the node's health, casts a vote or ends an emergency is
 * let through to the last, whoever asks.
 */
export function shed(
  { context, permission, target, server, service }: Job,
  { levels }: OverloadPort,
): Refused | undefined {
  if (levels === 0 || rankOf(context.principal.level) > levels) return undefined;
  // A third party's tool may have any name.
  if (permission?.level === 'EMERGENCY' || (service?.kind === 'role' && isVital(server, target))) return undefined;
  const message = `this node has more to do than it can, and turns away ${upTo(levels)}; try again in ${RETRY_AFTER_MS / 1000} s`;
  return { error: 'RATE_LIMITED', reason: 'overload', message, retryAfterMs: RETRY_AFTER_MS };
}

function isVital(server: string, target: string): boolean {
  return HEALTH.has(target) || (isSpared(server) && target === 'governance_vote');
}

const ORDER: readonly Level[] = ['READ_ONLY', 'OPERATOR', 'COORDINATOR', 'GOVERNANCE'];

function upTo(levels: number): string {
  return levels === 1 ? 'READ_ONLY' : `levels up to ${ORDER[levels - 1]}`;
}
