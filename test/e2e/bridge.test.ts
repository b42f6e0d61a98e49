import { once } from 'node:events';
import { PassThrough } from 'node:stream';
import { createInterface } from 'node:readline';
import { afterEach, describe, expect, test } from 'vitest';
import { runBridge } from '../../node/gateway/index.ts';
import { auth, call, ENVELOPE, initialize, type Opened, openGateway } from '../support/echo-gateway.ts';
import { until } from '../support/until.ts';

interface Bridged {
  say(message: unknown): void;
  /** The next line, which must be JSON: stdout carries nothing else. */
  next(): Promise<any>;
  end(): Promise<void>;
  readonly input: PassThrough;
}

const ending: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const end of ending.splice(0).reverse()) await end();
});

async function gatewayAt(listen = '127.0.0.1:0'): Promise<Opened> {
  const open = await openGateway({ listen });
  ending.push(() => open.gateway.stop());
  return open;
}

function bridge(
  gateway: () => string | undefined,
  options: { waitMs?: number; token?: () => Promise<string> } = {},
): Bridged {
  const [input, output] = [new PassThrough(), new PassThrough()];
  const lines = createInterface({ input: output })[Symbol.asyncIterator]();
  const running = runBridge({
    input,
    output,
    readRunFile: () => {
      const url = gateway();
      return url === undefined ? undefined : { gateway: url };
    },
    token: options.token ?? (async () => 'alice'),
    waitMs: options.waitMs ?? 5_000,
  });
  const end = (): Promise<void> => {
    input.end();
    return running;
  };
  ending.push(end);
  return {
    input,
    say: (message) => input.write(`${typeof message === 'string' ? message : JSON.stringify(message)}\n`),
    next: async () => JSON.parse(String((await lines.next()).value)),
    end,
  };
}

/** Lists change until the bridge has told of it: when exactly its stream is open is not for the client to see. */
async function heard(open: Opened, on: { changed: Promise<unknown>; kind: 'tools' | 'prompts' }): Promise<void> {
  let told = false;
  void on.changed.then(() => {
    told = true;
  });
  await until(
    () => {
      open.router.change(on.kind);
      return told;
    },
    { intervalMs: 100 },
  );
}

const initialized = { jsonrpc: '2.0', method: 'notifications/initialized' };
const statelessCall = (id: number, name: string): object => call(id, name, { _meta: ENVELOPE });

