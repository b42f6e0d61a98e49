import type { IncomingMessage } from 'node:http';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import type { RouterCall } from '../../node/gateway/index.ts';
import { bearer, call, initialize, type Opened, openGateway } from '../support/echo-gateway.ts';
import { events, open as openStream, send } from '../support/http.ts';
import { until } from '../support/until.ts';

let open: Opened;
beforeAll(async () => {
  open = await openGateway();
});
afterAll(() => open.gateway.stop());

const ping = { jsonrpc: '2.0', id: 1, method: 'ping' };
const VERSIONS = ['2024-11-05', '2025-03-26', '2025-06-18', '2025-11-25'];

describe('initialize', () => {
  test.each(VERSIONS)('agrees to %s and opens a session', async (version) => {
    const reply = await open.post(initialize(version));
    expect(reply.status).toBe(200);
    expect(reply.headers['mcp-session-id']).toMatch(/^[\x21-\x7e]{32,}$/);
    expect(reply.json.result).toEqual({
      protocolVersion: version,
      capabilities: { tools: { listChanged: true }, resources: {}, prompts: { listChanged: true } },
      serverInfo: { name: 'village', version: '0.0.0' },
      instructions: 'the whole village',
    });
  });

  test('answers a revision it does not know with its newest', async () => {
    expect((await open.post(initialize('2099-01-01'))).json.result.protocolVersion).toBe('2025-11-25');
  });

  test.each([
    ['no params', undefined],
    ['a version that is no text', { protocolVersion: 1, capabilities: {}, clientInfo: { name: 'x' } }],
    ['no capabilities', { protocolVersion: '2025-11-25', clientInfo: { name: 'x' } }],
    ['a client without a name', { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: {} }],
  ])('with %s is -32602', async (_what, params) => {
    const reply = await open.post({ jsonrpc: '2.0', id: 9, method: 'initialize', params });
    expect(reply.json).toMatchObject({ id: 9, error: { code: -32602 } });
    expect(reply.headers['mcp-session-id']).toBeUndefined();
  });

  test('inside a session is refused, and so is a second one', async () => {
    const headers = await open.session();
    expect((await open.post(initialize('2025-11-25'), { headers })).status).toBe(400);
  });

  test('in the view of a server that is not there is 404', async () => {
    expect((await open.post(initialize('2025-11-25'), { path: '/mcp/nowhere' })).status).toBe(404);
    const ill = await open.post(initialize('2025-11-25'), { path: '/mcp/ill' });
    expect([ill.status, ill.json.error.code, ill.headers['mcp-session-id']]).toEqual([200, -32006, undefined]);
  });
});

