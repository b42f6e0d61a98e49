import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { bearer, call, ENVELOPE, initialize, type Opened, openGateway, stateless } from '../support/echo-gateway.ts';
import { events, open as openStream, type Reply, send, sendAndVanish } from '../support/http.ts';
import { until } from '../support/until.ts';

let open: Opened;
beforeAll(async () => {
  open = await openGateway();
});
afterAll(() => open.gateway.stop());

const echo = { name: 'echo', arguments: { message: 'hi' } };
const ask = (method: string, params: Record<string, unknown> = {}): Promise<Reply> =>
  open.post(...stateless(1, method, params));
const listen = async (notifications: unknown): Promise<Awaited<ReturnType<typeof openStream>>> => {
  const [message, { headers }] = stateless('L', 'subscriptions/listen', { notifications });
  return openStream(`${open.origin}/mcp`, {
    method: 'POST',
    headers: { ...bearer('alice'), ...headers },
    body: JSON.stringify(message),
  });
};

describe('a stateless request', () => {
  test('needs no session, and a session id means nothing', async () => {
    const [message, { headers }] = stateless(1, 'tools/call', echo);
    for (const extra of [{}, { 'Mcp-Session-Id': 'nope' }]) {
      const reply = await open.post(message, { headers: { ...headers, ...extra } });
      expect(reply.status).toBe(200);
      expect(reply.json.result).toMatchObject({ resultType: 'complete', content: [{ text: 'hi' }] });
    }
    expect(open.router.calls.at(-1)).toMatchObject({ era: 'stateless', sessionId: undefined, view: undefined });
  });

  test('server/discover says what is offered, privately and not for long', async () => {
    const reply = await ask('server/discover');
    expect(reply.json.result).toEqual({
      resultType: 'complete',
      supportedVersions: ['2026-07-28', '2025-11-25', '2025-06-18', '2025-03-26', '2024-11-05'],
      capabilities: { tools: { listChanged: true }, resources: {}, prompts: { listChanged: true } },
      instructions: 'the whole village',
      ttlMs: 5000,
      cacheScope: 'private',
      _meta: { 'io.modelcontextprotocol/serverInfo': { name: 'village', version: '0.0.0' } },
    });
    const [message, options] = stateless(1, 'server/discover');
    expect((await open.post(message, { ...options, path: '/mcp/nowhere' })).status).toBe(404);
    const ill = await open.post(message, { ...options, path: '/mcp/ill' });
    expect([ill.status, ill.json.error]).toEqual([
      200,
      expect.objectContaining({ code: -32006, message: 'ill is not there' }),
    ]);
  });

  test.each(['tools/list', 'resources/list', 'resources/templates/list', 'prompts/list', 'completion/complete'])(
    '%s reaches the router',
    async (method) => {
      expect((await ask(method)).status).toBe(200);
      expect(open.router.calls.at(-1)?.request.method).toBe(method);
    },
  );

  test.each(['ping', 'initialize', 'logging/setLevel', 'resources/subscribe', 'no/such', 'constructor'])(
    '%s does not exist in this revision: 404 and -32601',
    async (method) => {
      const reply = await ask(method);
      expect([reply.status, reply.json.error.code, reply.json.id]).toEqual([404, -32601, 1]);
    },
  );

  test.each([
    ['Mcp-Method', 'tools/list'],
    ['Mcp-Name', 'mesh_ping'],
    ['MCP-Protocol-Version', '2025-11-25'],
  ])('whose %s differs from its body is -32020 and goes nowhere', async (name, value) => {
    const [message, { headers }] = stateless(1, 'tools/call', echo);
    const before = open.router.calls.length;
    const reply = await open.post(message, { headers: { ...headers, [name]: value } });
    expect([reply.status, reply.json.error.code, reply.json.id]).toEqual([400, -32020, 1]);
    expect(open.router.calls).toHaveLength(before);
  });

  test.each(['Mcp-Method', 'Mcp-Name', 'MCP-Protocol-Version'])('without %s is -32020', async (name) => {
    const [message, { headers }] = stateless(1, 'tools/call', echo);
    const { [name]: _, ...rest } = headers;
    expect((await open.post(message, { headers: rest })).json.error.code).toBe(-32020);
  });

  test('whose Mcp-Param header is missing or differs from its argument is -32020 and goes nowhere', async () => {
    const args = { message: 'hi', where: { region: 'eu' } };
    const [message, { headers }] = stateless(1, 'tools/call', { name: 'progress', arguments: args });
    const before = open.router.calls.length;
    for (const given of [{}, { 'Mcp-Param-Region': 'us' }]) {
      const reply = await open.post(message, { headers: { ...headers, ...given } });
      expect([reply.status, reply.json.error.code, reply.json.id]).toEqual([400, -32020, 1]);
    }
    expect(open.router.calls).toHaveLength(before);
    expect((await open.post(message, { headers: { ...headers, 'Mcp-Param-Region': 'eu' } })).status).toBe(200);
  });

  test('of a revision to come is -32022 with those that are served', async () => {
    const message = {
      jsonrpc: '2.0',
      id: 1,
      method: 'tools/list',
      params: { _meta: { ...ENVELOPE, 'io.modelcontextprotocol/protocolVersion': '2030-01-01' } },
    };
    const reply = await open.post(message, {
      headers: { 'MCP-Protocol-Version': '2030-01-01', 'Mcp-Method': 'tools/list' },
    });
    expect(reply.status).toBe(400);
    expect(reply.json.error).toMatchObject({
      code: -32022,
      data: { requested: '2030-01-01', supported: expect.arrayContaining(['2026-07-28']) },
    });
  });

  test('whose header names the revision and whose body has no envelope is -32602 with 400', async () => {
    const reply = await open.post(call(1, 'echo'), {
      headers: { 'MCP-Protocol-Version': '2026-07-28', 'Mcp-Method': 'tools/call', 'Mcp-Name': 'echo' },
    });
    expect([reply.status, reply.json.error.code]).toEqual([400, -32602]);
  });

  test('in a batch, and a response, are -32600; a notification is 202', async () => {
    const [message, { headers }] = stateless(1, 'tools/list');
    expect((await open.post([message], { headers })).json.error.code).toBe(-32600);
    expect((await open.post([message])).json.error.code).toBe(-32600);
    expect((await open.post({ jsonrpc: '2.0', id: 1, result: {} }, { headers })).status).toBe(400);
    expect((await open.post({ jsonrpc: '2.0', method: 'notifications/x' }, { headers })).status).toBe(202);
  });

  test('has no GET and no DELETE', async () => {
    const headers = { ...bearer('alice'), 'MCP-Protocol-Version': '2026-07-28' };
    for (const method of ['GET', 'DELETE']) {
      const reply = await send(`${open.origin}/mcp`, { method, headers });
      expect([reply.status, reply.headers.allow]).toEqual([405, 'POST']);
    }
  });

  test('with related messages becomes an event stream that ends with the reply', async () => {
    const [message, { headers }] = stateless(4, 'tools/call', { name: 'progress' });
    const asked = { method: 'POST', headers: { ...bearer('alice'), ...headers }, body: JSON.stringify(message) };
    const ids = [];
    for await (const { data } of events(await openStream(`${open.origin}/mcp`, asked))) ids.push(JSON.parse(data).id);
    expect(ids).toEqual([undefined, undefined, undefined, 4]);
  });

  test('the same id may be in flight twice: ids belong to one POST', async () => {
    const before = open.router.calls.length;
    const held = [1, 2].map(() => open.post(...stateless(9, 'tools/call', { name: 'hold' })));
    await until(() => open.router.calls.length === before + 2);
    open.router.release();
    for (const reply of await Promise.all(held)) expect([reply.status, reply.json.id]).toEqual([200, 9]);
  });
});

