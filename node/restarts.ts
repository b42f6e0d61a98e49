import type { LocalHosting } from './backends/index.ts';
import { systemClock } from './discovery/index.ts';
import type { RestartPort } from './roles/governance/index.ts';

/** What an operator or the king calls the node itself. */
const NODE: ReadonlySet<string> = new Set(['node', 'all_systems']);
/** Whoever asked hears that it is done before the gateway closes. */
const ANSWER_FIRST_MS = 200;

/** What can be stopped and started again here. `askNode`: whoever runs the node stops and starts it. */
export function restartPort(hosting: () => LocalHosting, askNode: () => void): RestartPort {
  return {
    restart: async (target) => {
      if (NODE.has(target)) {
        systemClock.after(ANSWER_FIRST_MS, askNode);
        return 'restarting';
      }
      if (hosting().get(target)?.kind === 'role') return 'role';
      return (await hosting().restart(target)) ? 'restarted' : 'unknown';
    },
  };
}
