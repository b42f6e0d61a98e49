import { readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { Server } from 'node:net';
import type { TlsOptions } from 'node:tls';
import { afterAll, afterEach, describe, expect, test } from 'vitest';
import { VillageClient, type VillageClientOptions } from '../../node/client/index.ts';
import { ownCertificate } from '../../node/tls/own-certificate.ts';
import { cleanUp, dataFolder } from '../support/process-node.ts';
import { until } from '../support/until.ts';

type Answer = (req: IncomingMessage, res: ServerResponse) => void;

const DAY_MS = 24 * 3_600_000;
const HANGS: Answer = () => undefined;
const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});
afterAll(cleanUp);

async function listening(server: Server): Promise<number> {
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as AddressInfo).port;
}

/** What speaks as a node does, but for the methods of `faults`. */
async function nodeWith(
  faults: Readonly<Record<string, Answer>>,
  tls?: { readonly cert: string; readonly key: string },
) {
  const asked: string[] = [];
  const serve = async (req: IncomingMessage, res: ServerResponse): Promise<void> => {
    const chunks: Buffer[] = [];
    for await (const chunk of req as AsyncIterable<Buffer>) chunks.push(chunk);
    if (req.method !== 'POST') return void res.writeHead(405).end();
    const { id, method } = JSON.parse(Buffer.concat(chunks).toString()) as { id?: number; method: string };
    asked.push(method);
    const fault = faults[method];
    if (fault !== undefined) return fault(req, res);
    if (id === undefined) return void res.writeHead(202).end();
    const results: Readonly<Record<string, object>> = {
      initialize: {
        ...{ protocolVersion: '2025-11-25', capabilities: { tools: {} } },
        serverInfo: { name: 'node', version: '1' },
      },
      'tools/list': { tools: [{ name: 'echo', inputSchema: { type: 'object' } }] },
      'tools/call': { content: [] },
    };
    const body = JSON.stringify({ jsonrpc: '2.0', id, result: results[method] });
    res.writeHead(200, { 'content-type': 'application/json' }).end(body);
  };
  const answer = (req: IncomingMessage, res: ServerResponse) => void serve(req, res).catch(() => res.destroy());
  const server = tls === undefined ? createServer(answer) : createTlsServer(tls, answer);
  const url = `${tls === undefined ? 'http' : 'https'}://127.0.0.1:${await listening(server)}/mcp`;
  const connect = (options: Partial<VillageClientOptions> = {}): Promise<VillageClient> =>
    VillageClient.connect({ url, token: 'a.b.c', era: 'session', retries: 0, ...options });
  return { url, asked, connect };
}

describe('a caller waits no longer than it said', () => {
  test('for the list of tools that comes before its call', async () => {
    const { asked, connect } = await nodeWith({ 'tools/list': HANGS });
    await using client = await connect();
    const call = client.call('echo', {}, { timeoutMs: 100 });
    await expect(call).rejects.toMatchObject({ code: 'DEADLINE_EXCEEDED', notStarted: true });
    const cancelled = client.call('echo', {}, { signal: AbortSignal.timeout(50) });
    await expect(cancelled).rejects.toMatchObject({ code: 'CANCELLED', notStarted: true });
    expect(asked.filter((method) => method === 'tools/call')).toEqual([]);
  });

  test('and no shorter, however long that is', async () => {
    const held: ServerResponse[] = [];
    const { url, connect } = await nodeWith({ 'tools/call': (_req, res) => void held.push(res) });
    await using client = await connect({ timeoutMs: Number.POSITIVE_INFINITY });
    for (const [before, timeoutMs] of [undefined, 2 ** 31, Number.POSITIVE_INFINITY].entries()) {
      const call = client.call('echo', {}, timeoutMs === undefined ? {} : { timeoutMs });
      const ended = call.catch((error: unknown) => error);
      await until(() => held.length > before);
      // A timer that does not fit ends in a millisecond: the answer comes a good while later.
      for (let round = 0; round < 20; round += 1) await (await fetch(url)).text();
      held[before]?.destroy();
      expect(await ended).toMatchObject({ code: 'OUTCOME_UNKNOWN' });
    }
  });

  test('for the list of tools, by itself', async () => {
    const { connect } = await nodeWith({ 'tools/list': HANGS });
    await using client = await connect({ timeoutMs: 200 });
    await expect(client.tools()).rejects.toMatchObject({ code: 'DEADLINE_EXCEEDED' });
  }, 10_000);
});

