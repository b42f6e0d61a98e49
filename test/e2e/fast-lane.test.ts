import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { FastLane, type LaneDesk, type LaneResponse } from '../../node/gateway/fast-lane/index.ts';
import { auth, bearer, call, initialize, type Opened, openGateway, stateless } from '../support/echo-gateway.ts';
import { postBytes, RawClient } from '../support/raw-http.ts';
import { until } from '../support/until.ts';

let open: Opened;
beforeAll(async () => {
  open = await openGateway();
});
afterAll(() => open.gateway.stop());

const portOf = ({ origin }: Opened): number => Number(new URL(origin).port);

/** The bytes of a stateless tools/call on `to`. */
function callBytes(id: number, tool: string, options: { to?: Opened; token?: string; args?: object } = {}): string {
  const { to = open, token = 'alice', args = {} } = options;
  const [message, { headers }] = stateless(id, 'tools/call', { name: tool, arguments: { message: `m${id}`, ...args } });
  return postBytes('/mcp', { Host: new URL(to.origin).host, ...bearer(token), ...headers }, JSON.stringify(message));
}

describe('a connection of plain POSTs', () => {
  test('is answered call after call, each with its own result', async () => {
    using client = await RawClient.to(portOf(open));
    for (let id = 1; id <= 5; id += 1) {
      client.send(callBytes(id, 'echo'));
      const { status, head, body } = await client.response();
      expect(status).toBe(200);
      expect(head).toMatch(/content-type: application\/json/i);
      expect(head).toMatch(/date: .* GMT/i);
      expect(JSON.parse(body)).toMatchObject({ id, result: { content: [{ text: `m${id}` }] } });
    }
  });

  test('answers requests sent ahead in their order, however long the first takes', async () => {
    using client = await RawClient.to(portOf(open));
    const arrival = open.router.arrival();
    client.send(callBytes(1, 'hold') + callBytes(2, 'echo') + callBytes(3, 'echo'));
    await arrival;
    client.send(callBytes(4, 'echo'));
    expect(client.text).toBe('');
    open.router.release();
    for (const id of [1, 2, 3, 4]) expect(JSON.parse((await client.response()).body).id).toBe(id);
  });

  test('waits for the rest of a request that comes in pieces', async () => {
    using client = await RawClient.to(portOf(open));
    const bytes = callBytes(7, 'echo', { args: { message: 'häß'.repeat(50) } });
    const raw = Buffer.from(bytes);
    for (let at = 0; at < raw.length; at += 100) {
      client.send(raw.subarray(at, at + 100));
      await new Promise((resolve) => setImmediate(resolve));
    }
    const { body } = await client.response();
    expect(JSON.parse(Buffer.from(body, 'latin1').toString()).result.content[0].text).toBe('häß'.repeat(50));
  });

  test('carries a large answer whole, and the next one behind it', async () => {
    using client = await RawClient.to(portOf(open));
    const message = 'x'.repeat(200_000);
    client.send(callBytes(1, 'echo', { args: { message } }) + callBytes(2, 'echo'));
    expect(JSON.parse((await client.response()).body).result.content[0].text).toBe(message);
    expect(JSON.parse((await client.response()).body).id).toBe(2);
  });

  test('becomes an event stream where there is progress, and is good for the next call after it', async () => {
    using client = await RawClient.to(portOf(open));
    const [message, { headers }] = stateless(1, 'tools/call', { name: 'progress', arguments: { message: 'p' } });
    const all = { Host: new URL(open.origin).host, ...bearer('alice'), ...headers };
    client.send(postBytes('/mcp', all, JSON.stringify(message)));
    await until(() => client.text.endsWith('0\r\n\r\n'));
    expect(client.text).toMatch(/^HTTP\/1.1 200 OK\r\nContent-Type: text\/event-stream\r\n/);
    expect(client.text).toMatch(/transfer-encoding: chunked/i);
    expect(client.text.match(/notifications\/progress/g)).toHaveLength(3);
    const before = client.text.length;
    client.send(callBytes(2, 'echo'));
    await until(() => client.text.length > before && client.text.endsWith('}'));
    expect(client.text.slice(before)).toContain('"m2"');
  });

  test('is answered by node:http from the first request on that is not plain, and nothing is lost', async () => {
    using client = await RawClient.to(portOf(open));
    const { host } = new URL(open.origin);
    client.send(`${callBytes(1, 'echo')}GET /healthz HTTP/1.1\r\nHost: ${host}\r\n\r\n${callBytes(2, 'echo')}`);
    expect(JSON.parse((await client.response()).body).id).toBe(1);
    expect(JSON.parse((await client.response()).body)).toEqual({ status: 'ok' });
    expect(JSON.parse((await client.response()).body).id).toBe(2);
  });

  test('serves sessions, whose refusals are worded as ever', async () => {
    using client = await RawClient.to(portOf(open));
    const headers = { Host: new URL(open.origin).host, ...bearer('alice') };
    client.send(postBytes('/mcp', headers, JSON.stringify(initialize('2025-11-25'))));
    const { head } = await client.response();
    const session = /mcp-session-id: (\S+)/i.exec(head)?.[1] ?? '';
    client.send(postBytes('/mcp', { ...headers, 'Mcp-Session-Id': session }, JSON.stringify(call(1, 'echo'))));
    expect(JSON.parse((await client.response()).body).result.content).toHaveLength(1);
    client.send(
      postBytes(
        '/mcp',
        { ...headers, 'Mcp-Session-Id': session },
        '{"jsonrpc":"2.0","method":"notifications/initialized"}',
      ),
    );
    expect((await client.response()).status).toBe(202);
    client.send(postBytes('/mcp', { ...headers, 'Mcp-Session-Id': 'other' }, JSON.stringify(call(2, 'echo'))));
    expect((await client.response()).status).toBe(404);
    client.send(postBytes('/mcp', { ...headers, 'Mcp-Session-Id': session }, '{"jsonrpc":'));
    expect((await client.response()).status).toBe(400);
    client.send(postBytes('/mcp', { ...headers, 'Mcp-Session-Id': session }, '{"jsonrpc":"2.0","id":"\xff"}'));
    expect((await client.response()).status).toBe(400);
  });
});

