import { checkDelegation, type DelegationVerdict } from '../src/constitution/index.ts';
import type { Libp2pHost } from './host/index.ts';
import type { Revocations } from './identity/index.ts';
import type { Village } from './village/index.ts';

/** Whether an admitted peer may speak for the agent that its delegation names, by the policy in force at that moment. */
export function acceptDelegations(parts: {
  readonly host: Libp2pHost;
  readonly village: Village;
  readonly revocations: Pick<Revocations, 'isRevoked'>;
}): (delegation: string, from: string) => DelegationVerdict {
  const { host, village, revocations } = parts;
  const { villageId, constitution } = village;
  const { isRevoked } = revocations;
  return (delegation, from) => {
    const peer = host.admitted().get(from)?.membership;
    if (peer === undefined) return { kind: 'refused', because: 'not-a-member' };
    const policy = village.policy();
    const here = { selfNodeId: host.nodeId, nowMs: Date.now() };
    return checkDelegation(delegation, { constitution, villageId, policy, peer, isRevoked, ...here });
  };
}