describe('a request in a session', () => {
  test('goes to the router with who asks, from where, in which view', async () => {
    const headers = await open.session({ path: '/mcp/everything' });
    const traced = { ...headers, traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01' };
    const reply = await open.post(call('a', 'echo'), { headers: traced, path: '/mcp/everything' });
    expect(reply.status).toBe(200);
    expect(reply.headers['content-type']).toBe('application/json');
    expect(reply.text).toBe('{"jsonrpc":"2.0","id":"a","result":{"content":[{"type":"text","text":"hi"}]}}');
    expect(open.router.calls.at(-1)).toMatchObject({
      request: { id: 'a', method: 'tools/call' },
      principal: { agentId: 'alice' },
      era: 'session',
      view: 'everything',
      sourceIp: '127.0.0.1',
      sessionId: headers['Mcp-Session-Id'],
      traceparent: traced.traceparent,
    });
  });

  describe('and in a trace', () => {
    const header = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
    const itself = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00';
    const asked = async (headers: Record<string, string>, _meta?: object) => {
      const session = await open.session();
      const { id, params, ...rest } = call('a', 'echo') as { id: string; params: object };
      const body = { ...rest, id, params: { ...params, ...(_meta === undefined ? {} : { _meta }) } };
      await open.post(body, { headers: { ...session, ...headers } });
      const { traceparent, request } = open.router.calls.at(-1) as RouterCall;
      return { traceparent, meta: request.params?.['_meta'] };
    };

    test('is in that of the request rather than in that of its transport', async () => {
      expect(await asked({ traceparent: header, tracestate: 'a=1' }, { traceparent: itself })).toEqual({
        traceparent: itself,
        meta: { traceparent: itself },
      });
    });

    test('takes what its transport says of the trace with it', async () => {
      expect(await asked({ traceparent: header, tracestate: 'a=1,b=2' }, { progressToken: 1 })).toEqual({
        traceparent: header,
        meta: { progressToken: 1, tracestate: 'a=1,b=2' },
      });
    });

    test.each([
      ['no form of one', 'trace me'],
      ['capitals', header.toUpperCase()],
      ['a trace of zeros', `00-${'0'.repeat(32)}-b7ad6b7169203331-01`],
    ])('is in none where its transport has %s, and its state is nobody’s', async (_what, traceparent) => {
      expect(await asked({ traceparent, tracestate: 'a=1' })).toEqual({ traceparent: undefined, meta: undefined });
    });

    test('is in that of its transport where its own is malformed', async () => {
      expect((await asked({ traceparent: header }, { traceparent: 7 })).traceparent).toBe(header);
      expect((await asked({ traceparent: header }, { traceparent: 'x' })).traceparent).toBe(header);
    });
  });

  test.each([
    'tools/list',
    'resources/list',
    'resources/templates/list',
    'prompts/list',
    'prompts/get',
    'completion/complete',
  ])('%s reaches the router', async (method) => {
    const headers = await open.session();
    const reply = await open.post({ jsonrpc: '2.0', id: 5, method, params: {} }, { headers });
    expect(reply.json.id).toBe(5);
    expect(open.router.calls.at(-1)?.request.method).toBe(method);
  });

  test('ping and logging/setLevel are answered here', async () => {
    const headers = await open.session();
    expect((await open.post(ping, { headers })).json).toEqual({ jsonrpc: '2.0', id: 1, result: {} });
    const level = (level: unknown): object => ({
      jsonrpc: '2.0',
      id: 2,
      method: 'logging/setLevel',
      params: { level },
    });
    expect((await open.post(level('debug'), { headers })).json.result).toEqual({});
    expect((await open.post(level('loud'), { headers })).json.error.code).toBe(-32602);
  });

  test('of a method that nobody knows is -32601', async () => {
    const headers = await open.session();
    const of = (method: string): Promise<unknown> =>
      open
        .post({ jsonrpc: '2.0', id: 1, method }, { headers })
        .then(({ status, json }) => [status, json.error.code, json.error.data.code]);
    expect(await of('no/such')).toEqual([200, -32601, 'METHOD_NOT_FOUND']);
    expect(await of('__proto__')).toEqual([200, -32601, 'METHOD_NOT_FOUND']);
    expect(await of('server/discover')).toEqual([200, -32601, 'METHOD_NOT_FOUND']);
  });

  test('that the router limits is 429 with Retry-After', async () => {
    const headers = await open.session();
    const reply = await open.post(call(1, 'limited'), { headers });
    expect([reply.status, reply.headers['retry-after']]).toEqual([429, '2']);
  });

  test('without a session id is 400, with an unknown one 404', async () => {
    expect((await open.post(ping)).status).toBe(400);
    const unknown = await open.post(ping, { headers: { 'Mcp-Session-Id': 'nope' } });
    expect(unknown.status).toBe(404);
    expect(unknown.json).toMatchObject({ id: 1, error: { data: { code: 'SESSION_NOT_FOUND' } } });
  });

  test('naming a revision that is not served is 400', async () => {
    const headers = await open.session();
    for (const version of ['2023-01-01', 'zzz', '2025-11-25, 2025-11-25']) {
      expect((await open.post(ping, { headers: { ...headers, 'MCP-Protocol-Version': version } })).status).toBe(400);
    }
    expect((await open.post(ping, { headers: { ...headers, 'MCP-Protocol-Version': '2025-06-18' } })).status).toBe(200);
  });

  test('of another agent, on another path, or over the other transport finds no session', async () => {
    const headers = await open.session();
    const id = String(headers['Mcp-Session-Id']);
    const stolen = { 'Mcp-Session-Id': id };
    expect((await open.post(ping, { token: 'bob', headers: stolen })).status).toBe(404);
    expect((await open.post(ping, { headers: stolen, path: '/mcp/everything' })).status).toBe(404);
    expect((await open.post(ping, { path: `/messages?sessionId=${id}` })).status).toBe(404);
    const asBob = { ...bearer('bob'), 'Mcp-Session-Id': id };
    expect((await send(`${open.origin}/mcp`, { method: 'DELETE', headers: asBob })).status).toBe(404);
    expect((await send(`${open.origin}/mcp`, { headers: asBob })).status).toBe(404);
    expect((await open.post(ping, { headers })).status).toBe(200);
  });

  test('with an id in flight already is refused, and the first still answered', async () => {
    const headers = await open.session();
    const arrival = open.router.arrival();
    const first = open.post(call(7, 'hold'), { headers });
    await arrival;
    const second = await open.post(call(7, 'echo'), { headers });
    expect([second.status, second.json.error.code]).toEqual([400, -32600]);
    expect((await open.post(call('7', 'echo'), { headers })).status).toBe(200);
    open.router.release();
    expect((await first).json.result.content[0].text).toBe('released');
  });

  test('beyond the bound of requests in flight is 429', async () => {
    const headers = await open.session();
    const before = open.router.calls.length;
    const held = Array.from({ length: 8 }, (_, id) => open.post(call(id, 'hold'), { headers }));
    await until(() => open.router.calls.length === before + 8);
    expect((await open.post(call(99, 'echo'), { headers })).status).toBe(429);
    open.router.release();
    for (const reply of await Promise.all(held)) expect(reply.status).toBe(200);
  });

  test('that is notified as cancelled stops the work and gets no response', async () => {
    const headers = await open.session();
    const arrival = open.router.arrival();
    const held = open.post(call('c', 'hold'), { headers });
    const reached = await arrival;
    const cancelled = { jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: 'c' } };
    expect((await open.post(cancelled, { headers })).status).toBe(202);
    expect(await held).toMatchObject({ status: 202, text: '' });
    expect(reached.signal.aborted).toBe(true);
  });

  test('cannot be cancelled from another session', async () => {
    const [mine, other] = [await open.session(), await open.session()];
    const arrival = open.router.arrival();
    const held = open.post(call('c', 'hold'), { headers: mine });
    await arrival;
    const cancelled = { jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: 'c' } };
    await open.post(cancelled, { headers: other });
    open.router.release();
    expect((await held).status).toBe(200);
  });

  test('with related messages before its reply becomes an event stream', async () => {
    const headers = await open.session();
    const asked = call(4, 'progress', { _meta: { progressToken: 'p' } });
    const res = await openStream(`${open.origin}/mcp`, { method: 'POST', headers, body: JSON.stringify(asked) });
    expect([res.statusCode, res.headers['content-type'], res.headers['x-accel-buffering']]).toEqual([
      200,
      'text/event-stream',
      'no',
    ]);
    const messages = (await all(res)).map((text) => JSON.parse(text));
    expect(messages.map((one) => one.params?.progress ?? one.id)).toEqual([1, 2, 3, 4]);
    expect(messages[0].params.progressToken).toBe('p');
  });

  test('whose messages hold line breaks puts each on one line of the stream', async () => {
    const headers = await open.session();
    const res = await openStream(`${open.origin}/mcp`, {
      method: 'POST',
      headers,
      body: JSON.stringify(call(4, 'chatty')),
    });
    const messages = (await all(res)).map((text) => JSON.parse(text));
    expect(messages).toEqual([
      { jsonrpc: '2.0', method: 'notifications/message' },
      { jsonrpc: '2.0', id: 4, result: { content: [] } },
    ]);
  });
});

