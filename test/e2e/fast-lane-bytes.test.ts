import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { describe, expect, test } from 'vitest';
import { FastLane, type LaneDesk, type LaneResponse } from '../../node/gateway/fast-lane/index.ts';
import { auth, bearer, type Opened, openGateway, stateless } from '../support/echo-gateway.ts';
import { postBytes, RawClient } from '../support/raw-http.ts';

/** The bytes of a tools/call of echo that says `message`. */
function echo(to: Opened, message: string, token = 'alice'): string {
  const [body, { headers }] = stateless(1, 'tools/call', { name: 'echo', arguments: { message } });
  return postBytes('/mcp', { Host: new URL(to.origin).host, ...bearer(token), ...headers }, JSON.stringify(body));
}

const client = (to: Opened): Promise<RawClient> => RawClient.to(Number(new URL(to.origin).port));

async function said(by: RawClient): Promise<string> {
  return JSON.parse((await by.response()).body).result.content[0].text;
}

describe('all connections are read into one buffer, and', () => {
  test('the half of a request that came is kept while others are answered', async () => {
    await using open = await openGateway();
    using slow = await client(open);
    using other = await client(open);
    const bytes = echo(open, 'the slow one '.repeat(20));
    slow.send(bytes.slice(0, -200));
    for (let n = 0; n < 3; n += 1) {
      other.send(echo(open, 'another '.repeat(200)));
      expect(await said(other)).toBe('another '.repeat(200));
    }
    slow.send(bytes.slice(-200));
    expect(await said(slow)).toBe('the slow one '.repeat(20));
  });

  test('so is a request whose token takes time, until it is known good', async () => {
    const known = Promise.withResolvers<void>();
    await using open = await openGateway({ auth: { ...auth, verifyCached: slowly('carol'), verify: after(known) } });
    using waiting = await client(open);
    using other = await client(open);
    waiting.send(echo(open, 'who waited', 'carol') + echo(open, 'who came behind'));
    other.send(echo(open, 'another '.repeat(200), 'bob'));
    expect(await said(other)).toBe('another '.repeat(200));
    known.resolve();
    expect(await said(waiting)).toBe('who waited');
    expect(await said(waiting)).toBe('who came behind');
  });

  test('one whose token turns out bad is refused as it came, and what came behind it is not lost', async () => {
    const known = Promise.withResolvers<void>();
    await using open = await openGateway({ auth: { ...auth, verifyCached: slowly('mallory'), verify: after(known) } });
    using waiting = await client(open);
    using other = await client(open);
    waiting.send(echo(open, 'in vain', 'mallory') + echo(open, 'who came behind'));
    other.send(echo(open, 'another '.repeat(200), 'bob'));
    expect(await said(other)).toBe('another '.repeat(200));
    known.resolve();
    expect((await waiting.response()).status).toBe(401);
    expect(await said(waiting)).toBe('who came behind');
  });

  test('who has a connection after node:http and does not read it holds back its client', async () => {
    const server = createServer();
    const taken = Promise.withResolvers<Duplex>();
    server.on('upgrade', (_request, socket) => taken.resolve(socket));
    await using lane = await laneOf(() => {}, server);
    lane.client.send('GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: other\r\n\r\n');
    const socket = await taken.promise;
    try {
      const sent = 32 * 1024 * 1024;
      lane.client.socket.end(Buffer.alloc(sent, 'x'));
      for (let turn = 0; turn < 1_000; turn += 1) await new Promise(setImmediate); // each reads what has come
      expect(socket.readableLength).toBeLessThan(1024 * 1024);
      let read = 0;
      for await (const chunk of socket) read += (chunk as Buffer).length;
      expect(read).toBe(sent);
    } finally {
      socket.destroy();
    }
  });

  test('what node:http goes on with is what came', async () => {
    await using open = await openGateway();
    using leaving = await client(open);
    using other = await client(open);
    const { host } = new URL(open.origin);
    const get = `GET /healthz HTTP/1.1\r\nHost: ${host}\r\n\r\n`;
    for (let n = 0; n < 5; n += 1) {
      leaving.send(get + echo(open, 'behind a GET'));
      other.send(echo(open, 'another '.repeat(200)));
      expect(JSON.parse((await leaving.response()).body)).toEqual({ status: 'ok' });
      expect(await said(leaving)).toBe('behind a GET');
      expect(await said(other)).toBe('another '.repeat(200));
    }
  });
});

describe('replies of one turn are written together, and', () => {
  test('those of one connection keep their order, whole or in pieces', async () => {
    await using lane = await laneOf((response, number) => {
      if (number !== 2) return response.sendJson(`${number}`);
      response.writeHead(200, ['Content-Type', 'text/plain']);
      response.write('2');
      response.end();
    });
    lane.client.send(POST + POST + POST);
    await expect
      .poll(() => lane.client.text.match(/\r\n\r\n(1(?=H)|1\r\n2|3$)/g)?.map((one) => one.at(-1)))
      .toEqual(['1', '2', '3']);
  });

  test.each(['before', 'after'])('a reply is sent where the lane is stopped %s it in the same turn', async (when) => {
    await using lane = await laneOf((response) => {
      if (when === 'before') lane.stop();
      response.sendJson('"last"');
      if (when === 'after') lane.stop();
    });
    lane.client.send(POST);
    expect((await lane.client.response()).body).toBe('"last"');
    await expect.poll(() => lane.client.closed).toBe(true);
  });

  test('the reply before it is sent when the next one breaks its connection off', async () => {
    await using lane = await laneOf((response, number) => {
      if (number === 1) response.sendJson('"first"');
      else response.destroy();
    });
    lane.client.send(POST + POST);
    expect((await lane.client.response()).body).toBe('"first"');
    await expect.poll(() => lane.client.closed).toBe(true);
  });

  test('all arrive, however many there are', async () => {
    await using lane = await laneOf((response, number) => response.sendJson(`${number}`));
    lane.client.send(POST.repeat(50));
    for (let number = 1; number <= 50; number += 1) expect((await lane.client.response()).body).toBe(`${number}`);
  });
});

const POST = postBytes('/mcp', { Host: 'x' }, '{}');

/** A lane of its own, whose n-th request `answer` answers. */
async function laneOf(answer: (response: LaneResponse, number: number) => void, server = createServer()) {
  let served = 0;
  const desk: LaneDesk<true> = {
    admit: () => true,
    serve: (_admitted, { response }) => {
      answer(response, (served += 1));
      return true;
    },
  };
  const lane = new FastLane(server, desk, { keepAliveTimeoutMs: 5_000, lookAfterMs: 1_000, toHttp: () => {} });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  lane.start();
  const own = await RawClient.to((server.address() as AddressInfo).port);
  return {
    client: own,
    stop: () => lane.stop(),
    async [Symbol.asyncDispose]() {
      own[Symbol.dispose]();
      lane.stop();
      lane.cut();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** Nothing is known of this token at once. */
function slowly(slow: string): typeof auth.verifyCached {
  return (token) => (token === slow ? undefined : auth.verifyCached(token));
}

function after({ promise }: PromiseWithResolvers<void>): typeof auth.verify {
  return async (token) => {
    await promise;
    return auth.verify(token);
  };
}
