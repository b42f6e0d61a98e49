import { type Caller, capabilitiesOf, CLIENT_ABILITIES, STATELESS_VERSION } from '../../src/mcp/index.ts';

/**
 * How this node introduces itself to the servers it hosts. It claims whatever an agent's client might be able to do, so that servers
 * show everything; what the client of the call at hand cannot do is refused when it is asked.
 */
export const OURSELVES: Caller = {
  version: STATELESS_VERSION,
  clientInfo: { name: 'village', version: '0.1.0' },
  capabilities: capabilitiesOf(new Set(CLIENT_ABILITIES)),
};
