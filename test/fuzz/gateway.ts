import fc from 'fast-check';
import { ENVELOPE, stateless } from '../support/echo-gateway.ts';
import { type Reply, send } from '../support/http.ts';
import type { ProcessNode } from '../support/process-node.ts';
import { RawClient } from '../support/raw-http.ts';
import { until } from '../support/until.ts';
import { cuts, piecesOf, spoiltJson, spoiltText } from './mutations.ts';
import { target, type Seen, type Target } from './target.ts';

const JSON_TYPE = { 'Content-Type': 'application/json', Accept: 'application/json, text/event-stream' };
const PING = { name: 'mesh_ping', arguments: {} };
const NEARLY_BASE64 = ['=?base64?bWVzaF9waW5n', '=?BASE64?bWVzaF9waW5n?=', '=?base64?bWVzaF9waW5?=', '=?base64?%?='];
/** Headers that say what the body says. */
const AGREED = { headerMethod: 'tools/call', bodyMethod: 'tools/call', version: '2026-07-28', twice: 'no' };
/** Within this a node answers, or hangs up on who has. */
const ANSWER_MS = 10_000;

const of = (method: string, params: Record<string, unknown> = {}) => stateless(1, method, params)[0];
const MESSAGES: readonly unknown[] = [
  { jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: 1, _meta: ENVELOPE } },
  of('tools/call', PING),
  of('tools/list'),
  of('resources/read', { uri: 'village://nothing' }),
  of('prompts/get', { name: 'nothing', arguments: { a: 'b' } }),
  { jsonrpc: '2.0', id: 1, method: 'tools/call', params: PING },
  { jsonrpc: '2.0', id: 1, method: 'ping' },
  { jsonrpc: '2.0', method: 'notifications/initialized' },
  { jsonrpc: '2.0', id: 'x', result: {} },
  [{ jsonrpc: '2.0', id: 1, method: 'ping' }],
  {
    ...{ jsonrpc: '2.0', id: 0, method: 'initialize' },
    params: { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'fuzz', version: '0' } },
  },
];

/** Throws for what no client may ever get back. Answers the JSON-RPC messages in the reply. */
function wellFormed({ status, headers, text }: Reply): any[] {
  if (status >= 500) throw new Error(`status ${status}: ${text.slice(0, 300)}`);
  if (status === 202 && text !== '') throw new Error(`202 with a body: ${text.slice(0, 300)}`);
  const type = headers['content-type'] ?? '';
  if (text === '') return [];
  if (type.startsWith('text/event-stream')) {
    return text.split('\n').flatMap((line) => (line.startsWith('data: {') ? [JSON.parse(line.slice(6))] : []));
  }
  if (!type.startsWith('application/json')) return [];
  const parsed = JSON.parse(text) as any;
  const messages = Array.isArray(parsed) ? parsed : [parsed];
  for (const message of messages) {
    if (message.jsonrpc !== '2.0') throw new Error(`no JSON-RPC: ${text.slice(0, 300)}`);
    if ('result' in message === 'error' in message) throw new Error(`neither or both: ${text.slice(0, 300)}`);
    if (message.error !== undefined && !Number.isInteger(message.error.code)) throw new Error(`no code: ${text}`);
    if (message.error?.code === -32603) throw new Error(`an internal error: ${text.slice(0, 300)}`);
  }
  return messages;
}