describe('the stdio bridge', () => {
  test('carries a session: handshake, calls, progress, changes of lists', async () => {
    const open = await gatewayAt();
    const { say, next } = bridge(() => open.gateway.url);
    say(initialize('2024-11-05'));
    expect((await next()).result).toMatchObject({ protocolVersion: '2024-11-05', serverInfo: { name: 'village' } });
    say(initialized);
    say(call('a', 'echo'));
    expect(await next()).toEqual({ jsonrpc: '2.0', id: 'a', result: { content: [{ type: 'text', text: 'hi' }] } });
    say(call(2, 'progress', { _meta: { progressToken: 'p' } }));
    const seen = [await next(), await next(), await next(), await next()];
    expect(seen.map((message) => message.params?.progress ?? message.id)).toEqual([1, 2, 3, 2]);
    const changed = next();
    await heard(open, { changed, kind: 'tools' });
    expect((await changed).method).toBe('notifications/tools/list_changed');
  });

  test('serves a client that writes everything at once and closes its end', async () => {
    const open = await gatewayAt();
    const { input, next, end } = bridge(() => open.gateway.url);
    input.write(
      [initialize('2025-11-25'), initialized, call(1, 'echo'), call(2, 'echo')]
        .map((one) => JSON.stringify(one))
        .join('\n'),
    );
    const ended = end();
    const ids = [(await next()).id, (await next()).id, (await next()).id];
    expect(ids[0]).toBe(0);
    expect(ids.slice(1).sort()).toEqual([1, 2]);
    await ended;
    expect(open.gateway.sessionCount).toBe(0);
  });

  test('carries the stateless era, whose headers it writes from the body', async () => {
    const open = await gatewayAt();
    const { say, next } = bridge(() => open.gateway.url);
    say({ jsonrpc: '2.0', id: 1, method: 'server/discover', params: { _meta: ENVELOPE } });
    expect((await next()).result.supportedVersions[0]).toBe('2026-07-28');
    say({ jsonrpc: '2.0', id: 2, method: 'resources/read', params: { uri: 'file:///é\n', _meta: ENVELOPE } });
    expect((await next()).result.contents[0].uri).toBe('file:///é\n');
    say({
      jsonrpc: '2.0',
      id: 3,
      method: 'subscriptions/listen',
      params: { notifications: { toolsListChanged: true }, _meta: ENVELOPE },
    });
    expect((await next()).method).toBe('notifications/subscriptions/acknowledged');
    open.router.change('tools');
    expect(await next()).toMatchObject({
      method: 'notifications/tools/list_changed',
      params: { _meta: { 'io.modelcontextprotocol/subscriptionId': 3 } },
    });
    say({ jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: 3 } });
  });

  test('repeats in headers the arguments that a tool wants repeated, once it has seen that it does', async () => {
    const open = await gatewayAt();
    const { say, next } = bridge(() => open.gateway.url);
    for (const id of [1, 2]) {
      say(call(id, 'progress', { arguments: { where: { region: 'é' } }, _meta: ENVELOPE }));
      for (let step = 1; step <= 3; step++) await next();
      expect(await next()).toMatchObject({ id, result: { resultType: 'complete' } });
    }
    const asked = open.router.calls.map(({ request }) => request.method);
    expect(asked).toEqual(['tools/list', 'tools/call', 'tools/call']);
  });

  test('carries a question to the client and its answer back', async () => {
    const open = await gatewayAt();
    const { say, next } = bridge(() => open.gateway.url);
    say(initialize('2025-11-25', { roots: {} }));
    await next();
    say(call(1, 'ask', { arguments: { question: { method: 'roots/list' } } }));
    const question = await next();
    expect(question).toMatchObject({ method: 'roots/list', id: expect.stringMatching(/^v:/) });
    say({ jsonrpc: '2.0', id: question.id, result: { roots: [{ uri: 'file:///here' }] } });
    expect((await next()).result.structuredContent).toEqual({ result: { roots: [{ uri: 'file:///here' }] } });
  });

  test('answers many requests out of order, each under its own id', async () => {
    const open = await gatewayAt();
    const { say, next } = bridge(() => open.gateway.url);
    const arrival = open.router.arrival();
    say(statelessCall(1, 'hold'));
    await arrival;
    for (let id = 2; id <= 300; id += 1) say(statelessCall(id, 'echo'));
    const ids = new Set<number>();
    for (let id = 2; id <= 300; id += 1) ids.add((await next()).id);
    expect(ids.size).toBe(299);
    expect(ids.has(1)).toBe(false);
    open.router.release();
    expect((await next()).id).toBe(1);
  });

  test.each([
    ['session', (id: number) => call(id, 'hold')],
    ['stateless', (id: number) => statelessCall(id, 'hold')],
  ])('passes a cancellation on in the %s era, and no response follows', async (_era, held) => {
    const open = await gatewayAt();
    const { say, next } = bridge(() => open.gateway.url);
    say(initialize('2025-11-25'));
    await next();
    const arrival = open.router.arrival();
    say(held(7));
    const reached = await arrival;
    say({ jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: 7 } });
    await until(() => reached.signal.aborted);
    say(call(8, 'echo'));
    expect((await next()).id).toBe(8);
  });

  test.each([
    ['no JSON', '{"jsonrpc":', -32700],
    ['no message', '{"hello":1}', -32600],
    ['a number', '5', -32600],
    ['nesting without end', `${'['.repeat(100_000)}${']'.repeat(100_000)}`, -32600],
  ])('refuses %s and goes on', async (_what, line, code) => {
    const open = await gatewayAt();
    const { say, next } = bridge(() => open.gateway.url);
    say(line);
    expect((await next()).error.code).toBe(code);
    say('');
    say(statelessCall(1, 'echo'));
    expect((await next()).id).toBe(1);
  });

  test('a request that is nested too deeply is refused under its id: its client waits for no other answer', async () => {
    const open = await gatewayAt();
    const { say, next } = bridge(() => open.gateway.url);
    const deep = `${'['.repeat(200)}${']'.repeat(200)}`;
    say(`{"jsonrpc":"2.0","id":"deep","method":"tools/call","params":{"name":"echo","arguments":${deep}}}`);
    expect(await next()).toMatchObject({ id: 'deep', error: { code: -32600 } });
    say(`{"jsonrpc":"2.0","id":7,"result":{"deep":${deep}}}`);
    expect(await next()).toMatchObject({ id: null, error: { code: -32600 } });
  });

  test('refuses a line of 9 MiB and goes on', async () => {
    const open = await gatewayAt();
    const { say, next } = bridge(() => open.gateway.url);
    say(`{"a":"${'x'.repeat(9 * 1024 * 1024)}"}`);
    expect((await next()).error).toMatchObject({ code: -32008 });
    say(statelessCall(1, 'echo'));
    expect((await next()).id).toBe(1);
  });

  test('hands on the gateway’s refusals under the request’s own id', async () => {
    const open = await gatewayAt();
    const { say, next } = bridge(() => open.gateway.url);
    say(call(5, 'echo'));
    expect(await next()).toMatchObject({ id: 5, error: { code: -32600 } });
    say(statelessCall(6, 'limited'));
    expect(await next()).toMatchObject({ id: 6, error: { code: -32004, data: { retry_after_ms: 1500 } } });
  });
});

