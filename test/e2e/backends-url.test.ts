import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { HostedServer } from '../../node/backends/index.ts';
import { ServerConfig } from '../../node/config/schema.ts';
import { ask, callTool, healthy, host } from '../support/hosting.ts';
import { until } from '../support/until.ts';

const SERVERS = join(import.meta.dirname, '../fixtures/servers');
const running: ChildProcess[] = [];

/** Starts a fixture that prints its port, and answers that. */
async function start(file: string, ...args: string[]): Promise<{ process: ChildProcess; port: number }> {
  const process_ = spawn(process.execPath, [join(SERVERS, file), ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
  running.push(process_);
  const lines = createInterface({ input: process_.stdout as NodeJS.ReadableStream });
  const [line] = (await once(lines, 'line', { signal: AbortSignal.timeout(10_000) })) as [string];
  return { process: process_, port: Number(line) };
}

function at(port: number, mode: string, more: Record<string, unknown> = {}): ServerConfig {
  return ServerConfig.parse({ url: `http://127.0.0.1:${port}/${mode}`, ...more });
}

const down = (server: HostedServer): boolean => server.state().state === 'down';

afterEach(() => {
  for (const child of running.splice(0)) child.kill('SIGKILL');
});

describe('a URL server', () => {
  let port: number;
  let fixture: ChildProcess;
  beforeEach(async () => {
    ({ port, process: fixture } = await start('tiny-http.mjs'));
  });

  test('of the session era is spoken to in a session, with the configured headers and no others of ours', async () => {
    const headers = { authorization: 'Bearer configured', 'Mcp-Session-Id': 'forged', Accept: 'x/y' };
    await using hosted = await host({ a: at(port, 'session', { headers }) });
    const server = await hosted.until('a', healthy);
    expect((await callTool(server, 'echo', { region: 'eu' })).text).toBe('{"region":"eu"}');
    const seen = JSON.parse((await callTool(server, 'seen')).text);
    const call = seen.filter((one: { rpc?: string }) => one.rpc === 'tools/call')[0];
    expect(call.headers).toMatchObject({
      authorization: 'Bearer configured',
      'mcp-session-id': 's1',
      'mcp-protocol-version': '2025-06-18',
      accept: 'application/json, text/event-stream',
    });
    expect(seen.map((one: { rpc?: string }) => one.rpc).slice(0, 3)).toEqual([
      'server/discover',
      'initialize',
      'notifications/initialized',
    ]);
  });

  test('of the stateless era gets the headers that repeat the body', async () => {
    await using hosted = await host({ a: at(port, 'stateless') });
    const server = await hosted.until('a', healthy);
    await callTool(server, 'echo', { region: 'Zürich' });
    const seen = JSON.parse((await callTool(server, 'seen')).text);
    const call = seen.filter((one: { rpc?: string }) => one.rpc === 'tools/call')[0];
    expect(call.headers).toMatchObject({
      'mcp-protocol-version': '2026-07-28',
      'mcp-method': 'tools/call',
      'mcp-name': 'echo',
      'mcp-param-region': '=?base64?WsO8cmljaA==?=',
    });
    expect(call.headers['mcp-session-id']).toBeUndefined();
  });

  test.each(['session', 'session400'])(
    'that forgot the session is given a new one, unseen by the agent (%s)',
    async (mode) => {
      await using hosted = await host({ a: at(port, mode) });
      const server = await hosted.until('a', healthy);
      await callTool(server, 'forget');
      const answers = await Promise.all(['x', 'y', 'z'].map((region) => callTool(server, 'echo', { region })));
      expect(answers.map((answer) => answer.text)).toEqual(['{"region":"x"}', '{"region":"y"}', '{"region":"z"}']);
      const seen = JSON.parse((await callTool(server, 'seen')).text);
      expect(seen.filter((one: { rpc?: string }) => one.rpc === 'initialize')).toHaveLength(2);
    },
  );

  test('passes progress and log lines of a call to its caller, before the answer', async () => {
    await using hosted = await host({ a: at(port, 'session') });
    const server = await hosted.until('a', healthy);
    const heard: unknown[] = [];
    const onRelated = (message: Record<string, unknown>): void => void heard.push(message['params']);
    const answer = await callTool(server, 'slow', { ms: 20, name: 'n' }, { progressToken: 'mine', onRelated });
    expect(heard).toEqual([
      { progressToken: 'mine', progress: 1 },
      { level: 'info', data: 'n' },
    ]);
    expect(answer.text).toBe('n');
  });

  test('is told of a cancelled call: by a notification in a session, by the end of the stream without', async () => {
    await using hosted = await host({ s: at(port, 'session'), n: at(port, 'stateless') });
    for (const alias of ['s', 'n']) {
      const server = await hosted.until(alias, healthy);
      const cancel = new AbortController();
      const onRelated = (): void => cancel.abort();
      const answer = await callTool(
        server,
        'slow',
        { ms: 60_000, name: alias },
        { progressToken: 1, signal: cancel.signal, onRelated },
      );
      expect(answer.reply).toMatchObject({ outcome: 'unknown', reason: 'OUTCOME_UNKNOWN' });
    }
    const told = async (): Promise<{ rpc?: string; closed?: string }[]> =>
      JSON.parse((await callTool(hosted.server('s'), 'seen')).text);
    const deadline = performance.now() + 5_000;
    let seen = await told();
    while (seen.filter((one) => one.closed !== undefined).length < 2 && performance.now() < deadline)
      seen = await told();
    expect(seen.filter((one) => one.rpc === 'notifications/cancelled')).toHaveLength(1);
    expect(seen.filter((one) => one.closed !== undefined).map((one) => one.closed)).toEqual(['s', 'n']);
  });

  test('that answers too much, or breaks off, harms only that call', async () => {
    await using hosted = await host({ a: at(port, 'session') });
    const server = await hosted.until('a', healthy);
    expect((await callTool(server, 'big', { bytes: 9 * 1024 * 1024 })).error.code).toBe(-32008);
    const dropped = await callTool(server, 'drop');
    expect(dropped.error).toMatchObject({ code: -32007, data: { code: 'OUTCOME_UNKNOWN' } });
    expect((await callTool(server, 'echo', {})).text).toBe('{}');
    expect(server.state().state).toBe('healthy');
  });

  test.each([
    ['moved', /307.*redirects are not followed/],
    ['locked', /401.*headers/],
  ])('that is %s is down and says what to do', async (mode, problem) => {
    await using hosted = await host({ a: at(port, mode, { headers: { authorization: 'Bearer s3cret' } }) });
    const server = await hosted.until('a', down);
    expect(server.state().problem).toMatch(problem);
    expect(JSON.stringify(hosted.reported)).not.toContain('s3cret');
  });

  test('that went away is down within moments, and healthy again when it is back', async () => {
    await using hosted = await host({ a: at(port, 'session') });
    const server = await hosted.until('a', healthy);
    fixture.kill('SIGKILL');
    await once(fixture, 'exit');
    const answer = await callTool(server, 'echo', {});
    expect(answer.error.data.code).toMatch(/NO_HEALTHY_SERVER|OUTCOME_UNKNOWN/);
    await hosted.until('a', down);
    expect((await callTool(server, 'echo', {})).reply.notStarted).toBe(true);
    await start('tiny-http.mjs', String(port));
    await hosted.until('a', healthy);
    expect((await callTool(server, 'echo', {})).text).toBe('{}');
  });

  test('that accepts and never answers delays no other and ends calls at their deadline', async () => {
    await using hosted = await host({ sick: at(port, 'silent'), well: at(port, 'session') });
    await hosted.until('well', healthy, 3_000);
    expect((await callTool(hosted.server('sick'), 'echo', {}, { ms: 80 })).error.code).toBe(-32009);
  });

  test('whose configured header cannot be sent is down, and the value is not shown', async () => {
    await using hosted = await host({ a: at(port, 'session', { headers: { authorization: 'Bearer s3\ncret' } }) });
    const server = await hosted.until('a', down);
    expect(server.state().problem).toMatch(/headers/);
    expect(JSON.stringify(hosted.reported)).not.toContain('cret');
  });
});

test('the SDK’s stateless server serves agents of both eras', async () => {
  const { port } = await start('modern-http.mjs');
  await using hosted = await host({ a: at(port, 'mcp') });
  const server = await hosted.until('a', healthy);
  expect((await callTool(server, 'echo', { message: 'hi' })).text).toBe('hi');
  const meta = {
    'io.modelcontextprotocol/protocolVersion': '2026-07-28',
    'io.modelcontextprotocol/clientCapabilities': {},
    'io.modelcontextprotocol/clientInfo': { name: 'agent', version: '9' },
  };
  const answer = await callTool(server, 'echo', { message: 'ho' }, { era: 'stateless', meta });
  expect(answer.result).toMatchObject({ resultType: 'complete', content: [{ text: 'ho' }] });
  expect(server.definition()?.serverInfo.name).toBe('modern');
});

test('the SDK’s stateless server is listened to, for all resources at once', async () => {
  const { port } = await start('modern-http.mjs');
  await using hosted = await host({ a: at(port, 'mcp') });
  const server = await hosted.until('a', healthy);
  const heard: string[] = [];
  server.onResourceUpdated?.((uri) => void heard.push(uri));
  const touched = async (uri: string): Promise<string[]> => {
    const before = heard.length;
    await callTool(server, 'touch', { uri });
    await callTool(server, 'touch', { uri: 'test://last' });
    await until(() => heard.slice(before).includes('test://last'));
    return heard.slice(before).filter((one) => one !== 'test://last');
  };
  for (const uri of ['test://last', 'test://a', 'test://b']) {
    expect((await ask(server, 'resources/subscribe', { uri })).result).toEqual({});
  }
  expect(await touched('test://a')).toEqual(['test://a']);
  expect(await touched('test://c')).toEqual([]);
  await ask(server, 'resources/subscribe', { uri: 'test://a' }, { era: 'stateless' });
  await ask(server, 'resources/unsubscribe', { uri: 'test://a' });
  expect(await touched('test://a')).toEqual(['test://a']);
  await ask(server, 'resources/unsubscribe', { uri: 'test://a' });
  expect(await touched('test://a')).toEqual([]);
  expect(await touched('test://b')).toEqual(['test://b']);
});

test('the reference server over Streamable HTTP serves', async () => {
  const port = 20_000 + (process.pid % 20_000);
  const child = spawn(
    process.execPath,
    [
      join(import.meta.dirname, '../../node_modules/@modelcontextprotocol/server-everything/dist/index.js'),
      'streamableHttp',
    ],
    {
      stdio: 'ignore',
      env: { ...process.env, PORT: String(port) },
    },
  );
  running.push(child);
  await using hosted = await host({ a: at(port, 'mcp') });
  const server = await hosted.until('a', healthy);
  expect((await callTool(server, 'get-sum', { a: 1, b: 2 })).text).toContain('3');
});
