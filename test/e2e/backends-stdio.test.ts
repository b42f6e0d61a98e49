import { describe, expect, test } from 'vitest';
import type { HostedServer } from '../../node/backends/index.ts';
import { ServerConfig } from '../../node/config/schema.ts';
import { EVERYTHING } from '../support/agents.ts';
import { ask, callTool, healthy, host, tiny } from '../support/hosting.ts';
import { until } from '../support/until.ts';

const FAULTY = ['garbage', 'flood', 'mute', 'strict', 'old', 'noprompts', 'stateless'];

describe('a stdio server', () => {
  test('answers under the request’s own id, once it is healthy', async () => {
    await using hosted = await host({ a: tiny('plain') });
    const server = await hosted.until('a', healthy);
    const answer = await callTool(server, 'echo', { message: 'hi' });
    expect(answer.id).toBe('mine');
    expect(answer.text).toBe('hi');
    expect(answer.reply.outcome).toBe('ok');
    expect(server.definition()?.access).toEqual({ level: 'OPERATOR', tools: {} });
  });

  test('that takes U+2028 for the end of a line, as Node’s readline does, gets each message whole', async () => {
    await using hosted = await host({ a: tiny('plain') });
    const server = await hosted.until('a', healthy);
    const message = 'one\u2028two\u2029three';
    expect((await callTool(server, 'echo', { message }, { ms: 3_000 })).text).toBe(message);
  });

  test.each(FAULTY)('that is peculiar (%s) serves all the same', async (mode) => {
    await using hosted = await host({ a: tiny(mode) });
    const server = await hosted.until('a', healthy);
    expect((await callTool(server, 'echo', { message: 'hi' })).text).toBe('hi');
    expect(server.definition()?.tools).toHaveLength(13);
  });

  test('lists over several pages', async () => {
    await using hosted = await host({ a: tiny('paging') });
    const server = await hosted.until('a', healthy);
    expect(server.definition()?.tools.map((tool) => tool.name)).toEqual(
      Array.from({ length: 25 }, (_, n) => `tool${n}`),
    );
    expect((await ask(server, 'tools/list')).result.tools).toHaveLength(25);
  });

  test('that lists without end is down and says why', async () => {
    await using hosted = await host({ a: tiny('endless') });
    const server = await hosted.until('a', (one) => one.state().state === 'down');
    expect(server.state().problem).toMatch(/100 pages/);
  });

  test('that dies at once is down, shows its last words, and is tried again', async () => {
    await using hosted = await host({ a: tiny('dead') });
    const again = (one: HostedServer): boolean => one.state().state === 'down' && (one.state().restarts ?? 0) >= 2;
    const server = await hosted.until('a', again);
    expect(server.state().problem).toBe('exited with code 4: cannot find my database');
    const answer = await callTool(server, 'echo', {});
    expect(answer.error.data.code).toBe('NO_HEALTHY_SERVER');
    expect(answer.reply.notStarted).toBe(true);
  });

  test('that does not exist is down and says which command was not found', async () => {
    await using hosted = await host({ a: tiny('plain', { command: 'no-such-program' }) });
    const server = await hosted.until('a', (one) => one.state().state === 'down');
    expect(server.state().problem).toContain('command not found: no-such-program');
  });

  test('that never answers delays no other', async () => {
    await using hosted = await host({ sick: tiny('hang'), well: tiny('plain') });
    const well = await hosted.until('well', healthy, 5_000);
    expect((await callTool(well, 'echo', { message: 'hi' })).text).toBe('hi');
    const waiting = await callTool(hosted.server('sick'), 'echo', {}, { ms: 100 });
    expect(waiting.error.code).toBe(-32009);
    expect(waiting.reply.notStarted).toBe(true);
  });

  test('sees nothing of the node’s environment but what it needs', async () => {
    const environment = { ...process.env, VILLAGE_TEST_SECRET: 'hunter2', USER: 'me' };
    await using hosted = await host({ a: tiny('plain', { env: { OWN: 'mine' } }) }, environment);
    const server = await hosted.until('a', healthy);
    const seen = JSON.parse((await callTool(server, 'env')).text);
    expect(seen.VILLAGE_TEST_SECRET).toBeUndefined();
    expect(seen).toMatchObject({ OWN: 'mine', USER: 'me', PATH: process.env['PATH'] });
    const harmless = ['PATH', 'HOME', 'LANG', 'TMPDIR', 'USER', 'SHELL', 'OWN', 'VILLAGE_CHILD'];
    const ofShell = ['PWD', 'OLDPWD', 'SHLVL', '_'];
    expect(Object.keys(seen).filter((name) => ![...harmless, ...ofShell].includes(name))).toEqual([]);
  });

  test('hears nothing of a shell: arguments arrive as they are written', async () => {
    const args = ['$(touch /tmp/never)', '; exit 1', 'a b', "it's", '*'];
    const script = 'process.stderr.write(JSON.stringify(process.argv.slice(1))); process.exit(5)';
    await using hosted = await host({ a: tiny('plain', { args: ['-e', script, '--', ...args] }) });
    const server = await hosted.until('a', (one) => one.state().state === 'down');
    expect(server.state().problem).toBe(`exited with code 5: ${JSON.stringify(args)}`);
  });
});

