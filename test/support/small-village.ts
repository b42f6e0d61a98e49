import { type Constitution, Policy, villageIdOf } from '../../src/constitution/index.ts';
import { keypair } from './keypair.ts';

export const NOW_MS = 1_800_000_000_000;
export const NOW_S = NOW_MS / 1000;

/** PeerId keys and issuer keys of four nodes; the first is the founder. */
export const founder = { node: keypair(10), issuer: keypair(110) };
export const hostA = { node: keypair(11), issuer: keypair(111) };
export const hostB = { node: keypair(12), issuer: keypair(112) };
export const hostC = { node: keypair(13), issuer: keypair(113) };
export type Host = typeof founder;

export const sage = keypair(50);
export const gardener = keypair(51);

/** A village of two agents, written out by hand. */
export const constitution: Constitution = {
  format: 1,
  name: 'small',
  created_at: NOW_MS,
  founder: { node_id: founder.node.peerId, issuer_key: founder.issuer.x },
  voters: { sage: sage.x },
  agents: {
    sage: { key: sage.x, level: 'GOVERNANCE', role: 'Research lead' },
    gardener: { key: gardener.x, level: 'OPERATOR', role: 'Upkeep' },
  },
  thresholds: { minor_change: 1, major_change: 1, critical_change: 1, emergency_action: 1 },
  change_types: { '*': 'critical_change' },
  policy: {
    'knowledge.retention_days': 30,
    'nodes.evicted': [],
    'tokens.revoked': [],
    'permissions.tools.look.level': 'READ_ONLY',
    'permissions.tools.look.audit': false,
    'permissions.tools.work.level': 'OPERATOR',
    'permissions.tools.spend.level': 'COORDINATOR',
    'permissions.tools.spend.approval': 'major_change',
    'permissions.tools.crown.level': 'EMERGENCY',
    'permissions.tools.crown.justification': true,
    'permissions.tools.crown.only_agents': ['king'],
    'rates.work.per_minute': 20,
  },
};
export const villageId = villageIdOf(constitution);
export const genesis = new Policy(constitution);

export const suffix = (host: Host): string => host.node.peerId.slice(-8);

/** One link of a membership chain, with anything in it changed. */
export function link(by: Host, to: Host, changes: Record<string, unknown> = {}): string {
  return by.node.jws('village-membership+jws', {
    village: villageId,
    node: to.node.peerId,
    issuer_key: to.issuer.x,
    may: { host: true, invite: false, issue: 'OPERATOR' },
    iat: NOW_S,
    exp: NOW_S + 3600,
    by: by.node.peerId,
    ...changes,
  });
}
