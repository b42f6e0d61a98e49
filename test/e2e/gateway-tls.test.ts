import { once } from 'node:events';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { Agent, request } from 'node:https';
import { connect as connectTcp } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect, type ConnectionOptions, type TLSSocket } from 'node:tls';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { GatewayTls } from '../../node/tls/index.ts';
import { ownCertificate } from '../../node/tls/own-certificate.ts';
import { gatewayRequest } from '../../node/trust/index.ts';
import { bearer, type Opened, openGateway, stateless } from '../support/echo-gateway.ts';
import { until } from '../support/until.ts';

const DAY_MS = 24 * 3_600_000;
const folder = mkdtempSync(join(tmpdir(), 'village-tls-'));
const reports: [string, object][] = [];
const opened: GatewayTls[] = [];

function tlsIn(name: string, options: Partial<ConstructorParameters<typeof GatewayTls>[0]> = {}): GatewayTls {
  const tls = new GatewayTls({
    keysDir: join(folder, name),
    given: undefined,
    clientCa: undefined,
    names: ['localhost', '127.0.0.1'],
    reporter: { report: (event, detail) => void reports.push([event, detail]) },
    ...options,
  });
  opened.push(tls);
  return tls;
}

/** A certificate in files of its own: `NAME.crt` and `NAME.key`. */
function filesOf(name: string, use: 'server' | 'client' = 'server') {
  const path = join(folder, name);
  const made = ownCertificate({ path, use, names: ['localhost', '127.0.0.1'], nowMs: Date.now() });
  return { ...made, files: { cert: `${path}.crt`, key: `${path}.key` } };
}

const portOf = ({ origin }: Opened): number => Number(new URL(origin).port);

async function shake(port: number, options: ConnectionOptions = {}): Promise<TLSSocket> {
  const socket = connect({ host: '127.0.0.1', port, rejectUnauthorized: false, ...options });
  await once(socket, 'secureConnect');
  return socket;
}

/** The status of `/healthz`, over TLS alone. */
function health(port: number, options: ConnectionOptions = {}): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const req = request({
      host: '127.0.0.1',
      port,
      path: '/healthz',
      agent: false,
      rejectUnauthorized: false,
      ...options,
    });
    req.on('response', (res) => resolve(res.resume().statusCode)).on('error', reject);
    req.end();
  });
}

afterAll(() => {
  for (const tls of opened) tls[Symbol.dispose]();
  rmSync(folder, { recursive: true, force: true });
});

