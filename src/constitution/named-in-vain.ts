import { parseAgentId } from './names.ts';
import type { PolicyValue } from './constitution.ts';
import type { PolicyView } from './policy.ts';

/** Policy keys that say of whom something holds. */
const LISTS_OF_AGENTS = ['threat.quarantined', 'threat.pardoned'] as const;

/** Names in a value of such a key that no agent can have: neither NAME@NODE, nor the name of an agent of the village. */
export function namedInVain(key: string, value: PolicyValue, village: Pick<PolicyView, 'agentOf'>): readonly string[] {
  if (!LISTS_OF_AGENTS.some((known) => known === key) || !Array.isArray(value)) return [];
  return value
    .filter((name) => typeof name === 'string')
    .filter((name) => {
      const id = parseAgentId(name);
      return id === undefined || (id.kind === 'village' && village.agentOf(id.name) === undefined);
    });
}

/** The same of what is in force: decided before anybody looked, or by the constitution. */
export function inForceInVain(policy: Pick<PolicyView, 'agentOf' | 'value'>): readonly { key: string; name: string }[] {
  return LISTS_OF_AGENTS.flatMap((key) =>
    namedInVain(key, policy.value(key) ?? [], policy).map((name) => ({ key, name })),
  );
}