async function all(res: IncomingMessage): Promise<string[]> {
  const texts: string[] = [];
  for await (const { data } of events(res)) texts.push(data);
  return texts;
}

describe('notifications, responses and batches', () => {
  test('a notification and a response are accepted with 202 and no body', async () => {
    const headers = await open.session();
    const sent = [
      { jsonrpc: '2.0', method: 'notifications/initialized' },
      { jsonrpc: '2.0', method: 'notifications/whatever', params: {} },
      { jsonrpc: '2.0', id: 'not-asked', result: {} },
    ];
    for (const message of sent) expect(await open.post(message, { headers })).toMatchObject({ status: 202, text: '' });
  });

  test('a batch in a session of 2025-03-26 gets all replies at once', async () => {
    const headers = await open.session({ version: '2025-03-26' });
    const batch = [call(1, 'echo'), { jsonrpc: '2.0', method: 'notifications/x' }, { ...ping, id: 2 }, call(3, 'nope')];
    const reply = await open.post(batch, { headers });
    expect(reply.status).toBe(200);
    const replies = reply.json as { id: number; error?: { code: number } }[];
    expect(replies.map(({ id }) => id).sort()).toEqual([1, 2, 3]);
    expect(replies.find(({ id }) => id === 3)?.error?.code).toBe(-32602);
  });

  test('a batch without requests is 202, one with a bad message or an initialize 400 or an error', async () => {
    const headers = await open.session({ version: '2025-03-26' });
    expect((await open.post([{ jsonrpc: '2.0', method: 'n' }], { headers })).status).toBe(202);
    expect((await open.post([ping, 5], { headers })).status).toBe(400);
    const [inside] = (await open.post([initialize('2025-03-26')], { headers })).json;
    expect(inside.error.code).toBe(-32600);
    expect((await open.post([initialize('2025-03-26')])).status).toBe(400);
  });

  test('twice the same id in one batch is answered once and refused once', async () => {
    const headers = await open.session({ version: '2025-03-26' });
    const batch = open.post([call(1, 'hold'), call(1, 'echo')], { headers });
    await until(() => open.router.calls.at(-1)?.request.id === 1);
    open.router.release();
    const replies = (await batch).json as { error?: { code: number }; result?: unknown }[];
    expect(replies.filter(({ error }) => error?.code === -32600)).toHaveLength(1);
    expect(replies.filter(({ result }) => result !== undefined)).toHaveLength(1);
  });

  test.each(['2024-11-05', '2025-06-18', '2025-11-25'])('a batch in a session of %s is -32600', async (version) => {
    const headers = await open.session({ version });
    const reply = await open.post([ping], { headers });
    expect([reply.status, reply.json.error.code]).toEqual([400, -32600]);
  });

  test('a batch with related messages becomes an event stream that ends with the array', async () => {
    const headers = await open.session({ version: '2025-03-26' });
    const body = JSON.stringify([call(1, 'progress'), { ...ping, id: 2 }]);
    const messages = await all(await openStream(`${open.origin}/mcp`, { method: 'POST', headers, body }));
    expect(messages).toHaveLength(4);
    expect((JSON.parse(messages[3] ?? '') as { id: number }[]).map(({ id }) => id).sort()).toEqual([1, 2]);
  });
});

