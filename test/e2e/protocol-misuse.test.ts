import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ENVELOPE, stateless } from '../support/echo-gateway.ts';
import type { Reply } from '../support/http.ts';
import { cleanUp, ROOT } from '../support/process-node.ts';
import { type TwoNodes, twoNodes } from '../support/two-nodes.ts';
import { VillageFace } from '../support/village-face.ts';

const fixture = (name: string) => ({
  command: process.execPath,
  args: [join(ROOT, 'test/fixtures/conformance', name)],
});
type Headers = Readonly<Record<string, string>>;

let village: TwoNodes;
let face: VillageFace;
let session: Headers;
let batching: Headers;

beforeAll(async () => {
  village = await twoNodes({
    session: fixture('session.ts'),
    stateless: fixture('stateless.ts'),
    crossing: fixture('crossing.mjs'),
  });
  face = new VillageFace(village.far.ready.gateway, await village.far.token());
  session = await face.openSession('2025-11-25');
  batching = await face.openSession('2025-03-26');
}, 60_000);

afterAll(() => cleanUp());

const bare: VillageFace['bare'] = (asked) => face.bare(asked);
const post: VillageFace['post'] = (body, headers, path) => face.post(body, headers, path);
const alone: VillageFace['alone'] = (method, params, change) => face.alone(method, params, change);
const request = (method: string, params?: object) => ({ jsonrpc: '2.0', id: 1, method, params });
const ping = request('ping');
const claiming = (version: string) => ({ ...ENVELOPE, 'io.modelcontextprotocol/protocolVersion': version });

/** Which section of which revision says so; what is done; how; and the HTTP status and JSON-RPC code that answer it. */
type Case = readonly [cites: string, what: string, ask: () => Promise<Reply>, status: number, code?: number];

const SENDING = '2025-11-25 basic/transports#sending-messages-to-the-server';
const LISTENING = '2025-11-25 basic/transports#listening-for-messages-from-the-server';
const SESSIONS = '2025-11-25 basic/transports#session-management';
const WARNING = '2025-11-25 basic/transports#security-warning';
const REVISION = '2025-11-25 basic/transports#protocol-version-header';
const HTTP = '2026-07-28 basic/transports/streamable-http';
const CODES = '2026-07-28 basic#error-codes';

const SESSION_ERA: readonly Case[] = [
  [
    SENDING,
    'a POST that accepts JSON alone (RFC 9110 §15.5.7)',
    () => post(ping, { ...session, Accept: 'application/json' }),
    406,
  ],
  [
    SENDING,
    'a POST that is no JSON by its type (RFC 9110 §15.5.16)',
    () => post(ping, { ...session, 'Content-Type': 'text/plain' }),
    415,
  ],
  [
    SENDING,
    'a POST of five MiB (RFC 9110 §15.5.14)',
    () => post(request('ping', { x: 'y'.repeat(5 << 20) }), session),
    413,
  ],
  [
    SENDING,
    'a notification that is accepted',
    () => post({ jsonrpc: '2.0', method: 'notifications/initialized' }, session),
    202,
  ],
  [
    SENDING,
    'a response to a question that nobody asked',
    () => post({ jsonrpc: '2.0', id: 77, result: {} }, session),
    202,
  ],
  [SENDING, 'half a message (JSON-RPC §5.1)', () => post('{"jsonrpc":"2.0","id":1,', session), 400, -32700],
  [SENDING, 'a message without a method (JSON-RPC §5.1)', () => post({ jsonrpc: '2.0', id: 1 }, session), 400, -32600],
  [SENDING, 'a batch, which this revision took away', () => post([ping], session), 400, -32600],
  [
    LISTENING,
    'a GET that does not accept an event stream',
    () => bare({ headers: { ...session, Accept: 'application/json' } }),
    406,
  ],
  [LISTENING, 'a PUT', () => bare({ method: 'PUT', headers: session }), 405],
  [SESSIONS, 'a request without a session', () => post(ping), 400],
  [SESSIONS, 'a request in a session that is not there', () => post(ping, { 'Mcp-Session-Id': 'gone' }), 404],
  [
    SESSIONS,
    'a DELETE of a session that is not there',
    () => bare({ method: 'DELETE', headers: { 'Mcp-Session-Id': 'gone' } }),
    404,
  ],
  [REVISION, 'a revision that never was', () => post(ping, { ...session, 'MCP-Protocol-Version': '1999-01-01' }), 400],
  [WARNING, 'a page of another origin', () => post(ping, { ...session, Origin: 'https://evil.example' }), 403],
  [
    '2025-03-26 basic/transports#sending-messages-to-the-server',
    'a batch of nothing (JSON-RPC §6)',
    () => post([], batching),
    400,
    -32600,
  ],
  [
    '2025-11-25 server/utilities/completion#error-handling',
    'a method that is not there',
    () => post(request('no/such'), session),
    200,
    -32601,
  ],
  [
    '2025-11-25 server/tools#error-handling',
    'a tool that is not there',
    () => post(request('tools/call', { name: 'session__none', arguments: {} }), session),
    200,
    -32602,
  ],
  [
    '2025-11-25 server/tools#error-handling',
    'a call without a name',
    () => post(request('tools/call', {}), session),
    200,
    -32602,
  ],
  [
    '2025-11-25 server/prompts#error-handling',
    'a prompt that is not there',
    () => post(request('prompts/get', { name: 'session__none' }), session),
    200,
    -32602,
  ],
  [
    '2025-11-25 server/resources#error-handling',
    'a resource that is not there',
    () => post(request('resources/read', { uri: 'test://none' }), session),
    200,
    -32002,
  ],
  [
    '2025-11-25 server/utilities/logging#error-handling',
    'a log level that is none',
    () => post(request('logging/setLevel', { level: 'loud' }), session),
    200,
    -32602,
  ],
  [
    '2025-11-25 server/prompts#error-handling',
    'an internal error of a server, as it came',
    () => post(request('tools/call', { name: 'crossing__ask', arguments: { secret: 'x' } }), session),
    200,
    -32603,
  ],
];

