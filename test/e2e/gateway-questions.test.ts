import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { SSEClientTransport } from '@modelcontextprotocol/sdk/client/sse.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js';
import {
  CreateMessageRequestSchema,
  ElicitRequestSchema,
  ListRootsRequestSchema,
} from '@modelcontextprotocol/sdk/types.js';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { bearer, call, type Opened, openGateway, stateless } from '../support/echo-gateway.ts';
import { events, open as openStream } from '../support/http.ts';
import { until } from '../support/until.ts';

let open: Opened;
beforeAll(async () => {
  open = await openGateway();
});
afterAll(() => open.gateway.stop());

const EVERYTHING = { sampling: { tools: {} }, elicitation: { form: {}, url: {} }, roots: { listChanged: true } };
const PROMPT = {
  method: 'sampling/createMessage',
  params: { messages: [{ role: 'user', content: { type: 'text', text: 'hi' } }], maxTokens: 5 },
};
const asking = (id: number, question: object): object => call(id, 'ask', { arguments: { question } });

/** POSTs a call that asks, and gives the question and the messages after it. */
async function begin(headers: Record<string, string>, message: object) {
  const res = await openStream(`${open.origin}/mcp`, { method: 'POST', headers, body: JSON.stringify(message) });
  const heard = events(res);
  const next = async (): Promise<any> => JSON.parse((await heard.next()).value?.data ?? 'null');
  return { res, next, question: await next() };
}

describe('a question to the client', () => {
  test('goes out on the stream of the POST it belongs to, and its answer comes back as a POST of its own', async () => {
    const headers = await open.session({ capabilities: EVERYTHING });
    const { next, question, res } = await begin(headers, asking(1, PROMPT));
    expect(res.headers['content-type']).toBe('text/event-stream');
    expect(question).toEqual({ jsonrpc: '2.0', id: expect.stringMatching(/^v:\d+$/), ...PROMPT });
    const result = { role: 'assistant', content: { type: 'text', text: 'ho' }, model: 'm' };
    const posted = await open.post({ jsonrpc: '2.0', id: question.id, result }, { headers });
    expect(posted).toMatchObject({ status: 202, text: '' });
    expect(await next()).toMatchObject({ id: 1, result: { structuredContent: { result } } });
    expect(await next()).toBeNull();
  });

  test('has an id of its own in the session, and each answer reaches the call that asked', async () => {
    const headers = await open.session({ capabilities: EVERYTHING });
    const both = await Promise.all([begin(headers, asking(1, PROMPT)), begin(headers, asking(2, PROMPT))]);
    const [one, two] = both;
    expect(one?.question.id).not.toBe(two?.question.id);
    for (const { question } of both.toReversed()) {
      await open.post({ jsonrpc: '2.0', id: question.id, result: { for: question.id } }, { headers });
    }
    for (const { question, next } of both) {
      expect((await next()).result.structuredContent).toEqual({ result: { for: question.id } });
    }
  });

  test('refused by the client is an error for who asked', async () => {
    const headers = await open.session({ capabilities: EVERYTHING });
    const { next, question } = await begin(headers, asking(1, PROMPT));
    const error = { code: -1, message: 'User rejected sampling request' };
    await open.post({ jsonrpc: '2.0', id: question.id, error }, { headers });
    expect((await next()).result.structuredContent).toEqual({ error });
  });

  test('answered by another session, by another agent, twice, or never asked, is accepted and changes nothing', async () => {
    const headers = await open.session({ capabilities: EVERYTHING });
    const { next, question } = await begin(headers, asking(1, PROMPT));
    const forged = { jsonrpc: '2.0', id: question.id, result: { forged: true } };
    const mine = await open.session({ capabilities: EVERYTHING });
    expect((await open.post(forged, { headers: mine })).status).toBe(202);
    expect((await open.post(forged, { headers: { ...headers, ...bearer('bob') } })).status).toBe(404);
    for (const id of ['v:999', 7, '__proto__']) {
      expect((await open.post({ ...forged, id }, { headers })).status).toBe(202);
    }
    expect((await open.post({ jsonrpc: '2.0', id: null, error: { code: 1, message: '' } }, { headers })).status).toBe(
      202,
    );
    await open.post({ ...forged, result: { true: 1 } }, { headers });
    expect((await open.post(forged, { headers })).status).toBe(202);
    expect((await next()).result.structuredContent).toEqual({ result: { true: 1 } });
  });

  test.each([
    ['sampling/createMessage', {}, { elicitation: {} }, -32601],
    ['sampling/createMessage', { tools: [] }, { sampling: {} }, -32602],
    ['elicitation/create', { mode: 'url' }, { elicitation: {} }, -32602],
    ['elicitation/create', { message: 'x' }, { elicitation: { url: {} } }, -32602],
    ['roots/list', {}, { sampling: {} }, -32601],
    ['tools/list', {}, EVERYTHING, -32601],
  ])('%s %j is not asked of a client that declared %j', async (method, params, capabilities, code) => {
    const headers = await open.session({ capabilities });
    const reply = await open.post(asking(1, { method, params }), { headers });
    expect(reply.headers['content-type']).toBe('application/json');
    expect(reply.json.result.structuredContent).toEqual({ error: { code, message: expect.any(String) } });
  });

  test('is none for a client that declared nothing, and in the stateless era', async () => {
    const headers = await open.session();
    expect((await open.post(asking(1, PROMPT), { headers })).json.result.structuredContent).toEqual({ unasked: true });
    const params = { name: 'ask', arguments: { question: PROMPT } };
    expect((await open.post(...stateless(1, 'tools/call', params))).json.result.structuredContent).toEqual({
      unasked: true,
    });
    expect([...(open.router.calls.at(-1)?.client ?? ['?'])]).toEqual([]);
  });

  test('nobody waits for any longer is withdrawn', async () => {
    const headers = await open.session({ capabilities: EVERYTHING });
    const { next, question } = await begin(headers, asking(1, PROMPT));
    open.router.impatience.abort();
    open.router.impatience = new AbortController();
    expect(await next()).toEqual({
      jsonrpc: '2.0',
      method: 'notifications/cancelled',
      params: { requestId: question.id },
    });
    expect((await next()).result.structuredContent.error.code).toBe(-32009);
  });

  test('ends with its call when the client cancels that', async () => {
    const headers = await open.session({ capabilities: EVERYTHING });
    const { next, question } = await begin(headers, asking(1, PROMPT));
    await open.post({ jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: 1 } }, { headers });
    expect((await next()).params).toEqual({ requestId: question.id });
    expect(await next()).toBeNull();
  });

  test('ends with its session', async () => {
    const headers = await open.session({ capabilities: EVERYTHING });
    const { next } = await begin(headers, asking(1, PROMPT));
    const arrived = open.router.calls.at(-1);
    await openStream(`${open.origin}/mcp`, { method: 'DELETE', headers });
    expect(await next()).toBeNull();
    expect(arrived?.signal.aborted).toBe(true);
  });

  test('in a batch goes out on the stream that ends with all replies', async () => {
    const headers = await open.session({ version: '2025-03-26', capabilities: EVERYTHING });
    const batch = [asking(1, PROMPT), call(2, 'echo')];
    const { next, question } = await begin(headers, batch);
    await open.post([{ jsonrpc: '2.0', id: question.id, result: { a: 1 } }], { headers });
    const replies = (await next()) as { id: number }[];
    expect(replies.map(({ id }) => id).sort()).toEqual([1, 2]);
  });
});