describe('calls on one shared child', () => {
  test('keep their progress apart although both callers chose the same token', async () => {
    await using hosted = await host({ a: tiny('plain') });
    const server = await hosted.until('a', healthy);
    const heard: Record<string, unknown[]> = { first: [], second: [] };
    const call = (name: string) =>
      callTool(
        server,
        'slow',
        { name, ms: 50 },
        { progressToken: 'same', onRelated: (m) => heard[name]?.push(m['params']) },
      );
    const [first, second] = await Promise.all([call('first'), call('second')]);
    expect([first.text, second.text]).toEqual(['first', 'second']);
    expect(heard).toEqual({
      first: [{ progressToken: 'same', progress: 1, message: 'first' }],
      second: [{ progressToken: 'same', progress: 1, message: 'second' }],
    });
  });

  test('that are cancelled are cancelled in the child too', async () => {
    await using hosted = await host({ a: tiny('plain') });
    const server = await hosted.until('a', healthy);
    const cancel = new AbortController();
    const started = new Promise<void>((resolve) => {
      void callTool(
        server,
        'slow',
        { ms: 60_000 },
        { progressToken: 1, signal: cancel.signal, onRelated: () => resolve() },
      ).then((answer) => cancelled.push(answer.reply));
    });
    const cancelled: unknown[] = [];
    await started;
    cancel.abort();
    const told = JSON.parse((await callTool(server, 'cancelled')).text);
    expect(told).toHaveLength(1);
    expect(cancelled).toMatchObject([{ outcome: 'unknown', reason: 'OUTCOME_UNKNOWN' }]);
  });

  test('end at their deadline', async () => {
    await using hosted = await host({ a: tiny('plain') });
    const server = await hosted.until('a', healthy);
    const answer = await callTool(server, 'slow', { ms: 60_000 }, { ms: 80 });
    expect(answer.error).toMatchObject({ code: -32009, data: { code: 'DEADLINE_EXCEEDED', retryable: false } });
    expect(answer.reply.outcome).toBe('unknown');
    expect(JSON.parse((await callTool(server, 'cancelled')).text)).toHaveLength(1);
  });

  test('end at the configured timeout where that is earlier', async () => {
    await using hosted = await host({ a: tiny('plain', { timeout: 0.1 }) });
    const server = await hosted.until('a', healthy);
    expect((await callTool(server, 'slow', { ms: 60_000 })).error.code).toBe(-32009);
  });

  test('in flight when the child dies end as unknown; it comes back and serves', async () => {
    await using hosted = await host({ a: tiny('plain') });
    const server = await hosted.until('a', healthy);
    const before = server.state().pid;
    const other = callTool(server, 'slow', { ms: 60_000 });
    const crashed = await callTool(server, 'crash');
    expect(crashed.error).toMatchObject({ code: -32007, data: { code: 'OUTCOME_UNKNOWN' } });
    expect(crashed.error.message).toContain('exited with code 3');
    // What it printed is for its own node's status and log: it may hold anything.
    expect(JSON.stringify(crashed.error)).not.toContain('sk-123');
    expect((await other).reply).toMatchObject({ outcome: 'unknown' });
    await hosted.until('a', (one) => healthy(one) && one.state().pid !== before);
    expect((await callTool(server, 'echo', { message: 'again' })).text).toBe('again');
    expect(server.state().restarts).toBe(1);
  });

  test('made while a server that died starts again wait for it, and are served', async () => {
    await using hosted = await host({ a: tiny('plain') });
    const server = await hosted.until('a', healthy);
    const before = Number((await callTool(server, 'pid')).text);
    await callTool(server, 'crash');
    const calls = Array.from({ length: 20 }, () => callTool(server, 'pid'));
    const pids = (await Promise.all(calls)).map(({ text }) => Number(text));
    expect(new Set(pids)).toEqual(new Set([server.state().pid]));
    expect(pids[0]).not.toBe(before);
  });

  test('wait for a server that is just starting', async () => {
    await using hosted = await host({ a: tiny('plain') });
    expect((await callTool(hosted.server('a'), 'echo', { message: 'early' })).text).toBe('early');
  });

  test('above 64 at once wait, and above 256 waiting are told to come back', async () => {
    await using hosted = await host({ a: tiny('plain') });
    const server = await hosted.until('a', healthy);
    const cancel = new AbortController();
    // Of three agents, since none alone may take all places.
    const calls = Array.from({ length: 64 + 256 + 10 }, (_, at) =>
      callTool(server, 'slow', { ms: 60_000 }, { signal: cancel.signal, agent: `agent-${at % 3}` }),
    );
    const refused = await Promise.all(calls.slice(-10));
    for (const answer of refused) {
      expect(answer.error.data).toMatchObject({ code: 'NO_HEALTHY_SERVER', retryable: true, retry_after_ms: 1_000 });
      expect(answer.reply.notStarted).toBe(true);
    }
    cancel.abort();
    const ended = await Promise.all(calls.slice(0, -10));
    expect(ended.filter((answer) => answer.reply.notStarted === true)).toHaveLength(256);
    expect((await callTool(server, 'echo', { message: 'after' })).text).toBe('after');
  });

  test('whose answer is a line of 9 MiB are refused, and the others are not harmed', async () => {
    await using hosted = await host({ a: tiny('plain') });
    const server = await hosted.until('a', healthy);
    const big = callTool(server, 'big', { bytes: 9 * 1024 * 1024 });
    const small = callTool(server, 'echo', { message: 'small' });
    expect((await big).error).toMatchObject({ code: -32008, data: { code: 'TOO_LARGE' } });
    expect((await small).text).toBe('small');
    expect((await callTool(server, 'big', { bytes: 7 * 1024 * 1024 })).text).toHaveLength(7 * 1024 * 1024);
  });

  test('whose answer nests 50,000 deep are refused, and the others are not harmed', async () => {
    await using hosted = await host({ a: tiny('plain') });
    const server = await hosted.until('a', healthy);
    expect((await callTool(server, 'deep')).error.data.code).toBe('TOO_LARGE');
    expect((await callTool(server, 'echo', { message: 'x' })).text).toBe('x');
  });

  test('that fail in the tool are told apart from those that fail in the server', async () => {
    await using hosted = await host({ a: tiny('plain') });
    const server = await hosted.until('a', healthy);
    expect((await callTool(server, 'fail')).reply).toMatchObject({ outcome: 'tool_error', reason: 'TOOL_ERROR' });
    expect((await callTool(server, 'nope')).reply).toMatchObject({ outcome: 'failed', reason: 'INVALID_PARAMS' });
    expect((await ask(server, 'prompts/get', { name: 'x' })).reply).toMatchObject({
      outcome: 'failed',
      reason: '-32601',
    });
  });

  test('on which the server asks its client for something get told that nobody answers', async () => {
    await using hosted = await host({ a: tiny('plain') });
    const server = await hosted.until('a', healthy);
    expect(JSON.parse((await callTool(server, 'ask')).text)).toMatchObject({ code: -32601 });
  });
});