describe('the stream of a session', () => {
  const stream = (headers: Record<string, string>): Promise<IncomingMessage> =>
    openStream(`${open.origin}/mcp`, { headers });

  test('tells of changed lists, each kind once for a burst', async () => {
    const headers = await open.session();
    const res = await stream(headers);
    expect([res.statusCode, res.headers['content-type']]).toEqual([200, 'text/event-stream']);
    for (const change of ['tools', 'tools', 'prompts', 'tools'] as const) open.router.change(change);
    const heard = events(res);
    const texts = [(await heard.next()).value?.data, (await heard.next()).value?.data];
    expect(texts).toEqual([
      '{"jsonrpc":"2.0","method":"notifications/tools/list_changed"}',
      '{"jsonrpc":"2.0","method":"notifications/prompts/list_changed"}',
    ]);
    res.destroy();
  });

  test('is one: a second is 409 until the first is gone', async () => {
    const headers = await open.session();
    const first = await stream(headers);
    expect((await send(`${open.origin}/mcp`, { headers })).status).toBe(409);
    first.destroy();
    const second = await until(async () => {
      const res = await stream(headers);
      if (res.statusCode !== 200) res.resume();
      return res.statusCode === 200 && res;
    });
    second.destroy();
  });

  test('begins with what changed while there was none', async () => {
    const headers = await open.session();
    const other = await stream(await open.session());
    const heard = events(other);
    open.router.change('resources');
    open.router.change('resources');
    await heard.next(); // by now every session has been told, or has kept it
    const res = await stream(headers);
    expect((await events(res).next()).value?.data).toBe(
      '{"jsonrpc":"2.0","method":"notifications/resources/list_changed"}',
    );
    other.destroy();
    res.destroy();
  });

  test('without a session is 400, of an unknown one 404, for a client that wants JSON 406', async () => {
    const headers = await open.session();
    const at = (given: Record<string, string>): Promise<number> =>
      send(`${open.origin}/mcp`, { headers: given }).then(({ status }) => status);
    expect(await at(bearer('alice'))).toBe(400);
    expect(await at({ ...headers, 'Mcp-Session-Id': 'x' })).toBe(404);
    expect(await at({ ...headers, Accept: 'application/json' })).toBe(406);
  });

  test('ends with the session, which then is 404, and what was in flight is cancelled', async () => {
    const headers = await open.session();
    const res = await stream(headers);
    const arrival = open.router.arrival();
    const held = open.post(call(1, 'hold'), { headers });
    const reached = await arrival;
    expect((await send(`${open.origin}/mcp`, { method: 'DELETE', headers })).status).toBe(204);
    expect(await all(res)).toEqual([]);
    expect((await held).status).toBe(202);
    expect(reached.signal.aborted).toBe(true);
    expect((await open.post(ping, { headers })).status).toBe(404);
    expect((await send(`${open.origin}/mcp`, { method: 'DELETE', headers })).status).toBe(404);
  });
});

