import { once } from 'node:events';
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer, request } from 'node:http';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  AdminClient,
  type AdminHandlers,
  AdminServer,
  findRunning,
  newSecret,
  readRunFile,
  removeRunFile,
  writeRunFile,
} from '../../node/admin/index.ts';
import { VillageError } from '../../src/kernel/index.ts';
import { runCommand } from '../support/command-line.ts';
import { until } from '../support/until.ts';

const secret = newSecret();
const calls: unknown[] = [];
const reported: unknown[] = [];
let tailing: AbortSignal | undefined;
let unwell: string | undefined;

const handlers = {
  'tools.call': async (input: { name: string }, { signal }: { signal: AbortSignal }) => {
    calls.push(input);
    if (input.name === 'refused') throw new VillageError('PERMISSION_DENIED', 'not for you', { hint: 'ask' });
    if (input.name === 'late') throw new VillageError('DEADLINE_EXCEEDED', 'the server did not answer in time');
    if (input.name === 'broken') throw new TypeError('secret internals');
    if (input.name === 'slow') await once(signal, 'abort');
    return { content: [{ type: 'text', text: `called ${input.name}` }], isError: input.name === 'unhappy' };
  },
  token: async ({ agent }: { agent?: string }) => ({
    token: `token of ${agent}`,
    expires_at: '2026-01-01T00:00:00.000Z',
  }),
  'audit.tail': async function* (_input: object, { signal }: { signal: AbortSignal }) {
    tailing = signal;
    yield { seq: 1, target: 'a\u2028b\u2029c\rd' };
    if (!signal.aborted) await once(signal, 'abort');
  },
  'audit.export': async function* ({ to }: { to?: number }) {
    for (let seq = 0; seq <= (to ?? 0); seq += 1) yield { seq, padding: 'x'.repeat(1000) };
    if (to === 7) throw new VillageError('STORE_FAILED', 'the disk is gone');
  },
} as unknown as AdminHandlers;

let server: AdminServer;
let origin: string;
let client: AdminClient;

beforeEach(async () => {
  calls.length = reported.length = 0;
  unwell = undefined;
  server = new AdminServer({
    host: '127.0.0.1',
    port: 0,
    secret,
    handlers,
    metrics: () => '# EOF\n',
    problem: () => unwell,
    onError: (error) => reported.push(error),
  });
  origin = await server.start();
  client = new AdminClient({ admin: origin, secret });
});
afterEach(() => server.stop());

const options = { signal: AbortSignal.timeout(10_000) };
const callOf = (name: string) => ({ name, arguments: {}, timeout_ms: 1000 });

interface Asked {
  readonly status: number | undefined;
  readonly body: string;
  readonly headers: Record<string, unknown>;
}
function ask(
  path: string,
  given: { method?: string; headers?: Record<string, string>; body?: string } = {},
): Promise<Asked> {
  return new Promise((resolve, reject) => {
    const headers = { authorization: `Bearer ${secret}`, 'content-type': 'application/json', ...given.headers };
    const asking = request(
      new URL(path, origin),
      { method: given.method ?? 'POST', headers, agent: false },
      (response) => {
        let body = '';
        response.setEncoding('utf8').on('data', (chunk: string) => (body += chunk));
        response.on('end', () => resolve({ status: response.statusCode, body, headers: response.headers }));
      },
    );
    asking.on('error', reject);
    asking.end(given.body ?? '');
  });
}