describe('where agent and server differ in era', () => {
  const META = {
    'io.modelcontextprotocol/protocolVersion': '2026-07-28',
    'io.modelcontextprotocol/clientCapabilities': {},
    'io.modelcontextprotocol/clientInfo': { name: 'agent', version: '9' },
  };

  test('a stateless agent’s envelope stays outside a session-era server, and the result is marked complete', async () => {
    await using hosted = await host({ a: tiny('plain') });
    const server = await hosted.until('a', healthy);
    const answer = await callTool(server, 'echo', { message: 'hi' }, { era: 'stateless', meta: { ...META, 'x/y': 1 } });
    expect(answer.result).toMatchObject({ resultType: 'complete', structuredContent: { meta: { 'x/y': 1 } } });
    expect(Object.keys(answer.result.structuredContent.meta)).toEqual(['x/y']);
    const list = await ask(server, 'tools/list', {}, { era: 'stateless' });
    expect(list.result).toMatchObject({ resultType: 'complete', ttlMs: 0, cacheScope: 'private' });
  });

  test('a stateless server gets an envelope for a session-era agent, who never sees a result type', async () => {
    await using hosted = await host({ a: tiny('stateless') });
    const server = await hosted.until('a', healthy);
    const answer = await callTool(server, 'echo', { message: 'hi' });
    expect(answer.result.structuredContent.meta).toMatchObject({
      'io.modelcontextprotocol/protocolVersion': '2026-07-28',
      'io.modelcontextprotocol/clientInfo': { name: 'village' },
    });
    const input = await callTool(server, 'fail');
    expect(input.error.code).toBe(-32603);
  });

  test('agent and server of the same era hear each other unchanged', async () => {
    await using hosted = await host({ a: tiny('stateless') });
    const server = await hosted.until('a', healthy);
    const answer = await callTool(server, 'echo', {}, { era: 'stateless', meta: META });
    expect(answer.result.structuredContent.meta).toEqual(META);
    const input = await callTool(server, 'fail', {}, { era: 'stateless', meta: META });
    expect(input.result.resultType).toBe('input_required');
  });
});

