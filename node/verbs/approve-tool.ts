import { VillageError } from '../../src/kernel/index.ts';
import type { AdminHandlers } from '../admin/index.ts';
import type { DefinitionPins } from '../pins/index.ts';

class ApproveError extends VillageError<'NOT_CHANGED'> {}

/** Takes the present description of a tool, prompt or template, or what a server says of itself, for the one to keep, on this node. */
export function approveToolVerb(pins: Pick<DefinitionPins, 'approve'>): AdminHandlers['tools.approve'] {
  return async ({ name }) => {
    const approved = await pins.approve(name);
    if (approved.length === 0) {
      throw new ApproveError(
        'NOT_CHANGED',
        `nothing called ${name} has changed; \`village status\` names those that have`,
      );
    }
    const kinds = [...new Set(approved.map(({ kind }) => kind))];
    return { name, kinds, hashes: [...new Set(approved.map(({ is }) => is))] };
  };
}