describe('each request on it', () => {
  test('is checked for its token anew: one taken back between two requests is refused', async () => {
    const good = new Set(['alice']);
    const verifyCached: typeof auth.verifyCached = (token) => (good.has(token) ? auth.verifyCached(token) : undefined);
    await using own = await openGateway({ auth: { ...auth, verifyCached } });
    using client = await RawClient.to(portOf(own));
    client.send(callBytes(1, 'echo', { to: own }));
    expect((await client.response()).status).toBe(200);
    good.clear();
    client.send(callBytes(1, 'echo', { to: own }));
    const refused = await client.response();
    expect(refused.status).toBe(401);
    expect(refused.head).toMatch(/www-authenticate: Bearer/i);
    expect(own.router.refusals).toMatchObject([{ stage: 'authenticate' }]);
  });

  test('speaks for whom its own token names, not for whom the one before did', async () => {
    using client = await RawClient.to(portOf(open));
    const before = open.router.calls.length;
    for (const token of ['alice', 'bob', 'alice', 'carol']) {
      client.send(callBytes(1, 'echo', { token }));
      expect((await client.response()).status).toBe(200);
    }
    const spoke = open.router.calls.slice(before).map(({ principal }) => principal.agentId);
    expect(spoke).toEqual(['alice', 'bob', 'alice', 'carol']);
  });

  test('counts against the limit of its source, and is refused there once', async () => {
    let left = 2;
    const source = (): number => ((left -= 1) >= 0 ? 0 : 1000);
    await using own = await openGateway({ limiter: { source } });
    using client = await RawClient.to(portOf(own));
    for (const status of [200, 200, 429]) {
      client.send(callBytes(1, 'echo', { to: own }));
      expect((await client.response()).status).toBe(status);
    }
    expect(own.router.refusals).toMatchObject([{ stage: 'source', reason: 'RATE_LIMITED' }]);
  });

  test.each([
    ['a foreign Host', { Host: 'evil.example' }, 403],
    ['a foreign Origin', { Origin: 'http://evil.example' }, 403],
    ['no token', { Authorization: 'Basic alice' }, 401],
    ['a wrong token', { Authorization: 'Bearer mallory' }, 401],
    ['another type', { 'Content-Type': 'text/plain' }, 415],
    ['one answer type', { Accept: 'application/json' }, 406],
  ])('with %s is refused, behind a good one on the same connection', async (_what, headers, status) => {
    using client = await RawClient.to(portOf(open));
    client.send(callBytes(1, 'echo'));
    expect((await client.response()).status).toBe(200);
    const all = { Host: new URL(open.origin).host, ...bearer('alice'), ...headers };
    client.send(postBytes('/mcp', all, JSON.stringify(call(1, 'echo'))));
    expect((await client.response()).status).toBe(status);
  });

  test('is cancelled when its client goes away', async () => {
    const client = await RawClient.to(portOf(open));
    const arrival = open.router.arrival();
    client.send(callBytes(1, 'hold'));
    const held = await arrival;
    expect(held.signal.aborted).toBe(false);
    client.socket.destroy();
    await until(() => held.signal.aborted);
  });
});

