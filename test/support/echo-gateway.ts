import { type AuthPort, Gateway, type GatewayOptions } from '../../node/gateway/index.ts';
import type { Principal } from '../../src/permissions/index.ts';
import { EchoRouter } from './echo-router.ts';
import { type Reply, send } from './http.ts';

export const JSON_TYPE = { 'Content-Type': 'application/json', Accept: 'application/json, text/event-stream' };
export const bearer = (token: string): Record<string, string> => ({ ...JSON_TYPE, Authorization: `Bearer ${token}` });

function principal(agentId: string): Principal {
  return {
    agentId,
    role: 'tester',
    level: 'OPERATOR',
    permissions: undefined,
    tokenId: '0'.repeat(64),
    issuedAtMs: 0,
    expiresAtMs: Number.MAX_SAFE_INTEGER,
    homeNode: 'here',
  };
}

/** `alice` and `bob` are known tokens, `carol` is good but not seen before, everything else is refused. */
export const auth: AuthPort = {
  verifyCached: (token) => (token === 'alice' || token === 'bob' ? principal(token) : undefined),
  verify: async (token) => {
    if (token === 'carol') return { kind: 'ok', principal: principal('carol') };
    return { kind: 'refused', claim: 'exp', message: 'expired: exp' };
  },
  exchange: async (form, { tokenEndpoint }) =>
    form.get('grant_type') === 'client_credentials'
      ? { status: 200, body: { access_token: 'alice', token_endpoint: tokenEndpoint } }
      : { status: 400, body: { error: 'unsupported_grant_type' } },
  jwks: () => ({ keys: [] }),
  authorizationServerMetadata: (origin) => ({ issuer: origin }),
  protectedResourceMetadata: (origin, path) => ({ resource: `${origin}${path}` }),
};

export interface Opened extends AsyncDisposable {
  readonly gateway: Gateway;
  readonly router: EchoRouter;
  /** http://127.0.0.1:PORT */
  readonly origin: string;
  post(message: unknown, options?: { path?: string; token?: string; headers?: Record<string, string> }): Promise<Reply>;
  /** Opens a session and gives the headers of its further requests. */
  session(options?: {
    version?: string;
    token?: string;
    path?: string;
    capabilities?: object;
  }): Promise<Record<string, string>>;
}

/** A gateway on a port of its own before an echo router, with limits small enough to reach. */
export async function openGateway(options: Partial<GatewayOptions> = {}): Promise<Opened> {
  const router = new EchoRouter();
  const gateway = new Gateway({
    listen: '127.0.0.1:0',
    insecureBind: false,
    allowedHosts: [],
    allowedOrigins: [],
    auth,
    limiter: { source: () => 0 },
    limits: { maxBodyBytes: 4 * 1024 * 1024, maxSessions: 100, sessionIdleMs: 1000, maxInFlight: 8 },
    serverInfo: { name: 'village', version: '0.0.0' },
    build: { name: 'village', version: '0.0.0' },
    ready: () => true,
    router,
    ...options,
  });
  await gateway.start();
  const origin = new URL(gateway.url).origin;
  const post: Opened['post'] = (message, { path = '/mcp', token = 'alice', headers = {} } = {}) => {
    const body = typeof message === 'string' || message instanceof Uint8Array ? message : JSON.stringify(message);
    return send(origin + path, { method: 'POST', headers: { ...bearer(token), ...headers }, body });
  };
  return {
    gateway,
    router,
    origin,
    post,
    session: async ({ version = '2025-11-25', token = 'alice', path, capabilities } = {}) => {
      const reply = await post(initialize(version, capabilities), path === undefined ? { token } : { token, path });
      return { ...bearer(token), 'Mcp-Session-Id': String(reply.headers['mcp-session-id']) };
    },
    [Symbol.asyncDispose]: () => gateway.stop(),
  };
}

export const initialize = (version: string, capabilities: object = {}): object => ({
  jsonrpc: '2.0',
  id: 0,
  method: 'initialize',
  params: { protocolVersion: version, capabilities, clientInfo: { name: 'test', version: '0' } },
});
export const call = (id: number | string, name: string, more: object = {}): object => ({
  jsonrpc: '2.0',
  id,
  method: 'tools/call',
  params: { name, arguments: { message: 'hi' }, ...more },
});
export const ENVELOPE = {
  'io.modelcontextprotocol/protocolVersion': '2026-07-28',
  'io.modelcontextprotocol/clientInfo': { name: 'test', version: '0' },
  'io.modelcontextprotocol/clientCapabilities': {},
};
/** A stateless request and the headers that mirror it. */
export function stateless(
  id: number | string,
  method: string,
  params: Record<string, unknown> = {},
): [object, { headers: Record<string, string> }] {
  const name = params['name'] ?? params['uri'];
  const headers: Record<string, string> = { 'MCP-Protocol-Version': '2026-07-28', 'Mcp-Method': method };
  if (typeof name === 'string') headers['Mcp-Name'] = name;
  return [{ jsonrpc: '2.0', id, method, params: { ...params, _meta: ENVELOPE } }, { headers }];
}
