import { refusal, result, type ToolOutcome } from '../../backends/role.ts';
import type { GovernanceParts } from './ports.ts';

/** Stops and starts what runs on this node. The record of the call says who asked and why. */
export async function restart({ restarts, wallMs }: GovernanceParts, target: string): Promise<ToolOutcome> {
  const outcome = await restarts.restart(target);
  if (outcome !== 'restarted' && outcome !== 'restarting') {
    const message =
      outcome === 'role'
        ? `${target} runs inside the node: restart it with target_system node`
        : `this node runs no server ${target}; node restarts the node itself`;
    return refusal({ code: 'NOT_RESTARTED', message, retryable: false });
  }
  return result({
    success: true,
    action_taken: 'force_restart',
    affected_systems: [target],
    estimated_completion: new Date(wallMs()).toISOString(),
    recovery_instructions:
      outcome === 'restarting'
        ? 'The node stops and starts again now: connect anew in a few seconds.'
        : '`village status` shows when it is healthy again.',
  });
}
