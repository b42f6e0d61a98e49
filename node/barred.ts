import type { PolicyView } from '../src/constitution/index.ts';
import type { Principal } from '../src/permissions/index.ts';

/** Whose sessions and streams end with a policy: what was opened before must not outlive the right to it. */
export function barred(policy: PolicyView): (principal: Principal) => boolean {
  return ({ tokenId, agentId, homeNode }) =>
    policy.isRevoked(tokenId) ||
    policy.isAgentHeld(agentId, tokenId) ||
    policy.isNodeHeld(homeNode) ||
    policy.isEvicted(homeNode) ||
    !policy.mayIssue(homeNode);
}