/** What is tried on the gateway of a running node; `token` is good there. */
export function gatewayTargets(node: ProcessNode, token: string): readonly Target[] {
  const { gateway } = node.ready;
  const port = Number(new URL(gateway).port);
  const authorized = { ...JSON_TYPE, Authorization: `Bearer ${token}` };
  const mirrored = (message: any, change: Record<string, string> = {}) => {
    const version = message?.params?._meta?.['io.modelcontextprotocol/protocolVersion'];
    if (typeof version !== 'string' || typeof message.method !== 'string') return authorized;
    const headers: Record<string, string> = { ...authorized, 'MCP-Protocol-Version': '2026-07-28' };
    if (/^[\x21-\x7e]+$/.test(message.method)) headers['Mcp-Method'] = message.method;
    const name = message.params?.name ?? message.params?.uri;
    if (typeof name === 'string' && /^[\x21-\x7e]+$/.test(name)) headers['Mcp-Name'] = name;
    return { ...headers, ...change };
  };
  const post = (body: string | Uint8Array, headers: Record<string, string>) =>
    send(gateway, { method: 'POST', headers, body });

  const bodies = target({
    name: 'HTTP bodies',
    input: fc.oneof(
      spoiltJson(MESSAGES).map((value) => ({ value, body: JSON.stringify(value) ?? '' })),
      spoiltText(MESSAGES.map((one) => JSON.stringify(one))).map((body) => ({ value: undefined, body })),
      fc.uint8Array({ maxLength: 60 }).map((body) => ({ value: undefined, body })),
    ),
    mustSee: ['result', 'error', '202', '400'],
    holds: async ({ value, body }, seen) => {
      const reply = await post(body, mirrored(value));
      seen(String(reply.status));
      for (const message of wellFormed(reply)) seen('error' in message ? 'error' : 'result');
    },
  });

  const [header, payload, signature] = token.split('.') as [string, string, string];
  const decoded = (part: string) => Buffer.from(part, 'base64url').toString();
  const encoded = (text: string) => Buffer.from(text).toString('base64url');
  const spoiltToken = fc.oneof(
    spoiltText([token]),
    spoiltText([decoded(payload)]).map((text) => `${header}.${encoded(text)}.${signature}`),
    spoiltText([decoded(header)]).map((text) => `${encoded(text)}.${payload}.${signature}`),
    fc
      .constantFrom('none', 'HS256', 'ES256', 'EdDSA', 'eddsa', 'Ed25519')
      .map((alg) => `${encoded(JSON.stringify({ ...JSON.parse(decoded(header)), alg }))}.${payload}.`),
    fc
      .nat(token.length - 1)
      .chain((at) => fc.constantFrom(...'AQgw_-.= 09').map((put) => token.slice(0, at) + put + token.slice(at + 1))),
    fc.constantFrom(`${token}=`, `${token}.`, `.${token}`, `${token}${token}`, `${token}, ${token}`),
  );
  const tokens = target({
    name: 'tokens',
    input: spoiltToken.filter((text) => /^[\x21-\x7e][\x20-\x7e]*$/.test(text) || text === ''),
    mustSee: ['401', '200'],
    holds: async (text, seen) => {
      const message = of('tools/call', PING);
      const reply = await post(JSON.stringify(message), { ...mirrored(message), Authorization: `Bearer ${text}` });
      const messages = wellFormed(reply);
      seen(String(reply.status));
      if (text.trim() === token) return; // what was left as it was is good
      if (reply.status === 200 || messages.some((one) => 'result' in one)) throw new Error('let in with another token');
    },
  });

  const names = target({
    name: 'tool names',
    input: fc.record({
      name: fc.oneof(
        spoiltText(['mesh_ping', 'governance_vote', 'village://nothing', 'x__y']),
        fc.constantFrom('mesh_ping', '__proto__', 'constructor', 'toString', 'hasOwnProperty', '', ' '),
      ),
      method: fc.constantFrom('tools/call', 'prompts/get', 'resources/read'),
    }),
    mustSee: ['error', 'result'],
    holds: async ({ name, method }, seen) => {
      const params = method === 'resources/read' ? { uri: name } : { name, arguments: {} };
      const message: any = of(method, params);
      const change = { 'Mcp-Name': `=?base64?${Buffer.from(name).toString('base64')}?=` };
      const reply = await post(JSON.stringify(message), mirrored(message, change));
      for (const one of wellFormed(reply)) {
        const succeeded = 'result' in one && one.result.isError !== true;
        seen(succeeded ? 'result' : 'error');
        if (succeeded && !/^(?:mesh_ping|governance_)/.test(name))
          throw new Error(`${method} of ${name} came to something`);
      }
    },
  });

  const spelled = fc.constantFrom(
    'mesh_ping',
    'Mesh_Ping',
    'mesh_ping ',
    ' mesh_ping',
    'mesh_ping\t',
    'mesh-ping',
    'nothing',
  );
  const asBase64 = (text: string) => `=?base64?${Buffer.from(text).toString('base64')}?=`;
  const any = fc.record({
    headerName: fc.oneof(spelled, spelled.map(asBase64), fc.constantFrom(...NEARLY_BASE64)),
    bodyName: spelled,
    headerMethod: fc.constantFrom('tools/call', 'tools/list', 'Tools/Call', 'tools/call, tools/list', 'prompts/get'),
    bodyMethod: fc.constantFrom('tools/call', 'tools/list', 'prompts/get'),
    version: fc.constantFrom('2026-07-28', '2025-11-25', '2026-07-28, 2026-07-28'),
    twice: fc.constantFrom('no', 'name', 'method'),
  });
  const pairs = target({
    name: 'header and body pairs',
    input: fc.oneof(
      any,
      any.map((pair) => ({ ...AGREED, headerName: asBase64(pair.bodyName), bodyName: pair.bodyName })),
      any.map((pair) => ({ ...pair, ...AGREED, headerName: pair.headerName, bodyName: pair.bodyName })),
    ),
    mustSee: ['agreed', 'differed'],
    holds: async ({ headerName, bodyName, headerMethod, bodyMethod, version, twice }, seen) => {
      const message = of(bodyMethod, bodyMethod === 'tools/list' ? {} : { name: bodyName, arguments: {} });
      const lines = [`Mcp-Name: ${headerName}`, `Mcp-Method: ${headerMethod}`, `MCP-Protocol-Version: ${version}`];
      if (twice === 'name') lines.push('Mcp-Name: mesh_ping');
      if (twice === 'method') lines.push('Mcp-Method: tools/call');
      const reply = await sendLines(port, { lines: [...linesOf(authorized), ...lines], body: JSON.stringify(message) });
      const read = /^=\?base64\?(.*)\?=$/.exec(headerName.trim())?.[1];
      const meant = read === undefined ? headerName.trim() : Buffer.from(read, 'base64').toString();
      const agrees =
        version === '2026-07-28' &&
        headerMethod === bodyMethod &&
        twice !== 'method' &&
        (bodyMethod === 'tools/list' || (meant === bodyName && twice !== 'name'));
      const [answer] = wellFormed(reply);
      const refused = answer?.error?.code === -32020 || answer?.error?.code === -32022;
      seen(agrees ? 'agreed' : 'differed');
      if (!agrees && answer !== undefined && 'result' in answer) throw new Error(`ran: ${reply.text.slice(0, 300)}`);
      if (agrees && refused) throw new Error(`refused though equal: ${reply.text.slice(0, 300)}`);
    },
  });

  const good = JSON.stringify(of('tools/call', PING));
  const request = (path: string, lines: readonly string[], body: string) =>
    `POST ${path} HTTP/1.1\r\n${lines.map((line) => `${line}\r\n`).join('')}\r\n${body}`;
  const base = linesOf({ ...authorized, Host: `127.0.0.1:${port}`, Connection: 'keep-alive' });
  const plain = request('/mcp', [...base, `Content-Length: ${Buffer.byteLength(good)}`], good);
  const REQUESTS: readonly string[] = [
    plain,
    request(
      '/mcp',
      [...base, 'Transfer-Encoding: chunked'],
      `${Buffer.byteLength(good).toString(16)}\r\n${good}\r\n0\r\n\r\n`,
    ),
    request('/messages?sessionId=x', [...base, 'Content-Length: 2'], '{}'),
    request(
      '/oauth/token',
      [`Host: 127.0.0.1:${port}`, 'Content-Type: application/x-www-form-urlencoded', 'Content-Length: 29'],
      'grant_type=client_credentials',
    ),
    `GET /healthz HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n\r\n`,
    `GET /v0.1/servers HTTP/1.1\r\n${base.join('\r\n')}\r\n\r\n`,
    `OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n`,
    `${plain}${plain}`,
  ];
  const bytes = target({
    name: 'HTTP bytes',
    input: fc.record({
      text: fc.array(spoiltText(REQUESTS), { minLength: 1, maxLength: 3 }).map((parts) => parts.join('')),
      cuts,
    }),
    mustSee: ['2xx', '4xx'],
    holds: (made, seen) => rawly(port, { ...made, seen, token }),
  });

  return [bodies, tokens, names, pairs, bytes];
}