describe('the admin address', () => {
  test('answers metrics and health to anyone, and nothing else', async () => {
    const anyone = { method: 'GET', headers: { authorization: '' } };
    expect(await ask('/metrics', anyone)).toMatchObject({ status: 200, body: '# EOF\n' });
    expect((await ask('/metrics', anyone)).headers['content-type']).toMatch(
      /^application\/openmetrics-text; version=1\.0\.0/,
    );
    expect(await ask('/healthz', anyone)).toMatchObject({ status: 200, body: '{"status":"ok"}\n' });
    expect((await ask('/', anyone)).body).toBe('dashboard: not built\n');
    for (const path of ['/admin/status', '/admin/none', '/anything'])
      expect((await ask(path, { headers: { authorization: '' } })).status).toBe(401);
  });

  test('says when the node is unwell', async () => {
    unwell = 'the audit log cannot be written';
    expect(await ask('/healthz', { method: 'GET' })).toMatchObject({
      status: 503,
      body: expect.stringContaining('audit log'),
    });
  });

  test.each(['Bearer wrong', `Bearer ${secret}x`, `Basic ${secret}`, secret, 'Bearer '])(
    'refuses a wrong secret',
    async (authorization) => {
      expect(
        (await ask('/admin/tools.call', { headers: { authorization }, body: JSON.stringify(callOf('echo')) })).status,
      ).toBe(401);
      expect(calls).toEqual([]);
    },
  );

  test.each([
    [{ host: 'evil.example:80' }],
    [{ host: '127.0.0.1:1' }],
    [{ origin: 'https://evil.example' }],
    [{ origin: 'null' }],
  ])('refuses %o, with the secret or without', async (headers) => {
    expect((await ask('/metrics', { method: 'GET', headers })).status).toBe(403);
    expect((await ask('/admin/tools.call', { headers, body: JSON.stringify(callOf('echo')) })).status).toBe(403);
    expect(calls).toEqual([]);
  });

  test.each([
    [400, { body: '{' }],
    [400, { body: '' }],
    [400, { body: '[]' }],
    [400, { body: '{"name":"echo"}' }],
    [400, { body: '{"name":"echo","arguments":[],"timeout_ms":1}' }],
    [400, { body: '{"name":"echo","arguments":{},"timeout_ms":1,"extra":1}' }],
    [415, { body: '{}', headers: { 'content-type': 'text/plain' } }],
    [413, { body: 'x'.repeat(6 * 1024 * 1024) }],
    [405, { method: 'GET' }],
  ])('answers %i to bad input', async (status, given) => {
    const asked = await ask('/admin/tools.call', given);
    expect(asked.status).toBe(status);
    expect(JSON.parse(asked.body)).toMatchObject({ error: { code: expect.any(String), message: expect.any(String) } });
    expect(calls).toEqual([]);
  });

  test('answers 404 to a verb that is none, and to names that every object has', async () => {
    for (const verb of ['nonesuch', 'constructor', '__proto__', 'toString'])
      expect((await ask(`/admin/${verb}`, { body: '{}' })).status).toBe(404);
  });

  test('is unharmed by half a request', async () => {
    const socket = connect(Number(new URL(origin).port), '127.0.0.1');
    socket.write(
      `POST /admin/status HTTP/1.1\r\nHost: ${new URL(origin).host}\r\nAuthorization: Bearer ${secret}\r\nContent-Type: application/json\r\nContent-Length: 99\r\n\r\n{`,
    );
    socket.on('error', () => undefined);
    expect((await ask('/healthz', { method: 'GET' })).status).toBe(200);
    socket.destroy();
    expect(await client.call('tools.call', callOf('echo'), options)).toMatchObject({
      content: [{ text: 'called echo' }],
    });
  });

  test('tells an error of an area with its code, and of a bug only that it happened', async () => {
    await expect(client.call('tools.call', callOf('refused'), options)).rejects.toMatchObject({
      code: 'PERMISSION_DENIED',
      hint: 'ask',
    });
    await expect(client.call('tools.call', callOf('broken'), options)).rejects.toMatchObject({ code: 'INTERNAL' });
    expect(
      JSON.stringify((await ask('/admin/tools.call', { body: JSON.stringify(callOf('broken')) })).body),
    ).not.toContain('secret internals');
    await until(() => reported.length === 2);
  });

  test('aborts a verb whose caller went away', async () => {
    const leaving = new AbortController();
    const asked = client.call('tools.call', callOf('slow'), { signal: leaving.signal });
    await until(() => calls.length === 1);
    leaving.abort();
    await expect(asked).rejects.toMatchObject({ code: 'NODE_SILENT' });
  });

  test('streams objects until the caller leaves', async () => {
    const seen: object[] = [];
    for await (const item of client.stream('audit.tail', {}, options)) {
      seen.push(item);
      break;
    }
    expect(seen).toEqual([{ seq: 1, target: 'a\u2028b\u2029c\rd' }]); // an agent's words, with all that ends a line elsewhere
    await until(() => tailing?.aborted);
  });

  test('streams more than fits in a buffer, whole and in order', async () => {
    let next = 0;
    for await (const item of client.stream('audit.export', { to: 4999 }, options))
      expect((item as { seq: number }).seq).toBe(next++);
    expect(next).toBe(5000);
  });

  test('ends a stream that fails with the error, never as if it were whole', async () => {
    const reading = async () => {
      for await (const _ of client.stream('audit.export', { to: 7 }, options));
    };
    await expect(reading()).rejects.toMatchObject({ code: 'STORE_FAILED' });
  });

  test('that is taken is refused, naming the flag', async () => {
    const port = Number(new URL(origin).port);
    const second = new AdminServer({
      host: '127.0.0.1',
      port,
      secret,
      handlers,
      metrics: () => '',
      problem: () => undefined,
      onError: () => undefined,
    });
    await expect(second.start()).rejects.toMatchObject({
      code: 'ADDRESS_TAKEN',
      message: expect.stringContaining('--admin'),
    });
  });

  test('stops while a stream is open', async () => {
    const reading = client.stream('audit.tail', {}, options);
    await reading.next();
    await server.stop();
    await expect(reading.next()).resolves.toMatchObject({ done: true });
  });
});