describe('a node that goes away', () => {
  test('and comes back is waited for, and its new session is invisible', async () => {
    let open = await gatewayAt();
    const { host } = new URL(open.origin);
    let url: string | undefined = open.gateway.url;
    const { say, next } = bridge(() => url);
    say(initialize('2025-06-18'));
    await next();
    say(initialized);
    say({ jsonrpc: '2.0', id: 'l', method: 'logging/setLevel', params: { level: 'debug' } });
    await next();

    await open.gateway.stop();
    url = undefined;
    say(call(1, 'echo'));
    open = await gatewayAt(host);
    url = open.gateway.url;
    const messages = [await next(), await next(), await next()];
    expect(messages.find(({ id }) => id === 1)?.result.content[0].text).toBe('hi');
    const told = messages.map(({ method }) => method).filter((method) => method !== undefined);
    expect(told.sort()).toEqual(['notifications/prompts/list_changed', 'notifications/tools/list_changed']);
    expect(open.gateway.sessionCount).toBe(1);

    const changed = next();
    await heard(open, { changed, kind: 'prompts' });
    expect((await changed).method).toBe('notifications/prompts/list_changed');
  });

  test('and comes back hears again of the resources the client subscribed to, which may have changed meanwhile', async () => {
    let open = await gatewayAt();
    const { host } = new URL(open.origin);
    const { say, next } = bridge(() => `http://${host}/mcp`);
    say(initialize('2025-06-18'));
    await next();
    for (const [id, method, uri] of [
      [1, 'resources/subscribe', 'test://kept'],
      [2, 'resources/subscribe', 'test://dropped'],
      [3, 'resources/unsubscribe', 'test://dropped'],
    ]) {
      say({ jsonrpc: '2.0', id, method, params: { uri } });
      await next();
    }
    await open.gateway.stop();
    open = await gatewayAt(host);
    say(call(4, 'echo'));
    const told: unknown[] = [];
    for (let message = await next(); message.id !== 4; message = await next()) {
      if (message.method === 'notifications/resources/updated') told.push(message.params.uri);
    }
    expect(told).toEqual(['test://kept']);
    expect([...open.router.interest.keys()]).toEqual(['test://kept']);
  });

  test('and comes back is listened to again, without a second acknowledgement', async () => {
    const first = await gatewayAt();
    const { host } = new URL(first.origin);
    const { say, next } = bridge(() => `http://${host}/mcp`);
    const notifications = { toolsListChanged: true };
    say({ jsonrpc: '2.0', id: 'L', method: 'subscriptions/listen', params: { notifications, _meta: ENVELOPE } });
    expect((await next()).method).toBe('notifications/subscriptions/acknowledged');
    await first.gateway.stop();
    const second = await gatewayAt(host);
    const changed = next();
    await heard(second, { changed, kind: 'tools' });
    expect((await changed).method).toBe('notifications/tools/list_changed');
    say({ jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: 'L' } });
  });

  test('on another port is found through its run file', async () => {
    const first = await gatewayAt();
    let url = first.gateway.url;
    const { say, next } = bridge(() => url);
    say(initialize('2025-11-25'));
    await next();
    await first.gateway.stop();
    const second = await gatewayAt();
    url = second.gateway.url;
    say({ jsonrpc: '2.0', id: 1, method: 'ping' });
    await until(async () => (await next()).id === 1);
  });

  test('for good is told to each request when its time is up', async () => {
    const { say, next } = bridge(() => undefined, { waitMs: 300 });
    say(statelessCall(1, 'echo'));
    say({ jsonrpc: '2.0', id: 2, method: 'ping' });
    for (const id of [(await next()).id, (await next()).id]) expect([1, 2]).toContain(id);
    const refused = bridge(() => 'http://127.0.0.1:9/mcp', { waitMs: 300 });
    refused.say(statelessCall(3, 'echo'));
    expect(await refused.next()).toMatchObject({
      id: 3,
      error: { code: -32011, data: { code: 'NODE_UNREACHABLE', retryable: true } },
    });
  });

  test('during a call leaves its outcome unknown, and the call is not made twice', async () => {
    const first = await gatewayAt();
    const { host } = new URL(first.origin);
    const { say, next } = bridge(() => `http://${host}/mcp`);
    const arrival = first.router.arrival();
    say(statelessCall(1, 'hold'));
    await arrival;
    await first.gateway.stop();
    const second = await gatewayAt(host);
    expect(await next()).toMatchObject({ id: 1, error: { code: -32007, data: { retryable: false } } });
    expect(second.router.calls).toHaveLength(0);
  });
});

