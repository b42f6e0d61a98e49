import type { PolicyView } from '../../src/constitution/index.ts';

/** The servers that nobody may call while an emergency lasts. */
export const BLOCKED_KEY = 'emergency.blocked';
export const EVERYTHING = '*';

/** What an emergency never stops: it has to be possible to end it, and to see who is there. */
const SPARED: ReadonlySet<string> = new Set(['governance', 'p2p']);

/** What no emergency and no quarantine keeps from anybody. */
export const isSpared = (server: string): boolean => SPARED.has(server);

/** Whether an emergency keeps calls away from a server. */
export function isBlocked(server: string, policy: Pick<PolicyView, 'value'>): boolean {
  const blocked = policy.value(BLOCKED_KEY);
  if (!Array.isArray(blocked) || blocked.length === 0 || isSpared(server)) return false;
  return blocked.includes(EVERYTHING) || blocked.includes(server);
}