test('a client that goes away cancels a stateless call, and leaves a session’s call running', async () => {
  const session = await open.session();
  const before = open.router.calls.length;
  const cutSession = sendAndVanish(`${open.origin}/mcp`, { headers: session, body: JSON.stringify(call(1, 'hold')) });
  await until(() => open.router.calls.length === before + 1);
  const [message, { headers }] = stateless(1, 'tools/call', { name: 'hold' });
  const cutStateless = sendAndVanish(`${open.origin}/mcp`, {
    headers: { ...bearer('alice'), ...headers },
    body: JSON.stringify(message),
  });
  await until(() => open.router.calls.length === before + 2);
  const [inSession, alone] = open.router.calls.slice(before);
  cutSession();
  cutStateless();
  await until(() => alone?.signal.aborted);
  expect(inSession?.signal.aborted).toBe(false);
  open.router.release();
  expect((await open.post(call(1, 'echo'), { headers: session })).status).toBe(200);
});

describe('subscriptions/listen', () => {
  test('acknowledges what it can honour, then tells of it and of nothing else', async () => {
    const res = await listen({ toolsListChanged: true, promptsListChanged: false, resourcesListChanged: true });
    const heard = events(res);
    const next = async (): Promise<unknown> => JSON.parse((await heard.next()).value?.data ?? '');
    const _meta = { 'io.modelcontextprotocol/subscriptionId': 'L' };
    expect(await next()).toEqual({
      jsonrpc: '2.0',
      method: 'notifications/subscriptions/acknowledged',
      params: { notifications: { toolsListChanged: true }, _meta }, // this router's resources say no listChanged
    });
    for (const change of ['prompts', 'resources', 'tools'] as const) open.router.change(change);
    expect(await next()).toEqual({ jsonrpc: '2.0', method: 'notifications/tools/list_changed', params: { _meta } });
    res.destroy();
  });

  test('with nothing to honour ends with its result at once', async () => {
    const messages = [];
    for await (const { data } of events(await listen({}))) messages.push(JSON.parse(data));
    expect(messages.map((one) => one.method ?? one.result.resultType)).toEqual([
      'notifications/subscriptions/acknowledged',
      'complete',
    ]);
  });

  test.each([[undefined], [[]], [{ toolsListChanged: 'yes' }], [{ resourceSubscriptions: 'x' }]])(
    'with the filter %j is -32602',
    async (filter) => {
      expect((await ask('subscriptions/listen', { notifications: filter })).json.error.code).toBe(-32602);
    },
  );

  test('ends with its result when its agent is revoked', async () => {
    const heard = events(await listen({ toolsListChanged: true }));
    await heard.next();
    open.gateway.forget(({ agentId }) => agentId === 'bob');
    open.router.change('tools');
    expect(JSON.parse((await heard.next()).value?.data ?? '').method).toBe('notifications/tools/list_changed');
    open.gateway.forget(({ agentId }) => agentId === 'alice');
    expect(JSON.parse((await heard.next()).value?.data ?? '').result.resultType).toBe('complete');
    expect((await heard.next()).done).toBe(true);
  });

  test('leaves half the room to others, however many one agent opens', async () => {
    await using crowded = await openGateway();
    const [message, { headers }] = stateless('L', 'subscriptions/listen', {
      notifications: { toolsListChanged: true },
    });
    const listenAs = (agent: string) =>
      openStream(`${crowded.origin}/mcp`, {
        method: 'POST',
        headers: { ...bearer(agent), ...headers },
        body: JSON.stringify(message),
      });
    const streams = [];
    for (let count = 0; count < 512; count++) streams.push(await listenAs('alice'));
    expect(streams.map(({ statusCode }) => statusCode).filter((status) => status !== 200)).toEqual([]);
    expect((await listenAs('alice')).statusCode).toBe(429);
    streams.push(await listenAs('bob'));
    expect(streams.at(-1)?.statusCode).toBe(200);
    streams.shift()?.destroy();
    await until(() => crowded.gateway.subscriptionCount === 512);
    streams.push(await listenAs('alice'));
    expect(streams.at(-1)?.statusCode).toBe(200);
    for (const stream of streams) stream.destroy();
  });

  test('ends with its result for an agent that is revoked while its resources are still asked for', async () => {
    await using slow = await openGateway();
    const { promise: asked, resolve: arrived } = Promise.withResolvers<void>();
    const { promise: answered, resolve: answer } = Promise.withResolvers<void>();
    const subscribe = slow.router.subscribe.bind(slow.router);
    slow.router.subscribe = async (...given) => {
      arrived();
      await answered;
      return subscribe(...given);
    };
    const [message, { headers }] = stateless('L', 'subscriptions/listen', {
      notifications: { resourceSubscriptions: ['test://slow'] },
    });
    const listening = openStream(`${slow.origin}/mcp`, {
      method: 'POST',
      headers: { ...bearer('alice'), ...headers },
      body: JSON.stringify(message),
    });
    await asked;
    slow.gateway.forget(({ agentId }) => agentId === 'alice');
    answer();
    const heard = [];
    for await (const { data } of events(await listening)) heard.push(JSON.parse(data));
    expect(heard.at(-1).result.resultType).toBe('complete');
    expect([slow.gateway.subscriptionCount, slow.router.interest.size]).toEqual([0, 0]);
  });

  test('ends with its result when the node stops', async () => {
    await using closing = await openGateway();
    const [message, { headers }] = stateless('L', 'subscriptions/listen', {
      notifications: { toolsListChanged: true },
    });
    const asked = { method: 'POST', headers: { ...bearer('alice'), ...headers }, body: JSON.stringify(message) };
    const heard = events(await openStream(`${closing.origin}/mcp`, asked));
    await heard.next();
    const stopped = closing.gateway.stop();
    expect(JSON.parse((await heard.next()).value?.data ?? '')).toMatchObject({
      id: 'L',
      result: { resultType: 'complete' },
    });
    await stopped;
  });
});

test('initialize is of the session era even with a header of the other', async () => {
  const reply = await open.post(initialize('2025-11-25'), { headers: { 'Mcp-Method': 'initialize' } });
  expect(reply.headers['mcp-session-id']).toBeDefined();
});