async function rawly(
  port: number,
  made: { text: string; cuts: readonly number[]; seen: Seen; token: string },
): Promise<void> {
  using client = await RawClient.to(port);
  for (const piece of piecesOf(Buffer.from(made.text, 'latin1'), made.cuts)) {
    if (client.closed) break;
    client.send(piece);
    await new Promise((resolve) => setImmediate(resolve));
  }
  client.socket.end();
  await until(() => client.closed, { timeoutMs: ANSWER_MS, intervalMs: 1, what: 'the node hangs up on who has' });
  for (const status of client.statuses) {
    made.seen(`${Math.floor(status / 100)}xx`);
    // 501 and 505 are what HTTP says of encodings and versions that nobody serves.
    if (status >= 500 && status !== 501 && status !== 505)
      throw new Error(`status ${status}: ${client.text.slice(0, 500)}`);
  }
  if (client.text !== '' && !client.text.startsWith('HTTP/1.1 '))
    throw new Error(`no HTTP: ${client.text.slice(0, 200)}`);
  if (!made.text.includes(made.token) && client.text.includes('"result"')) throw new Error('served without a token');
}

function linesOf(headers: Readonly<Record<string, string>>): string[] {
  return Object.entries(headers).map(([name, value]) => `${name}: ${value}`);
}

/** A POST with header lines as they are, and its reply. */
async function sendLines(port: number, asked: { lines: readonly string[]; body: string }): Promise<Reply> {
  using client = await RawClient.to(port);
  const lines = [`Host: 127.0.0.1:${port}`, ...asked.lines, `Content-Length: ${Buffer.byteLength(asked.body)}`];
  client.send(
    Buffer.from(`POST /mcp HTTP/1.1\r\n${lines.map((line) => `${line}\r\n`).join('')}\r\n${asked.body}`, 'latin1'),
  );
  const { status, head, body } = await client.response();
  const type = /content-type: ([^\r\n]+)/i.exec(head)?.[1] ?? '';
  return { status, headers: { 'content-type': type }, text: Buffer.from(body, 'latin1').toString(), json: undefined };
}