describe('a gateway with a certificate', () => {
  let tls: GatewayTls;
  let open: Opened;
  beforeAll(async () => {
    tls = tlsIn('shared');
    open = await openGateway({ listen: '0.0.0.0:0', tls });
  });
  afterAll(() => open.gateway.stop());

  test('speaks TLS 1.3, to every address of this machine', async () => {
    expect(open.origin).toMatch(/^https:/);
    const socket = await shake(portOf(open), {
      ca: readFileSync(join(folder, 'shared/gateway-tls.crt')),
      rejectUnauthorized: true,
    });
    expect(socket.getProtocol()).toBe('TLSv1.3');
    expect(socket.getPeerX509Certificate()?.fingerprint256).toBe(tls.certificate.fingerprint);
    socket.destroy();
  });

  test.each(['TLSv1.2', 'TLSv1.1', 'TLSv1'] as const)('has nothing for a client of %s', async (maxVersion) => {
    const old = shake(portOf(open), { minVersion: 'TLSv1', maxVersion, ciphers: 'DEFAULT:@SECLEVEL=0' });
    await expect(old).rejects.toMatchObject({ code: 'ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION' });
  });

  test('says nothing to plain HTTP', async () => {
    const socket = connectTcp(portOf(open), '127.0.0.1');
    let heard = '';
    socket.on('data', (chunk) => (heard += String(chunk)));
    socket.on('error', () => undefined);
    socket.write('GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n');
    await once(socket, 'close');
    expect(heard).not.toContain('HTTP/');
  });

  test('answers call after call on one connection, those of the fast lane and others', async () => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1, rejectUnauthorized: false });
    const ask = (path: string, options: { body?: string; headers?: Record<string, string> } = {}) =>
      new Promise<{ status: number | undefined; text: string; reused: boolean }>((resolve, reject) => {
        const method = options.body === undefined ? 'GET' : 'POST';
        const length = options.body === undefined ? {} : { 'Content-Length': String(Buffer.byteLength(options.body)) };
        const headers = { ...options.headers, ...length };
        const req = request({ host: '127.0.0.1', port: portOf(open), path, method, agent, headers });
        req.on('error', reject).on('response', (res) => {
          let text = '';
          res.on('data', (chunk) => (text += String(chunk)));
          res.on('end', () => resolve({ status: res.statusCode, text, reused: req.reusedSocket }));
        });
        req.end(options.body);
      });
    for (let id = 1; id <= 3; id += 1) {
      const [message, { headers }] = stateless(id, 'tools/call', { name: 'echo', arguments: { message: `m${id}` } });
      const mcp = { Accept: 'application/json, text/event-stream', 'Content-Type': 'application/json' };
      const answer = await ask('/mcp', {
        body: JSON.stringify(message),
        headers: { ...mcp, ...bearer('alice'), ...headers },
      });
      expect(JSON.parse(answer.text)).toMatchObject({ id, result: { content: [{ text: `m${id}` }] } });
      expect(answer.reused).toBe(id > 1);
    }
    expect(await ask('/healthz')).toMatchObject({ status: 200, reused: true });
    const challenged = await ask('/mcp', { body: '{}' });
    expect(challenged.status).toBe(401);
    agent.destroy();
  });

  test('names itself https where it says where it is', async () => {
    const answer = await new Promise<string>((resolve, reject) => {
      const path = '/.well-known/oauth-protected-resource/mcp';
      const req = request({ host: '127.0.0.1', port: portOf(open), path, agent: false, rejectUnauthorized: false });
      req.on('error', reject).on('response', (res) => void res.on('data', (chunk) => resolve(String(chunk))));
      req.end();
    });
    expect(JSON.parse(answer)).toEqual({ resource: `https://127.0.0.1:${portOf(open)}/mcp` });
  });

  test('is known by its pin, and another key gets no request', async () => {
    const url = new URL(`https://127.0.0.1:${portOf(open)}/healthz`);
    const answered = (pin: string) =>
      new Promise((resolve, reject) => {
        const req = gatewayRequest(url, { method: 'GET', trust: { pin } });
        req.on('response', (res) => resolve(res.resume().statusCode)).on('error', reject);
        req.end();
      });
    expect(await answered(tls.certificate.pin)).toBe(200);
    const other = `sha256//${Buffer.alloc(32, 1).toString('base64')}`;
    await expect(answered(other)).rejects.toMatchObject({ code: 'TLS_PIN_MISMATCH' });
    await expect(async () => answered('sha1//x')).rejects.toMatchObject({ code: 'TLS_PIN_MALFORMED' });
  });

  test('stops in time while somebody has not shaken hands', async () => {
    const closing = await openGateway({ tls });
    const silent = connectTcp(portOf(closing), '127.0.0.1');
    silent.on('error', () => undefined);
    await once(silent, 'connect');
    const startedAt = performance.now();
    await closing.gateway.stop();
    expect(performance.now() - startedAt).toBeLessThan(3_000);
    silent.destroy();
  });
});