describe('sessions', () => {
  test('that nobody uses end; one in use, with a call or a stream, does not', async () => {
    let now = 0;
    await using timed = await openGateway({ now: () => now });
    const [idle, streaming, busy] = [await timed.session(), await timed.session(), await timed.session()];
    const res = await openStream(`${timed.origin}/mcp`, { headers: streaming });
    const arrival = timed.router.arrival();
    const held = timed.post(call(1, 'hold'), { headers: busy });
    await arrival;
    now = 1000;
    timed.gateway.tick();
    expect((await timed.post(ping, { headers: idle })).status).toBe(404);
    expect((await timed.post(ping, { headers: streaming })).status).toBe(200);
    timed.router.release();
    expect((await held).status).toBe(200);
    res.destroy();
  });

  test('outlast a wall clock that is set: only time that passed counts', async () => {
    vi.useFakeTimers({ toFake: ['Date'] });
    try {
      await using timed = await openGateway();
      const headers = await timed.session();
      vi.setSystemTime(Date.now() + 24 * 3_600_000);
      timed.gateway.tick();
      expect((await timed.post(ping, { headers })).status).toBe(200);
    } finally {
      vi.useRealTimers();
    }
  });

  test('are bounded: an agent gives up its own oldest, never another agent’s', async () => {
    const limits = { maxBodyBytes: 1024, maxSessions: 4, sessionIdleMs: 1000, maxInFlight: 8 };
    let now = 0;
    await using small = await openGateway({ limits, now: () => now++ });
    const bob = await small.session({ token: 'bob' });
    const alice = [await small.session(), await small.session(), await small.session(), await small.session()];
    expect(small.gateway.sessionCount).toBe(3);
    expect((await small.post(ping, { headers: bob, token: 'bob' })).status).toBe(200);
    const statuses = await Promise.all(
      alice.map((headers) => small.post(ping, { headers }).then(({ status }) => status)),
    );
    expect(statuses).toEqual([404, 404, 200, 200]);
  });

  test('that are all in use leave no room: 429', async () => {
    const limits = { maxBodyBytes: 1024, maxSessions: 2, sessionIdleMs: 1000, maxInFlight: 8 };
    await using small = await openGateway({ limits });
    const stream = await openStream(`${small.origin}/mcp`, { headers: await small.session() });
    expect((await small.post(initialize('2025-11-25'))).status).toBe(429);
    stream.destroy();
  });

  test('and what is in flight in them end with the agent or token they belong to, and no others do', async () => {
    await using gone = await openGateway();
    const [alice, bob] = [await gone.session(), await gone.session({ token: 'bob' })];
    const streams = [
      await openStream(`${gone.origin}/mcp`, { headers: alice }),
      await openStream(`${gone.origin}/mcp`, { headers: bob }),
    ];
    const arrival = gone.router.arrival();
    const held = gone.post(call(1, 'hold'), { headers: alice });
    const reached = await arrival;
    gone.gateway.forget(({ agentId }) => agentId === 'alice');
    expect(await all(streams[0] as IncomingMessage)).toEqual([]);
    expect((await held).json.error.data.code).toBe('OUTCOME_UNKNOWN');
    expect(reached.signal.aborted).toBe(true);
    expect((await gone.post(ping, { headers: alice })).status).toBe(404);
    expect((await gone.post(ping, { headers: bob })).status).toBe(200);
    streams[1]?.destroy();
  });

  test('do not outlive their token on a stream', async () => {
    let wallMs = 0;
    await using timed = await openGateway({ wallMs: () => wallMs });
    const res = await openStream(`${timed.origin}/mcp`, { headers: await timed.session() });
    wallMs = Number.MAX_SAFE_INTEGER;
    timed.gateway.tick();
    expect(await all(res)).toEqual([]);
  });
});

