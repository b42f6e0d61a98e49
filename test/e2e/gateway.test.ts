import { connect } from 'node:net';
import { once } from 'node:events';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Gateway, GatewayError } from '../../node/gateway/index.ts';
import {
  auth,
  bearer,
  call,
  initialize,
  JSON_TYPE,
  type Opened,
  openGateway,
  stateless,
} from '../support/echo-gateway.ts';
import { EchoRouter } from '../support/echo-router.ts';
import { send } from '../support/http.ts';
import { until } from '../support/until.ts';

let open: Opened;
beforeAll(async () => {
  open = await openGateway({ allowedOrigins: ['https://inspector.example'], allowedHosts: ['village.test'] });
});
afterAll(() => open.gateway.stop());

const ping = { jsonrpc: '2.0', id: 1, method: 'ping' };

describe('before anything is read', () => {
  test.each(['/mcp', '/mcp/echo', '/sse', '/messages?sessionId=x'])(
    '%s without a token is 401 and says where to get one',
    async (path) => {
      const reply = await send(open.origin + path, { method: path === '/sse' ? 'GET' : 'POST', headers: JSON_TYPE });
      expect(reply.status).toBe(401);
      expect(reply.json.error).toMatchObject({ code: -32001, data: { code: 'UNAUTHENTICATED', retryable: false } });
      const bare = path.split('?')[0];
      expect(reply.headers['www-authenticate']).toBe(
        `Bearer resource_metadata="${open.origin}/.well-known/oauth-protected-resource${bare}"`,
      );
    },
  );

  test('a wrong token is 401, named invalid, and the claim is named', async () => {
    const reply = await open.post(ping, { token: 'mallory' });
    expect(reply.status).toBe(401);
    expect(reply.headers['www-authenticate']).toContain('error="invalid_token"');
    expect(reply.json.error.message).toContain('exp');
    expect(open.router.refusals.at(-1)).toMatchObject({ stage: 'authenticate', reason: 'exp' });
  });

  test('a token anywhere but in the Authorization header is none', async () => {
    for (const url of [`${open.origin}/mcp?access_token=alice`, `${open.origin}/mcp?token=alice`]) {
      const headers = { ...JSON_TYPE, Cookie: 'token=alice' };
      expect((await send(url, { method: 'POST', headers, body: JSON.stringify(ping) })).status).toBe(401);
    }
    const basic = await open.post(ping, { headers: { Authorization: 'Basic alice' } });
    expect(basic.status).toBe(401);
  });

  test('a token seen for the first time is verified and good', async () => {
    expect((await open.post(initialize('2025-11-25'), { token: 'carol' })).status).toBe(200);
  });

  test.each([
    ['a foreign Host', { Host: 'evil.example' }],
    ['a foreign Host with our port', { Host: 'evil.example:80' }],
    ['a foreign Origin', { Origin: 'http://evil.example' }],
    ['an Origin of null', { Origin: 'null' }],
    ['our name on another port', { Origin: 'http://localhost:1' }],
  ])('%s is 403, and the router hears of it', async (_what, headers) => {
    const before = open.router.refusals.length;
    const reply = await open.post(initialize('2025-11-25'), { headers });
    expect(reply.status).toBe(403);
    expect(open.router.refusals.slice(before)).toMatchObject([{ stage: 'origin' }]);
  });

  test('our own names, and those configured, are let in', async () => {
    const { port } = new URL(open.origin);
    for (const headers of [
      { Host: `localhost:${port}`, Origin: `http://localhost:${port}` },
      { Host: `[::1]:${port}` },
      { Host: `LOCALHOST:${port}` },
      { Host: 'village.test' },
      { Origin: 'https://inspector.example' },
    ]) {
      expect((await open.post(initialize('2025-11-25'), { headers })).status, JSON.stringify(headers)).toBe(200);
    }
  });

  test('a page of a configured origin may read answers, and its browser is told so beforehand', async () => {
    const headers = {
      Origin: 'https://inspector.example',
      'Access-Control-Request-Headers': 'authorization, content-type',
    };
    const preflight = await send(`${open.origin}/mcp`, { method: 'OPTIONS', headers });
    expect(preflight.status).toBe(204);
    expect(preflight.headers['access-control-allow-headers']).toBe('authorization, content-type');
    const reply = await open.post(initialize('2025-11-25'), { headers: { Origin: 'https://inspector.example' } });
    expect(reply.headers['access-control-allow-origin']).toBe('https://inspector.example');
    expect((await open.post(initialize('2025-11-25'))).headers['access-control-allow-origin']).toBeUndefined();
  });

  test('a source over its limit is 429 and told when to come again', async () => {
    await using limited = await openGateway({ limiter: { source: () => 2500 } });
    const reply = await limited.post(ping);
    expect(reply.status).toBe(429);
    expect(reply.headers['retry-after']).toBe('3');
    expect(reply.json.error).toMatchObject({
      code: -32004,
      data: { code: 'RATE_LIMITED', retryable: true, retry_after_ms: 2500 },
    });
  });
});