describe('a source of tokens', () => {
  /** A token that ends so soon. */
  const ending = (inMs: number): string =>
    `e30.${Buffer.from(JSON.stringify({ exp: (Date.now() + inMs) / 1000 })).toString('base64url')}.x`;

  test('that fails is not called an unknown outcome, and what it said stays out of the error', async () => {
    const { asked, connect } = await nodeWith({});
    const token = async (): Promise<string> => Promise.reject(new Error('the vault says hunter2'));
    const error = await connect({ token }).catch((caught: unknown) => caught);
    expect(error).toMatchObject({ code: 'UNAUTHENTICATED', notStarted: true });
    expect((error as Error).message).not.toContain('hunter2');
    expect(asked).toEqual([]);
  });

  test('that hangs is asked anew for the next request', async () => {
    const { connect } = await nodeWith({});
    let hangs = false;
    // Each request asks for another, since none is good for longer.
    const token = (): Promise<string> => (hangs ? new Promise(() => undefined) : Promise.resolve(ending(0)));
    await using client = await connect({ token, timeoutMs: 300 });
    await client.tools();
    hangs = true;
    const failed = client.call('echo');
    await expect(failed).rejects.toMatchObject({
      code: expect.stringMatching(/UNAUTHENTICATED|DEADLINE_EXCEEDED/),
    });
    hangs = false;
    await until(async () => (await client.call('echo')).content.length === 0);
  });

  test.each([
    ['has a line break in it', 'secret\nsecret'],
    ['is none', undefined],
  ])('whose token %s is told so, without the token', async (_, given) => {
    const { asked, connect } = await nodeWith({});
    const error = await connect({ token: async () => given as string }).catch((caught: unknown) => caught);
    expect(error).toMatchObject({ code: 'UNAUTHENTICATED', notStarted: true });
    for (let at = error; at instanceof Error; at = at.cause) expect(at.message).not.toContain('secret');
    expect(asked).toEqual([]);
  });
});

describe('what answers', () => {
  test('without an end is not read without an end', async () => {
    const endless: Answer = (_req, res) => {
      const block = Buffer.alloc(1024 * 1024, '[');
      const more = (): void => {
        while (!res.destroyed && res.write(block));
      };
      res.writeHead(200, { 'content-type': 'application/json' }).on('drain', more);
      more();
    };
    const { connect } = await nodeWith({ 'tools/call': endless });
    await using client = await connect({ timeoutMs: 20_000 });
    await expect(client.call('echo')).rejects.toMatchObject({
      code: 'OUTCOME_UNKNOWN',
      message: expect.stringMatching(/larger/),
    });
  }, 30_000);

  test('in plain text where TLS is wanted began nothing', async () => {
    const { url } = await nodeWith({});
    const connected = VillageClient.connect({ url: url.replace('http:', 'https:'), token: 'a', retries: 0 });
    await expect(connected).rejects.toMatchObject({ code: 'NODE_UNREACHABLE', notStarted: true });
  });

  const certified = (more: TlsOptions = {}, names: readonly string[] = ['127.0.0.1'], nowMs = Date.now()) => {
    const path = join(dataFolder('certificate'), 'own');
    ownCertificate({ path, use: 'server', names, nowMs });
    const [cert, key] = [readFileSync(`${path}.crt`, 'utf8'), readFileSync(`${path}.key`, 'utf8')];
    return { cert, server: createTlsServer({ cert, key, ...more }, (_req, res) => res.writeHead(404).end()) };
  };

  test.each<[string, string, () => { cert: string; ca?: string; server: Server }]>([
    ['is vouched for by another authority', 'UNTRUSTED', () => ({ ...certified(), ca: certified().cert })],
    ['has another name', 'UNTRUSTED', () => certified({}, ['elsewhere.example'])],
    ['has a certificate that has ended', 'UNTRUSTED', () => certified({}, ['127.0.0.1'], Date.now() - 400 * DAY_MS)],
    ['has a certificate of tomorrow', 'UNTRUSTED', () => certified({}, ['127.0.0.1'], Date.now() + DAY_MS)],
    ['speaks no more than TLS 1.2', 'NODE_UNREACHABLE', () => certified({ maxVersion: 'TLSv1.2' })],
  ])('and %s is sent nothing: %s', async (_, code, made) => {
    const { cert, ca = cert, server } = made();
    const url = `https://127.0.0.1:${await listening(server)}/mcp`;
    const connected = VillageClient.connect({ url, token: 'a', tls: { ca }, retries: 0 });
    await expect(connected).rejects.toMatchObject({ code, notStarted: true });
  });
});

