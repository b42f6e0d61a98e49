import { VillageError } from '../../src/kernel/index.ts';
import type { AdminHandlers } from '../admin/index.ts';
import type { LocalHosting } from '../backends/index.ts';

class DrainError extends VillageError<'NO_SUCH_SERVER'> {}

/** Lets a server of this node finish what runs and begin nothing, or begin again. */
export function drainVerb(hosting: Pick<LocalHosting, 'drain'>): AdminHandlers['servers.drain'] {
  return async ({ alias, undrain }) => {
    if (!hosting.drain(alias, !undrain)) {
      throw new DrainError('NO_SUCH_SERVER', `this node hosts no ${alias}; \`village servers\` shows what it hosts`);
    }
    return { alias, draining: !undrain };
  };
}