describe('a client that is slow', () => {
  test('to send its request is cut off by the deadline of requests', async () => {
    await using slow = await openGateway({ requestTimeoutMs: 200 });
    using client = await RawClient.to(portOf(slow));
    client.send(callBytes(1, 'echo', { to: slow }).slice(0, -5));
    await until(() => client.closed, { timeoutMs: 3_000 });
    expect(client.text).toMatch(/^HTTP\/1.1 408 /);
  });

  test('to ask anything at all is cut off too', async () => {
    await using slow = await openGateway({ requestTimeoutMs: 200 });
    using client = await RawClient.to(portOf(slow));
    await until(() => client.closed, { timeoutMs: 3_000 });
  });

  test('to read its answers is read no further until it does', async () => {
    using client = await RawClient.to(portOf(open));
    client.socket.pause();
    const before = open.router.calls.length;
    const one = callBytes(1, 'echo', { args: { message: 'x'.repeat(100_000) } });
    for (let n = 0; n < 300; n += 1) client.send(one);
    let seen = -1;
    await until(
      () => {
        const still = open.router.calls.length === seen;
        seen = open.router.calls.length;
        return still;
      },
      { intervalMs: 200 },
    );
    expect(seen - before).toBeLessThan(290);
    client.socket.resume();
    await until(() => open.router.calls.length - before === 300);
  });
});

describe('on its own', () => {
  test('an idle connection is closed after the time it may be kept, and one that is used is not', async () => {
    const server = createServer();
    const responses: LaneResponse[] = [];
    const desk: LaneDesk<true> = {
      admit: () => true,
      serve: (_admitted, { response }) => {
        responses.push(response);
        response.sendJson('{}');
        return true;
      },
    };
    const lane = new FastLane(server, desk, { keepAliveTimeoutMs: 100, lookAfterMs: 20, toHttp: () => {} });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    lane.start();
    const { port } = server.address() as AddressInfo;
    using idle = await RawClient.to(port);
    using used = await RawClient.to(port);
    idle.send(postBytes('/mcp', { Host: 'x' }, '{}'));
    const use = (): void => used.send(postBytes('/mcp', { Host: 'x' }, '{}'));
    use();
    const again = setInterval(use, 20);
    await until(() => idle.closed);
    clearInterval(again);
    expect(idle.statuses).toEqual([200]);
    expect(used.closed).toBe(false);
    expect(responses.length).toBeGreaterThan(2);
    lane.stop();
    await until(() => used.closed);
    server.close();
  });
});