describe('resources of the reference server', () => {
  const uri = 'demo://resource/static/document/architecture.md';
  const everything = (instances: 'shared' | 'per-agent') =>
    ServerConfig.parse({ command: process.execPath, args: [EVERYTHING, 'stdio'], instances });
  const toggle = (server: HostedServer, agent: string) =>
    callTool(server, 'toggle-subscriber-updates', {}, { agent, ms: 20_000 });

  test.each([
    ['shared', undefined],
    ['per-agent', 'ann'],
  ] as const)('are told of by a %s server, in the instance of agent %s', async (instances, whose) => {
    await using hosted = await host({ a: everything(instances) });
    const server = await hosted.until('a', healthy);
    const heard: (string | undefined)[][] = [];
    server.onResourceUpdated?.((changed, agentId) => void heard.push([changed, agentId]));
    const subscribed = await ask(server, 'resources/subscribe', { uri }, { agent: 'ann', ms: 20_000 });
    expect(subscribed.result).toEqual({});
    await toggle(server, 'ann');
    await until(() => heard.length > 0, { timeoutMs: 10_000 });
    expect(heard[0]).toEqual([uri, whose]);
    await toggle(server, 'bob');
    expect(new Set(heard.map(([, agentId]) => agentId))).toEqual(new Set([whose]));
  });
});
