import { isObject } from './envelope.ts';
import { STATELESS_VERSION } from './versions.ts';

/** Which family of MCP revisions a message is written in. */
export type Era = 'session' | 'stateless';

export const META = {
  protocolVersion: 'io.modelcontextprotocol/protocolVersion',
  clientInfo: 'io.modelcontextprotocol/clientInfo',
  clientCapabilities: 'io.modelcontextprotocol/clientCapabilities',
  logLevel: 'io.modelcontextprotocol/logLevel',
  serverInfo: 'io.modelcontextprotocol/serverInfo',
  subscriptionId: 'io.modelcontextprotocol/subscriptionId',
} as const;

/** The revision a message claims in its `_meta`; undefined when it claims none. Whatever JSON put there: not yet checked. */
function claimedVersion(params: Readonly<Record<string, unknown>> | undefined): unknown {
  const meta = params?.['_meta'];
  return isObject(meta) ? meta[META.protocolVersion] : undefined;
}

/** Whether a `MCP-Protocol-Version` names 2026-07-28 or later. Revisions are dates, so text order is time order. */
export function namesStateless(header: string | undefined): boolean {
  return header !== undefined && header >= STATELESS_VERSION && /^\d{4}-\d{2}-\d{2}$/.test(header);
}

/**
 * The era of one message: what its `_meta` claims, else what the version header names. `Mcp-Method` says nothing: session-era
 * clients send it too. `initialize` belongs to sessions unless its body claims otherwise.
 */
export function eraOf(
  method: string | undefined,
  params: Readonly<Record<string, unknown>> | undefined,
  header: string | undefined,
): Era {
  const claim = claimedVersion(params);
  if (method === 'initialize') return typeof claim === 'string' && namesStateless(claim) ? 'stateless' : 'session';
  return claim !== undefined || namesStateless(header) ? 'stateless' : 'session';
}
