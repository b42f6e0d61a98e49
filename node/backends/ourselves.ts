import { type Caller, STATELESS_VERSION } from '../../src/mcp/index.ts';

/** How this node introduces itself to the servers it hosts. It answers none of their requests yet, so it claims no capability. */
export const OURSELVES: Caller = {
  version: STATELESS_VERSION,
  clientInfo: { name: 'village', version: '0.1.0' },
  capabilities: {},
};