describe('run.json', () => {
  let data: string;
  const run = () => ({
    pid: process.pid,
    gateway: 'http://127.0.0.1:1/mcp',
    admin: origin,
    secret,
    started_at: new Date().toISOString(),
  });
  beforeEach(() => {
    data = mkdtempSync(join(tmpdir(), 'village-run-'));
  });
  afterEach(() => rmSync(data, { recursive: true, force: true }));

  test('is readable by its owner alone, and leads to the node', async () => {
    await writeRunFile(data, run());
    expect(statSync(join(data, 'run.json')).mode & 0o777).toBe(0o600);
    expect(await findRunning(data)).toEqual({ kind: 'running', run: readRunFile(data) });
  });

  test('replaces one that others could read with one that they cannot', async () => {
    writeFileSync(join(data, 'run.json'), '{}', { mode: 0o644 });
    writeFileSync(join(data, `run.json.${process.pid}.tmp`), '', { mode: 0o644 });
    await writeRunFile(data, run());
    expect(statSync(join(data, 'run.json')).mode & 0o777).toBe(0o600);
  });

  test('is removed by its own run only', async () => {
    await writeRunFile(data, run());
    await removeRunFile(data, newSecret());
    expect(readRunFile(data)).toBeDefined();
    await removeRunFile(data, secret);
    expect(await findRunning(data)).toEqual({ kind: 'none' });
  });

  test('of a process that is gone, or that does not answer, is stale', async () => {
    await writeRunFile(data, { ...run(), pid: 2 ** 22 + 1 });
    expect(await findRunning(data)).toMatchObject({ kind: 'stale', because: 'process-gone' });
    await writeRunFile(data, { ...run(), admin: 'http://127.0.0.1:1' });
    expect(await findRunning(data)).toMatchObject({ kind: 'stale', because: 'no-answer' });
  });

  test.each(['', '{', '[]', '{"pid":"x"}', '{"pid":-1,"gateway":"x"}'])('that holds %j is none', async (text) => {
    writeFileSync(join(data, 'run.json'), text);
    expect(await findRunning(data)).toEqual({ kind: 'none' });
  });

  test('takes the command line to the running node', async () => {
    await writeRunFile(data, run());
    const ran = await runCommand(['tools', 'call', 'echo', '--args', '{"a":1}', '--timeout', '2s', '--data', data]);
    expect(ran).toEqual({ code: 0, stdout: 'called echo\n', stderr: '' });
    expect(calls).toEqual([{ name: 'echo', arguments: { a: 1 }, timeout_ms: 2000 }]);
    expect((await runCommand(['tools', 'call', 'unhappy', '--data', data])).code).toBe(1);
    const refused = await runCommand(['tools', 'call', 'refused', '--data', data, '--json']);
    expect([refused.code, JSON.parse(refused.stdout)]).toEqual([
      1,
      { error: { code: 'PERMISSION_DENIED', message: 'not for you', hint: 'ask' } },
    ]);
    // Whether the tool ran is not known: an end of 1 would say that it failed.
    const late = await runCommand(['tools', 'call', 'late', '--data', data, '--json']);
    expect([late.code, JSON.parse(late.stdout)]).toMatchObject([3, { error: { code: 'DEADLINE_EXCEEDED' } }]);
  });

  test('of a node that dies during a call ends the command with 3: the tool may have run', async () => {
    const dying = createServer((request, response) => {
      if (request.url === '/healthz') response.end('{}');
      else request.socket.destroy();
    });
    await new Promise<void>((resolve) => dying.listen(0, '127.0.0.1', resolve));
    const { port } = dying.address() as { port: number };
    await writeRunFile(data, { ...run(), admin: `http://127.0.0.1:${port}` });
    const ran = await runCommand(['tools', 'call', 'echo', '--data', data, '--json']);
    expect([ran.code, JSON.parse(ran.stdout)]).toMatchObject([3, { error: { code: 'OUTCOME_UNKNOWN' } }]);
    await new Promise((resolve) => dying.close(resolve));
  });
});

describe('the bridge', () => {
  test('gets its tokens from the running node, never by opening its files', async () => {
    const data = mkdtempSync(join(tmpdir(), 'village-bridge-'));
    const run = {
      pid: process.pid,
      gateway: 'http://127.0.0.1:1/mcp',
      admin: origin,
      secret,
      started_at: new Date().toISOString(),
    };
    const opened: string[] = [];
    const tokens: string[] = [];
    const ran = await runCommand(['connect', '--agent', 'sage', '--data', data], {
      ports: {
        openFiles: (dataDir) => (opened.push(dataDir), Promise.reject(new Error('not to be opened'))),
        runBridge: async ({ token, readRunFile: where }) => {
          const asked = token(); // the node is only starting: its run.json comes a moment later
          expect(where()).toBeUndefined();
          await writeRunFile(data, run);
          tokens.push(await asked);
          expect(where()).toMatchObject({ gateway: run.gateway });
        },
      },
    });
    rmSync(data, { recursive: true, force: true });
    expect(ran, ran.stderr).toEqual({ code: 0, stdout: '', stderr: '' });
    expect(tokens).toEqual(['token of sage']);
    expect(opened).toEqual([]);
  });
});