describe('the certificate that a node gives itself', () => {
  test('is kept, and renewed with the same key before it ends', () => {
    const first = tlsIn('own').certificate;
    expect(tlsIn('own').certificate).toEqual(first);
    const later = tlsIn('own', { now: () => Date.now() + 370 * DAY_MS }).certificate;
    expect(tlsIn('own', { now: () => Date.now() + 380 * DAY_MS }).certificate).toEqual(later);
    expect(later.pin).toBe(first.pin);
    expect(later.fingerprint).not.toBe(first.fingerprint);
    expect(later.notAfterMs).toBeGreaterThan(first.notAfterMs + 300 * DAY_MS);
  });

  test('is made anew, of the same key, when the node goes by another name', () => {
    const first = tlsIn('named').certificate;
    const renamed = tlsIn('named', { names: ['localhost', 'edge-7.example.org', '192.0.2.7'] }).certificate;
    expect(renamed.fingerprint).not.toBe(first.fingerprint);
    expect(renamed.pin).toBe(first.pin);
  });

  test('replaces one that cannot be read, and never uses a key that others can read', () => {
    const first = tlsIn('torn').certificate;
    writeFileSync(join(folder, 'torn/gateway-tls.crt'), 'torn');
    expect(tlsIn('torn').certificate.pin).toBe(first.pin);
    chmodSync(join(folder, 'torn/gateway-tls.key'), 0o644);
    expect(() => tlsIn('torn')).toThrow(expect.objectContaining({ code: 'KEY_EXPOSED' }));
  });
});

describe('a certificate that is given', () => {
  test('is refused when its files do not do', () => {
    const { files } = filesOf('given-a');
    const other = filesOf('given-b').files;
    const given = (cert: string, key: string) => () => tlsIn('given', { given: { cert, key } });
    expect(given(files.cert, other.key)).toThrow(expect.objectContaining({ code: 'TLS_KEY_MISMATCH' }));
    expect(given(files.key, files.key)).toThrow(expect.objectContaining({ code: 'TLS_CERTIFICATE_MALFORMED' }));
    expect(given(files.cert, `${files.key}.no`)).toThrow(
      expect.objectContaining({ code: 'TLS_CERTIFICATE_UNREADABLE' }),
    );
    chmodSync(other.key, 0o640);
    expect(given(other.cert, other.key)).toThrow(expect.objectContaining({ code: 'KEY_EXPOSED' }));
  });

  test('is followed while the gateway runs, once both of its files fit', async () => {
    const [old, fresh] = [filesOf('rotating'), filesOf('rotated')];
    const tls = tlsIn('rotation', { given: old.files, lookEveryMs: 20 });
    await using open = await openGateway({ tls });
    const shown = async (): Promise<string | undefined> => {
      const socket = await shake(portOf(open));
      const fingerprint = socket.getPeerX509Certificate()?.fingerprint256;
      socket.destroy();
      return fingerprint;
    };
    const before = await shake(portOf(open));
    expect(await shown()).toBe(old.fingerprint);
    reports.length = 0;
    writeFileSync(old.files.cert, readFileSync(fresh.files.cert));
    await until(() => reports.some(([event]) => event === 'gateway.certificate-refused'));
    expect(await shown()).toBe(old.fingerprint);
    writeFileSync(old.files.key, readFileSync(fresh.files.key));
    await until(async () => (await shown()) === fresh.fingerprint);
    expect(reports.filter(([event]) => event === 'gateway.certificate-refused')).toHaveLength(1);
    expect(tls.certificate.pin).toBe(fresh.pin);
    expect(before.destroyed).toBe(false);
    before.destroy();
  });
});

describe('a gateway that wants client certificates', () => {
  test('serves who has one of its authority, and the programs of its own data folder', async () => {
    const [known, stranger] = [filesOf('known', 'client'), filesOf('stranger', 'client')];
    const tls = tlsIn('mutual', { clientCa: known.files.cert });
    await using open = await openGateway({ tls });
    const port = portOf(open);
    const local = tls.localClient ?? '';
    const own = { cert: readFileSync(`${local}.crt`), key: readFileSync(`${local}.key`) };
    expect(await health(port, { cert: known.cert, key: known.key })).toBe(200);
    expect(await health(port, own)).toBe(200);
    await expect(health(port)).rejects.toMatchObject({
      code: expect.stringMatching(/CERTIFICATE_REQUIRED|ECONNRESET/),
    });
    await expect(health(port, { cert: stranger.cert, key: stranger.key })).rejects.toMatchObject({
      code: expect.any(String),
    });
  });

  test('is not started with a file that holds no certificate', () => {
    const { files } = filesOf('no-authority');
    expect(() => tlsIn('none', { clientCa: files.key })).toThrow(
      expect.objectContaining({ code: 'TLS_CERTIFICATE_MALFORMED' }),
    );
  });
});
