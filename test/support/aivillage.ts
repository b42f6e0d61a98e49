import { AIVILLAGE_AGENTS, aivillageConstitution } from '../../src/constitution/index.ts';
import { keypair } from './keypair.ts';
import { founder } from './small-village.ts';

/** A village of the preset, whose agents' keys everybody can make. */
export const aivillage = aivillageConstitution({
  name: 'Riverside',
  createdAtMs: 1_700_000_000_000,
  founder: { nodeId: founder.node.peerId, issuerKey: founder.issuer.x },
  agentKeys: Object.fromEntries(Object.keys(AIVILLAGE_AGENTS).map((name, index) => [name, keypair(index).x])),
});