describe('the token of the bridge', () => {
  const jwt = (name: string, iat: number, exp: number): string =>
    `x.${Buffer.from(JSON.stringify({ name, iat, exp })).toString('base64url')}.x`;

  test('is renewed once when it is refused', async () => {
    const open = await gatewayAt();
    const tokens = ['mallory', 'alice'];
    const { say, next } = bridge(() => open.gateway.url, { token: async () => tokens.shift() ?? 'mallory' });
    say(statelessCall(1, 'echo'));
    expect((await next()).result.content[0].text).toBe('hi');
    expect(tokens).toEqual([]);
  });

  test('that stays refused is told to the client', async () => {
    const open = await gatewayAt();
    const { say, next } = bridge(() => open.gateway.url, { token: async () => 'mallory' });
    say(statelessCall(1, 'echo'));
    expect(await next()).toMatchObject({ id: 1, error: { code: -32001 } });
  });

  test('that cannot be had is told to the client, without the reason’s words', async () => {
    const open = await gatewayAt();
    const { say, next } = bridge(() => open.gateway.url, { token: () => Promise.reject(new Error('/secret/path')) });
    say(statelessCall(1, 'echo'));
    const reply = await next();
    expect(reply).toMatchObject({ id: 1, error: { code: -32001 } });
    expect(JSON.stringify(reply)).not.toContain('secret');
  });

  test('is asked for again before it ends', async () => {
    const now = Math.floor(Date.now() / 1000);
    const minted: string[] = [];
    const accepting = { ...auth, verifyCached: () => auth.verifyCached('alice') };
    const open = await openGateway({ auth: accepting });
    ending.push(() => open.gateway.stop());
    const lives = [jwt('ends soon', now - 3600, now + 30), jwt('lasts', now, now + 3600)];
    const { say, next } = bridge(() => open.gateway.url, {
      token: async () => {
        minted.push('one');
        return lives[Math.min(minted.length, lives.length) - 1] as string;
      },
    });
    for (const id of [1, 2, 3]) {
      say(statelessCall(id, 'echo'));
      await next();
    }
    expect(minted).toHaveLength(2);
  });
});

test('the bridge ends when its output is gone, and with it what is in flight', async () => {
  const open = await gatewayAt();
  const [input, output] = [new PassThrough(), new PassThrough()];
  const running = runBridge({
    input,
    output,
    readRunFile: () => ({ gateway: open.gateway.url }),
    token: async () => 'alice',
  });
  const arrival = open.router.arrival();
  input.write(`${JSON.stringify(statelessCall(1, 'hold'))}\n`);
  const reached = await arrival;
  output.destroy();
  await once(output, 'close');
  await running;
  await until(() => reached.signal.aborted);
});