describe('a POST', () => {
  test.each([[undefined], ['application/json'], ['text/event-stream'], ['text/html']])(
    'that accepts %s is 406',
    async (accept) => {
      const { Accept: _, ...headers } = bearer('alice');
      const given = accept === undefined ? headers : { ...headers, Accept: accept };
      const reply = await send(`${open.origin}/mcp`, { method: 'POST', headers: given, body: JSON.stringify(ping) });
      expect(reply.status).toBe(406);
    },
  );

  test.each(['text/plain', 'application/jsonp', 'application/x-www-form-urlencoded'])('of %s is 415', async (type) => {
    expect((await open.post(ping, { headers: { 'Content-Type': type } })).status).toBe(415);
  });

  test('with a charset is JSON all the same', async () => {
    const reply = await open.post(initialize('2025-11-25'), {
      headers: { 'Content-Type': 'application/json; charset=utf-8' },
    });
    expect(reply.status).toBe(200);
  });

  test.each([
    ['half a message', '{"jsonrpc":"2.0","id":1,'],
    ['nothing', ''],
    ['text', 'hello'],
    ['a trailing comma', '{"jsonrpc":"2.0","id":1,"method":"ping",}'],
    ['a byte order mark', '\ufeff{"jsonrpc":"2.0","id":1,"method":"ping"}'],
    ['bytes that are no UTF-8', Buffer.from([0x7b, 0xff, 0xfe, 0x7d])],
    ['UTF-8 that is broken inside a string', Buffer.from('{"jsonrpc":"2.0","id":"\xff","method":"ping"}', 'latin1')],
  ])('of %s is a parse error', async (_what, body) => {
    const reply = await open.post(body);
    expect(reply.status).toBe(400);
    expect(reply.json).toMatchObject({ jsonrpc: '2.0', id: null, error: { code: -32700 } });
  });

  test.each([
    ['a number', '7', null],
    ['wrong types', '{"jsonrpc":"2.0","id":{"a":1},"method":["ping"]}', null],
    ['params in an array', '{"jsonrpc":"2.0","id":3,"method":"tools/call","params":["echo"]}', 3],
    ['an empty batch', '[]', null],
  ])('of %s is an invalid request', async (_what, body, id) => {
    const reply = await open.post(body);
    expect(reply.status).toBe(400);
    expect(reply.json).toMatchObject({ id, error: { code: -32600, data: { code: 'INVALID_REQUEST' } } });
  });

  test('of 5 MiB is 413, with its length told or not, and the node is unharmed', async () => {
    const big = `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"a":"${'x'.repeat(5 * 1024 * 1024)}"}}`;
    const told = await open.post(big);
    expect(told.status).toBe(413);
    expect(told.json.error).toMatchObject({ code: -32008, data: { code: 'TOO_LARGE' } });
    const untold = await open.post(big, { headers: { 'Transfer-Encoding': 'chunked' } });
    expect(untold.status).toBe(413);
    expect((await open.post(initialize('2025-11-25'))).status).toBe(200);
  });

  test('of 20,000 names of members is 413, says what to do instead, and the connection goes on', async () => {
    const args = Object.fromEntries(Array.from({ length: 20_000 }, (_, at) => [`name ${at}`, at]));
    const params = { name: 'echo', arguments: args };
    const refused = await open.post(JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params }));
    expect(refused.status).toBe(413);
    expect(refused.json.error).toMatchObject({
      code: -32008,
      message: expect.stringContaining('16384 different names'),
      data: { code: 'TOO_LARGE' },
    });
    expect((await open.post(initialize('2025-11-25'))).status).toBe(200);
  });

  test('that claims a gigabyte is refused at once', async () => {
    const head = `POST /mcp HTTP/1.1\r\nHost: ${new URL(open.origin).host}\r\nAuthorization: Bearer alice\r\n`;
    const reply = await raw(
      `${head}Accept: ${JSON_TYPE.Accept}\r\nContent-Type: application/json\r\nContent-Length: 1073741824\r\n\r\n`,
    );
    expect(reply).toMatch(/^HTTP\/1.1 413 /);
  });

  test('that never ends is cut off, and others are served meanwhile', async () => {
    await using slow = await openGateway({ requestTimeoutMs: 300 });
    const head = `POST /mcp HTTP/1.1\r\nHost: ${new URL(slow.origin).host}\r\nAuthorization: Bearer alice\r\n`;
    const half = `${head}Accept: ${JSON_TYPE.Accept}\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{"json`;
    const cut = raw(half, slow.origin);
    expect((await slow.post(initialize('2025-11-25'))).status).toBe(200);
    expect(await cut).toMatch(/^HTTP\/1.1 408 /);
  });

  test.each(['Host', 'Authorization', 'Mcp-Session-Id'])(
    'with two %s headers is refused, whichever comes first',
    async (name) => {
      const { host } = new URL(open.origin);
      const once: Record<string, string> = { Host: host, Authorization: 'Bearer alice', 'Mcp-Session-Id': 'x' };
      const lines = Object.entries(once).map(([header, value]) => `${header}: ${value}`);
      for (const at of [0, lines.length]) {
        const doubled = lines.toSpliced(at, 0, `${name}: ${name === 'Host' ? 'evil.example' : 'other'}`);
        const reply = await raw(
          `GET /mcp HTTP/1.1\r\n${doubled.join('\r\n')}\r\nAccept: text/event-stream\r\nConnection: close\r\n\r\n`,
        );
        expect(reply).toMatch({ Host: /^HTTP\/1.1 400/, Authorization: /^HTTP\/1.1 401/ }[name] ?? /^HTTP\/1.1 404/);
      }
    },
  );

  test('with a head that has no end is 431', async () => {
    const reply = await raw(`GET /mcp HTTP/1.1\r\nHost: x\r\nX: ${'y'.repeat(20_000)}\r\n\r\n`);
    expect(reply).toMatch(/^HTTP\/1.1 431 /);
  });
});

