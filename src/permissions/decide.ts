import { atLeast } from './levels.ts';
import type { Permission, Verdict } from './permission.ts';
import type { Principal } from './principal.ts';
import { includes, type Scope, spelledScope } from './scope.ts';

/**
 * Whether `principal` may have what `scope` names, given its entry (in the matrix for the village's own, in the hosting node's
 * configuration for a third party's; undefined: not listed, which denies). Level first, then what the token is narrowed to.
 */
export function decide(principal: Principal, scope: Scope, permission: Permission | undefined): Verdict {
  if (permission === undefined) return { kind: 'deny', because: 'not-listed', tool: spelledScope(scope) };
  if (permission.onlyAgents !== undefined && !permission.onlyAgents.includes(principal.agentId)) {
    return { kind: 'deny', because: 'exclusive', agents: permission.onlyAgents };
  }
  if (!atLeast(principal.level, permission.level)) {
    return { kind: 'deny', because: 'level', needed: permission.level, held: principal.level };
  }
  if (principal.permissions !== undefined && !principal.permissions.some((pattern) => includes(pattern, scope))) {
    return { kind: 'deny', because: 'narrowed', tool: spelledScope(scope) };
  }
  return { kind: 'allow', permission };
}
