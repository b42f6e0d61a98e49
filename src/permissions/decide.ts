import { atLeast } from './levels.ts';
import type { Permission, Verdict } from './permission.ts';
import type { Principal } from './principal.ts';

/**
 * Whether `principal` may call `tool`, given the matrix entry for it (undefined: not listed, which denies).
 * `tool` is the name on its own server, without an alias prefix.
 */
export function decide(principal: Principal, tool: string, permission: Permission | undefined): Verdict {
  if (permission === undefined) return { kind: 'deny', because: 'not-listed', tool };
  if (permission.onlyAgents !== undefined && !permission.onlyAgents.includes(principal.agentId)) {
    return { kind: 'deny', because: 'exclusive', agents: permission.onlyAgents };
  }
  if (!atLeast(principal.level, permission.level)) {
    return { kind: 'deny', because: 'level', needed: permission.level, held: principal.level };
  }
  if (principal.permissions !== undefined && !principal.permissions.some((pattern) => matches(pattern, tool))) {
    return { kind: 'deny', because: 'narrowed', tool };
  }
  return { kind: 'allow', permission };
}

/** `*` stands for any run of characters; everything else for itself. Linear: no pattern can be made to backtrack. */
export function matches(pattern: string, name: string): boolean {
  let at = 0;
  const parts = pattern.split('*');
  for (const [index, part] of parts.entries()) {
    if (index === 0) {
      if (!name.startsWith(part)) return false;
      at = part.length;
      continue;
    }
    const last = index === parts.length - 1;
    const found = last ? name.length - part.length : name.indexOf(part, at);
    if (found < at || (last && !name.endsWith(part))) return false;
    at = found + part.length;
  }
  return at === name.length;
}