/** Sends bytes as they are and gives what comes back until the other side closes. */
async function raw(bytes: string, origin = open.origin): Promise<string> {
  const socket = connect(Number(new URL(origin).port), '127.0.0.1');
  let text = '';
  socket.on('data', (chunk) => (text += String(chunk)));
  socket.on('error', () => {}); // a reset after the answer is fine: the answer is what counts
  socket.write(bytes);
  await once(socket, 'close');
  return text;
}

describe('other paths and methods', () => {
  test.each(['/', '/metrics', '/mcp/', '/mcp/a/b', '/mcp/..%2f', '/MCP', '/.well-known/oauth-protected-resource/x'])(
    '%s is 404 in JSON',
    async (path) => {
      const reply = await send(open.origin + path, { headers: bearer('alice') });
      expect(reply.status).toBe(404);
      expect(reply.json.error.data.code).toBe('NOT_FOUND');
    },
  );

  test.each([
    ['PUT', '/mcp', 'GET, POST, DELETE'],
    ['PATCH', '/mcp/echo', 'GET, POST, DELETE'],
    ['POST', '/sse', 'GET'],
    ['GET', '/messages', 'POST'],
    ['POST', '/healthz', 'GET'],
    ['GET', '/oauth/token', 'POST'],
  ])('%s %s is 405 and says what is allowed', async (method, path, allow) => {
    const reply = await send(open.origin + path, { method, headers: bearer('alice') });
    expect(reply.status).toBe(405);
    expect(reply.headers.allow).toBe(allow);
  });

  test('health, version and the OAuth documents need no token', async () => {
    const at = (path: string): Promise<unknown> => send(open.origin + path).then(({ status, json }) => [status, json]);
    expect(await at('/healthz')).toEqual([200, { status: 'ok' }]);
    expect(await at('/readyz')).toEqual([200, { status: 'ready' }]);
    expect(await at('/version')).toEqual([200, { name: 'village', version: '0.0.0' }]);
    expect(await at('/oauth/jwks')).toEqual([200, { keys: [] }]);
    expect(await at('/.well-known/oauth-authorization-server')).toEqual([200, { issuer: open.origin }]);
    for (const [path, resource] of [
      ['', '/mcp'],
      ['/mcp', '/mcp'],
      ['/mcp/everything', '/mcp/everything'],
    ]) {
      const document = await at(`/.well-known/oauth-protected-resource${path}`);
      expect(document).toEqual([200, { resource: open.origin + resource }]);
    }
  });

  test('a node that is not ready says so', async () => {
    await using early = await openGateway({ ready: () => false });
    expect((await send(`${early.origin}/readyz`)).status).toBe(503);
    expect((await send(`${early.origin}/healthz`)).status).toBe(200);
  });

  test('the token endpoint takes a form, and nothing of it is cached', async () => {
    const headers = { 'Content-Type': 'application/x-www-form-urlencoded' };
    const url = `${open.origin}/oauth/token`;
    const good = await send(url, { method: 'POST', headers, body: 'grant_type=client_credentials' });
    expect(good.json).toEqual({ access_token: 'alice', token_endpoint: url });
    expect(good.headers['cache-control']).toBe('no-store');
    expect((await send(url, { method: 'POST', headers, body: 'grant_type=password' })).status).toBe(400);
    expect((await send(url, { method: 'POST', headers: JSON_TYPE, body: '{}' })).status).toBe(415);
    expect((await send(url, { method: 'POST', headers, body: 'a'.repeat(70_000) })).status).toBe(413);
  });
});

