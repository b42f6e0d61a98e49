import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  checkAddress,
  checkClock,
  checkCommands,
  checkConfig,
  checkDataFolder,
  checkNamedFiles,
  checkNodeVersion,
  checkSecretFiles,
} from '../../../node/cli/doctor/index.ts';
import { parseConfig } from '../../../node/config/index.ts';
import { createEventBus } from '../../../node/telemetry/index.ts';
import { GatewayTls } from '../../../node/tls/index.ts';
import { VillageError } from '../../../src/kernel/index.ts';
import { runCommand } from '../../support/command-line.ts';

const NOW = Date.UTC(2026, 10, 23);
const DAY = 24 * 3_600_000;
let data: string;
beforeEach(() => {
  data = mkdtempSync(join(tmpdir(), 'village-doctor-'));
});
afterEach(() => rmSync(data, { recursive: true, force: true }));

describe('doctor', () => {
  test.each([
    ['v24.1.0', 'ok'],
    ['v22.18.0', 'ok'],
    ['v22.17.9', 'problem'],
    ['v20.20.2', 'problem'],
  ])('finds Node %s to be: %s', (version, status) => {
    expect(checkNodeVersion(version).status).toBe(status);
  });

  test('finds a clock that is wrong by what it cannot show', () => {
    const now = Date.UTC(2026, 10, 23);
    expect(checkClock(now, now - 1000).status).toBe('ok');
    expect(checkClock(Date.UTC(1970, 0, 2), undefined).status).toBe('problem');
    expect(checkClock(now, now + 3_600_000).status).toBe('problem');
  });

  test('finds a key that others may read, and gives the command that mends it', async () => {
    mkdirSync(join(data, 'keys', 'agents'), { recursive: true });
    const key = join(data, 'keys', 'agents', 'sage.jwk');
    writeFileSync(key, '{}', { mode: 0o600 });
    expect((await checkSecretFiles(data)).status).toBe('ok');
    chmodSync(key, 0o644);
    expect(await checkSecretFiles(data)).toMatchObject({ status: 'problem', remedy: `chmod 600 ${key}` });
  });

  test('finds a data folder that is open to others, is a file, or is not there', async () => {
    expect((await checkDataFolder(data)).status).toBe('ok');
    chmodSync(data, 0o755);
    expect(await checkDataFolder(data)).toMatchObject({ status: 'warning', remedy: `chmod 700 ${data}` });
    writeFileSync(join(data, 'file'), '');
    expect((await checkDataFolder(join(data, 'file'))).status).toBe('problem');
    expect((await checkDataFolder(join(data, 'none'))).status).toBe('ok');
  });

  test('finds an address that is taken', async () => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as { port: number };
    expect(await checkAddress('gateway', `127.0.0.1:${port}`)).toMatchObject({
      status: 'problem',
      remedy: expect.stringContaining('--gateway'),
    });
    await new Promise((resolve) => server.close(resolve));
    expect((await checkAddress('gateway', `127.0.0.1:${port}`)).status).toBe('ok');
  });

  test('finds programs that are not there, of servers that would be started', async () => {
    const text = JSON.stringify({
      mcpServers: {
        here: { command: process.execPath },
        gone: { command: 'no-such-program' },
        off: { command: 'neither', enabled: false },
      },
    });
    const { config } = parseConfig(text, { name: 'x', env: {} });
    const findings = await checkCommands(config, { PATH: '/usr/bin:/bin' });
    expect(findings.map(({ check, status }) => [check, status])).toEqual([
      ['server here', 'ok'],
      ['server gone', 'problem'],
    ]);
  });

  test('finds what is wrong with the configuration', async () => {
    writeFileSync(join(data, 'village.json'), '{"gatway":1}');
    expect((await checkConfig(data, {})).findings).toMatchObject([
      { status: 'problem', found: expect.stringContaining('gatway') },
    ]);
  });

  test('finds a configuration that holds keys and that others may read', async () => {
    const file = join(data, 'village.json');
    const statuses = async (server: object, mode: number) => {
      writeFileSync(file, JSON.stringify({ mcpServers: { one: server } }));
      chmodSync(file, mode);
      return (await checkConfig(data, { KEY: 'k' })).findings.map(({ status }) => status);
    };
    const [withEnv, withHeaders] = [
      { command: 'x', env: { KEY: 'k' } },
      { url: 'https://a.example', headers: { Authorization: 'Bearer k' } },
    ];
    expect(await statuses(withEnv, 0o644)).toEqual(['ok', 'warning']);
    expect((await checkConfig(data, {})).findings[1]).toMatchObject({
      found: expect.stringContaining('mcpServers.one.env.KEY'),
      remedy: expect.stringContaining(`chmod 600 ${file}`),
    });
    expect(await statuses(withHeaders, 0o640)).toEqual(['ok', 'warning']);
    expect(await statuses(withEnv, 0o600)).toEqual(['ok']);
    expect(await statuses({ command: 'x' }, 0o644)).toEqual(['ok']);
    expect(await statuses({ command: 'x', env: { KEY: '${KEY}' } }, 0o644)).toEqual(['ok']);
  });

  describe('of files that the configuration names', () => {
    const ofHeaders = (content: string | undefined, mode = 0o600) => {
      const file = join(data, 'headers.json');
      rmSync(file, { force: true });
      if (content !== undefined) writeFileSync(file, content, { mode });
      const otlp = { endpoint: 'https://collector.example', headersFile: 'headers.json' };
      const { config } = parseConfig(JSON.stringify({ telemetry: { otlp } }), { name: 'x', env: {} });
      return checkNamedFiles(config, { dataDir: data, nowMs: NOW });
    };
    const ofGateway = (gatewayTls: object, nowMs = NOW) => {
      const { config } = parseConfig(JSON.stringify({ gatewayTls }), { name: 'x', env: {} });
      return checkNamedFiles(config, { dataDir: data, nowMs });
    };

    test('finds headers for a collector that are missing, open to others, or none, and shows no value', () => {
      expect(ofHeaders('{"authorization":"Bearer hush"}')).toEqual([
        { check: 'headers for traces', status: 'ok', found: 'authorization' },
      ]);
      const [missing, open, broken] = [ofHeaders(undefined), ofHeaders('{}', 0o644), ofHeaders('hush')];
      expect([...missing, ...open, ...broken].map(({ status }) => status)).toEqual(['problem', 'problem', 'problem']);
      expect(open[0]?.remedy).toContain('chmod 600');
      expect(JSON.stringify([missing, open, broken])).not.toContain('hush');
    });

    test('finds a certificate of the gateway that is missing, ends soon, has ended, or is not good yet', () => {
      expect(ofGateway({ cert: 'gateway.crt', key: 'gateway.key' })).toMatchObject([{ status: 'problem' }]);
      const names = ['localhost'];
      const reporter = createEventBus();
      using made = new GatewayTls({ keysDir: data, given: undefined, clientCa: undefined, names, reporter });
      const { notAfterMs, notBeforeMs } = made.certificate;
      const given = { cert: 'gateway-tls.crt', key: 'gateway-tls.key', clientCa: 'gateway-tls.crt' };
      const at = (nowMs: number) => ofGateway(given, nowMs).map(({ status }) => status);
      expect(at(notAfterMs - 15 * DAY)).toEqual(['ok', 'ok']);
      expect(at(notAfterMs - 13 * DAY)).toEqual(['warning', 'ok']);
      expect(at(notAfterMs)).toEqual(['problem', 'ok']);
      expect(at(notBeforeMs - 1)).toEqual(['problem', 'ok']);
      expect(ofGateway({ clientCa: 'none.pem' })).toMatchObject([{ status: 'problem' }]);
    });
  });

  test('reports a store that another process holds, a broken log, a run.json that was left, and ends with 1', async () => {
    mkdirSync(join(data, 'store'));
    const left = {
      pid: 2 ** 22 + 1,
      gateway: 'http://127.0.0.1:1/mcp',
      admin: 'http://127.0.0.1:1',
      secret: 's'.repeat(43),
      started_at: new Date().toISOString(),
    };
    writeFileSync(join(data, 'run.json'), JSON.stringify(left), { mode: 0o600 });
    const config = { gateway: '127.0.0.1:0', admin: '127.0.0.1:0' };
    writeFileSync(join(data, 'village.json'), JSON.stringify(config));
    const held = () =>
      Promise.reject(new VillageError('DATA_IN_USE', 'another process is using it', { hint: 'stop it' }));
    const ran = await runCommand(['doctor', '--data', data, '--json'], { ports: { openFiles: held } });
    expect(ran.code).toBe(1);
    const { findings } = JSON.parse(ran.stdout) as { findings: { check: string; status: string; remedy?: string }[] };
    expect(findings.filter((finding) => finding.status !== 'ok').map(({ check, status }) => [check, status])).toEqual([
      ['running node', 'warning'],
      ['audit log', 'problem'],
    ]);
    expect(findings.every((finding) => finding.status === 'ok' || finding.remedy !== undefined)).toBe(true);
  });
});