describe('the SDK’s client', () => {
  const requestInit = { headers: { Authorization: 'Bearer alice' } };
  test.each([
    ['Streamable HTTP', () => new StreamableHTTPClientTransport(new URL(`${open.origin}/mcp`), { requestInit })],
    ['HTTP+SSE', () => new SSEClientTransport(new URL(`${open.origin}/sse`), { requestInit })],
  ])('samples, elicits and lists roots over %s', async (_name, transport) => {
    const client = new Client({ name: 'test', version: '0' }, { capabilities: EVERYTHING });
    client.setRequestHandler(CreateMessageRequestSchema, () => ({
      role: 'assistant' as const,
      content: { type: 'text' as const, text: 'ho' },
      model: 'm',
    }));
    client.setRequestHandler(ElicitRequestSchema, () => ({ action: 'accept' as const, content: { colour: 'red' } }));
    client.setRequestHandler(ListRootsRequestSchema, () => ({ roots: [{ uri: 'file:///tmp' }] }));
    await client.connect(transport() as Transport);
    const ask = async (question: object) =>
      (await client.callTool({ name: 'ask', arguments: { question } })).structuredContent;
    expect(await ask(PROMPT)).toMatchObject({ result: { content: { text: 'ho' } } });
    const form = { message: 'which?', requestedSchema: { type: 'object', properties: { colour: { type: 'string' } } } };
    expect(await ask({ method: 'elicitation/create', params: form })).toEqual({
      result: { action: 'accept', content: { colour: 'red' } },
    });
    expect(await ask({ method: 'roots/list' })).toEqual({ result: { roots: [{ uri: 'file:///tmp' }] } });
    await client.close();
  });
});

test('what a client declared and the level it set go with every call', async () => {
  const headers = await open.session({ capabilities: { sampling: {}, elicitation: {} } });
  await open.post({ jsonrpc: '2.0', id: 1, method: 'logging/setLevel', params: { level: 'warning' } }, { headers });
  await open.post(call(2, 'echo'), { headers });
  const seen = open.router.calls.at(-1);
  expect([...(seen?.client ?? [])]).toEqual(['sampling', 'elicitationForm']);
  expect(seen?.logLevel).toBe('warning');

  const [message, options] = stateless(3, 'tools/call', { name: 'echo', arguments: {} });
  const meta = (message as { params: { _meta: Record<string, unknown> } }).params._meta;
  const _meta = {
    ...meta,
    'io.modelcontextprotocol/clientCapabilities': { roots: {} },
    'io.modelcontextprotocol/logLevel': 'debug',
  };
  await open.post({ ...message, params: { ...(message as { params: object }).params, _meta } }, options);
  await until(() => open.router.calls.at(-1)?.era === 'stateless');
  expect([...(open.router.calls.at(-1)?.client ?? [])]).toEqual(['roots']);
  expect(open.router.calls.at(-1)?.logLevel).toBe('debug');
});