describe('a node that wants client certificates', () => {
  const wanting = () => {
    const path = join(dataFolder('certificate'), 'own');
    ownCertificate({ path, use: 'server', names: ['127.0.0.1'], nowMs: Date.now() });
    const [cert, key] = [readFileSync(`${path}.crt`, 'utf8'), readFileSync(`${path}.key`, 'utf8')];
    const asked: unknown[] = [];
    const wants = { cert, key, ca: cert, requestCert: true, rejectUnauthorized: true };
    const server = createTlsServer(wants, (req, res) => void res.writeHead(404).end(asked.push(req.url)));
    return { cert, server, asked };
  };

  test.each(['none', 'one of another authority'])(
    'began nothing for a client that has %s, and it is told so',
    async (has) => {
      const { cert: ca, server, asked } = wanting();
      const url = `https://127.0.0.1:${await listening(server)}/mcp`;
      const { cert, key } = ownCertificate({
        ...{ path: join(dataFolder('stranger'), 'own'), use: 'client', names: [], nowMs: Date.now() },
      });
      const tls = has === 'none' ? { ca } : { ca, cert, key };
      for (let times = 0; times < 5; times += 1) {
        const refused = await VillageClient.connect({ url, token: 'a', tls }).catch((error: unknown) => error);
        // The node may hang up before its reason was read.
        expect(refused).toMatchObject({
          code: expect.stringMatching(/^(UNAUTHENTICATED|NODE_UNREACHABLE)$/),
          notStarted: true,
        });
      }
      expect(asked).toEqual([]);
    },
  );
});

test('a call to a node that is known by its pin may have run when the connection breaks', async () => {
  const made = ownCertificate({
    ...{ path: join(dataFolder('pinned'), 'own'), use: 'server', names: ['127.0.0.1'], nowMs: Date.now() },
  });
  const { connect } = await nodeWith({ 'tools/call': (_req, res) => void res.destroy() }, made);
  await using client = await connect({ tls: { pin: made.pin } });
  await expect(client.call('echo')).rejects.toMatchObject({ code: 'OUTCOME_UNKNOWN', notStarted: false });
});

test('a connection that breaks while it is being made began nothing', async () => {
  const { connect } = await nodeWith({ initialize: (_req, res) => void res.destroy() });
  await expect(connect()).rejects.toMatchObject({ code: 'NODE_UNREACHABLE', notStarted: true });
  const hanging = await nodeWith({ initialize: HANGS });
  const late = hanging.connect({ timeoutMs: 200 });
  await expect(late).rejects.toMatchObject({ code: 'DEADLINE_EXCEEDED', notStarted: true });
});

test('a call whose list of tools was lost was never made, and says so', async () => {
  const { asked, connect } = await nodeWith({ 'tools/list': (_req, res) => void res.destroy() });
  await using client = await connect({ retries: 1 });
  await expect(client.call('echo')).rejects.toMatchObject({ code: 'NODE_UNREACHABLE', notStarted: true });
  expect(asked).not.toContain('tools/call');
});

test('a call that may have run is not said to have begun nothing, whatever became of its repetition', async () => {
  let calls = 0;
  const brokenThenRefused: Answer = (_req, res) => {
    calls += 1;
    if (calls === 1) res.destroy();
    else res.writeHead(401).end();
  };
  const { connect } = await nodeWith({ 'tools/call': brokenThenRefused });
  await using client = await connect({ retries: 1 });
  const refused = await client.call('echo', {}, { idempotent: true }).catch((error: unknown) => error);
  expect(calls).toBeGreaterThan(1);
  expect(refused).toMatchObject({ code: 'OUTCOME_UNKNOWN', notStarted: false, cause: { code: 'UNAUTHENTICATED' } });
});

test('a client that was closed says so', async () => {
  const { connect } = await nodeWith({});
  const client = await connect();
  await client.tools();
  await client.close();
  await expect(client.call('echo')).rejects.toMatchObject({ code: 'CLOSED', notStarted: true });
});

test('what is no URL is told so', async () => {
  const connected = VillageClient.connect({ url: 'no url', token: 'a' });
  await expect(connected).rejects.toMatchObject({ code: 'INVALID_REQUEST', notStarted: true });
});