const STATELESS_ERA: readonly Case[] = [
  [
    `${HTTP}#sending-messages`,
    'a POST that accepts JSON alone',
    () => alone('tools/list', {}, { Accept: 'application/json' }),
    406,
  ],
  [
    `${HTTP}#sending-messages`,
    'a POST that is no JSON by its type',
    () => alone('tools/list', {}, { 'Content-Type': 'text/plain' }),
    415,
  ],
  [
    `${HTTP}#sending-messages`,
    'a notification',
    () => post({ jsonrpc: '2.0', method: 'notifications/x' }, { 'MCP-Protocol-Version': '2026-07-28' }),
    202,
  ],
  [
    `${HTTP}#sending-messages`,
    'a response, which clients must not send',
    () => post({ jsonrpc: '2.0', id: 1, result: {} }, { 'MCP-Protocol-Version': '2026-07-28' }),
    400,
    -32600,
  ],
  [
    `${HTTP}#sending-messages`,
    'a batch',
    () => post([stateless(1, 'tools/list')[0]], { 'MCP-Protocol-Version': '2026-07-28' }),
    400,
    -32600,
  ],
  [
    `${HTTP}#security-endpoint`,
    'a page of another origin',
    () => alone('tools/list', {}, { Origin: 'https://evil.example' }),
    403,
  ],
  [
    `${HTTP}#backward-compatibility`,
    'a GET, of which there is none',
    () => bare({ headers: { Accept: 'text/event-stream', 'MCP-Protocol-Version': '2026-07-28' } }),
    405,
  ],
  [
    `${HTTP}#backward-compatibility`,
    'a DELETE, of which there is none',
    () => bare({ method: 'DELETE', headers: { 'MCP-Protocol-Version': '2026-07-28' } }),
    405,
  ],
  [`${HTTP}#protocol-version-header`, 'a method that is not there', () => alone('no/such'), 404, -32601],
  [`${HTTP}#protocol-version-header`, 'a method that this revision took away', () => alone('ping'), 404, -32601],
  [
    `${HTTP}#protocol-version-header`,
    'a header that names another revision than the body',
    () => alone('tools/list', {}, { 'MCP-Protocol-Version': '2025-11-25' }),
    400,
    -32020,
  ],
  [
    `${HTTP}#protocol-version-header`,
    'a revision that is not served',
    () =>
      post(request('tools/list', { _meta: claiming('2031-01-01') }), {
        'MCP-Protocol-Version': '2031-01-01',
        'Mcp-Method': 'tools/list',
      }),
    400,
    -32022,
  ],
  [
    `${HTTP}#server-validation`,
    'a request without Mcp-Method',
    () => alone('tools/list', {}, { 'Mcp-Method': undefined }),
    400,
    -32020,
  ],
  [
    `${HTTP}#server-validation`,
    'a Mcp-Name that is not the tool of the body',
    () => alone('tools/call', { name: 'session__test_simple_text' }, { 'Mcp-Name': 'mesh_ping' }),
    400,
    -32020,
  ],
  [
    `${HTTP}#server-validation`,
    'a mirrored argument that differs',
    () =>
      alone(
        'tools/call',
        { name: 'stateless__test_x_mcp_header', arguments: { region: 'eu' } },
        { 'Mcp-Param-Region': 'us' },
      ),
    400,
    -32020,
  ],
  [
    '2026-07-28 basic#_meta',
    'a request without its envelope',
    () => post(request('tools/list', {}), { 'MCP-Protocol-Version': '2026-07-28', 'Mcp-Method': 'tools/list' }),
    400,
    -32602,
  ],
  [
    CODES,
    'a tool that needs what the client cannot do',
    () => alone('tools/call', { name: 'stateless__test_missing_capability', arguments: {} }),
    400,
    -32021,
  ],
  [CODES, 'a tool that is not there', () => alone('tools/call', { name: 'session__none', arguments: {} }), 200, -32602],
  [
    CODES,
    'a resource that is not there: no longer -32002',
    () => alone('resources/read', { uri: 'test://none' }),
    200,
    -32602,
  ],
];

describe.each<readonly [era: string, cases: readonly Case[]]>([
  ['of sessions', SESSION_ERA],
  ['without sessions', STATELESS_ERA],
])('in the era %s', (_, cases) => {
  const rows = cases.map(([cites, what, ask, status, code]) => [cites, what, ask, status, code ?? 0] as const);
  test.each(rows)('%s: %s', async (_cites, _what, ask, status, code) => {
    const reply = await ask();
    expect(reply.status, reply.text).toBe(status);
    if (code !== 0) expect(reply.json).toMatchObject({ jsonrpc: '2.0', error: { code } });
    if (status === 202) expect(reply.text).toBe('');
    if (status === 405) expect(reply.headers.allow).toContain('POST');
  });
});

test('2026-07-28 basic#error-codes: the -32002 of a server with sessions is -32602 for a client without', async () => {
  const [message, { headers }] = stateless(1, 'resources/read', { uri: 'test://template/a/b/data' });
  const missing = await post(message, headers, '/mcp/session');
  expect([missing.status, missing.json.error.code], missing.text).toEqual([200, -32602]);
});
