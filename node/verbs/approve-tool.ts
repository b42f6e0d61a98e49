import { VillageError } from '../../src/kernel/index.ts';
import type { AdminHandlers } from '../admin/index.ts';
import type { ToolPins } from '../pins/index.ts';

class ApproveError extends VillageError<'NOT_CHANGED'> {}

/** Takes the present description of a tool for the one to keep, on this node. */
export function approveToolVerb(pins: Pick<ToolPins, 'approve'>): AdminHandlers['tools.approve'] {
  return async ({ name }) => {
    const approved = await pins.approve(name);
    if (approved.length === 0) {
      throw new ApproveError('NOT_CHANGED', `no tool ${name} has changed; \`village status\` names those that have`);
    }
    return { name, hashes: [...new Set(approved.map(({ is }) => is))] };
  };
}