describe('starting and stopping', () => {
  const options = { ...unlistened(), listen: '0.0.0.0:0' };

  test('an address that others can reach is refused unless it is meant', () => {
    expect(() => new Gateway(options)).toThrow(GatewayError);
    expect(() => new Gateway({ ...options, listen: '[::]:0' })).toThrow(
      expect.objectContaining({ code: 'GATEWAY_INSECURE_BIND' }),
    );
    expect(() => new Gateway({ ...options, insecureBind: true })).not.toThrow();
  });

  test('a taken address says so', async () => {
    const taken = new Gateway({ ...options, listen: new URL(open.origin).host });
    await expect(taken.start()).rejects.toMatchObject({
      code: 'GATEWAY_ADDRESS_IN_USE',
      hint: expect.stringContaining('--gateway'),
    });
  });

  test('stopping does not wait for connections that ask nothing', async () => {
    const closing = await openGateway();
    const silent = connect(Number(new URL(closing.origin).port), '127.0.0.1');
    await once(silent, 'connect');
    expect((await send(`${closing.origin}/healthz`)).status).toBe(200);
    const startedAt = performance.now();
    await closing.gateway.stop();
    expect(performance.now() - startedAt).toBeLessThan(1_000);
    silent.destroy();
  });

  test('stopping closes a kept connection as soon as its call is answered', async () => {
    const closing = await openGateway();
    const [message, { headers }] = stateless(1, 'tools/call', { name: 'hold' });
    const body = JSON.stringify(message);
    const lines = {
      ...bearer('alice'),
      ...headers,
      Host: new URL(closing.origin).host,
      'Content-Length': String(body.length),
    };
    const head = Object.entries(lines).map(([name, value]) => `${name}: ${value}\r\n`);
    const arrival = closing.router.arrival();
    const answered = raw(`POST /mcp HTTP/1.1\r\n${head.join('')}\r\n${body}`, closing.origin);
    await arrival;
    const startedAt = performance.now();
    const stopped = closing.gateway.stop();
    closing.router.release();
    expect(await answered).toContain('released');
    await stopped;
    expect(performance.now() - startedAt).toBeLessThan(1_500);
  });

  test('stopping lets a call in flight finish, and takes no new one', async () => {
    const closing = await openGateway();
    const headers = await closing.session();
    const arrival = closing.router.arrival();
    const held = closing.post(call(1, 'hold'), { headers });
    await arrival;
    const stopped = closing.gateway.stop();
    await expect(closing.post(ping, { headers })).rejects.toThrow();
    closing.router.release();
    expect((await held).json.result.content[0].text).toBe('released');
    await stopped;
  });

  test('stopping cuts what does not finish within 3 s, and tells it to stop', async () => {
    const closing = await openGateway();
    const headers = await closing.session();
    const arrival = closing.router.arrival();
    const held = closing.post(call(1, 'hold'), { headers });
    await arrival;
    const startedAt = performance.now();
    await closing.gateway.stop();
    expect(performance.now() - startedAt).toBeLessThan(4_000);
    expect((await held).json).toMatchObject({ id: 1, error: { code: -32007 } });
    await until(() => closing.router.aborted.length === 1);
  });
});

function unlistened(): ConstructorParameters<typeof Gateway>[0] {
  return {
    listen: '127.0.0.1:0',
    insecureBind: false,
    allowedHosts: [],
    allowedOrigins: [],
    router: new EchoRouter(),
    auth,
    limiter: { source: () => 0 },
    limits: { maxBodyBytes: 1024, maxSessions: 1, sessionIdleMs: 1, maxInFlight: 1 },
    serverInfo: { name: 'village', version: '0' },
    build: {},
    ready: () => true,
  };
}