describe('the HTTP+SSE transport of 2024-11-05', () => {
  test('answers on its one stream', async () => {
    const res = await openStream(`${open.origin}/sse`, {
      headers: { ...bearer('alice'), Accept: 'text/event-stream' },
    });
    const heard = events(res);
    const endpoint = (await heard.next()).value;
    expect(endpoint?.event).toBe('endpoint');
    const path = String(endpoint?.data);
    expect(path).toMatch(/^\/messages\?sessionId=\S+$/);

    expect((await open.post(call(0, 'echo'), { path })).status).toBe(202);
    expect(JSON.parse((await heard.next()).value?.data ?? '')).toMatchObject({ id: 0, error: { code: -32600 } });

    expect(await open.post(initialize('2024-11-05'), { path })).toMatchObject({ status: 202, text: '' });
    expect(JSON.parse((await heard.next()).value?.data ?? '').result.protocolVersion).toBe('2024-11-05');

    await open.post(call(1, 'progress'), { path });
    const messages = [1, 2, 3, 4].map(() => heard.next());
    expect((await Promise.all(messages)).map(({ value }) => JSON.parse(value?.data ?? '').id)).toEqual([
      undefined,
      undefined,
      undefined,
      1,
    ]);

    expect((await open.post(ping, { path, token: 'bob' })).status).toBe(404);
    const elsewhere = { 'Mcp-Session-Id': path.replace('/messages?sessionId=', '') };
    expect((await open.post(ping, { headers: elsewhere })).status).toBe(404);
    expect((await open.post('{', { path })).status).toBe(400);
    res.destroy();
    await until(async () => (await open.post(ping, { path })).status === 404);
  });
});
