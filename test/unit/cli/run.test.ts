import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { NodeOptions } from '../../../node/cli/index.ts';
import { VillageError } from '../../../src/kernel/index.ts';
import { runCommand } from '../../support/command-line.ts';

let data: string;
beforeEach(() => {
  data = mkdtempSync(join(tmpdir(), 'village-cli-'));
});
afterEach(() => rmSync(data, { recursive: true, force: true }));

const VERBS = [
  ['up'],
  ['invite'],
  ['join'],
  ['token'],
  ['agents', 'list'],
  ['agents', 'add'],
  ['agents', 'key', 'export'],
  ['agents', 'key', 'import'],
  ['revoke', 'token'],
  ['revoke', 'agent'],
  ['status'],
  ['peers'],
  ['servers'],
  ['tools', 'list'],
  ['tools', 'describe'],
  ['tools', 'call'],
  ['connect'],
  ['client', 'list'],
  ['client', 'connect'],
  ['audit', 'tail'],
  ['audit', 'export'],
  ['audit', 'verify'],
  ['audit', 'anchors'],
  ['audit', 'accept'],
  ['audit', 'restored'],
  ['doctor'],
  ['config', 'check'],
  ['gov', 'propose'],
  ['gov', 'vote'],
  ['gov', 'list'],
  ['gov', 'show'],
  ['gov', 'override'],
  ['gov', 'revoke'],
  ['gov', 'policy'],
  ['gov', 'certificate'],
  ['gov', 'verify'],
  ['gov', 'sign'],
  ['gov', 'amend'],
  ['fog', 'nodes'],
  ['fog', 'plan'],
  ['fog', 'deploy'],
  ['fog', 'ps'],
  ['fog', 'status'],
  ['fog', 'why'],
  ['fog', 'logs'],
  ['fog', 'stop'],
  ['fog', 'drain'],
  ['fog', 'undrain'],
  ['fog', 'reservations'],
  ['fog', 'top'],
  ['fog', 'publish'],
  ['fog', 'gc'],
  ['knowledge'],
  ['twin'],
  ['demo'],
];

describe('help and usage', () => {
  test.each(VERBS)('%s %s %s has help', async (...verb) => {
    const words = verb.filter((word) => word !== undefined);
    const ran = await runCommand([...words, '--help']);
    expect(ran.code).toBe(0);
    expect(ran.stdout).toContain(`Usage: village ${words.join(' ')}`);
  });

  test.each([
    [['invite', '--ttl'], '24h'],
    [['token', '--ttl'], '1h'],
    [['tools', 'call', '--timeout'], '30s'],
    [['fog', 'deploy', '--timeout'], '30s'],
    [['fog', 'drain', '--deadline'], '5m'],
    [['fog', 'publish', '--ttl'], '30d'],
  ])('the help of %j shows its default as it is written: %s', async (path, preset) => {
    const { stdout } = await runCommand([...path.slice(0, -1), '--help']);
    expect(stdout).toMatch(new RegExp(`${path.at(-1)} <duration>[^-]*\\(default:\\s+${preset}\\)`));
  });

  test.each([
    ['nothing at all', []],
    ['an unknown verb', ['serve']],
    ['an unknown option', ['status', '--loud']],
    ['a missing argument', ['join']],
    ['a surplus argument', ['status', 'now']],
    ['an unknown level', ['agents', 'add', 'x', '--level', 'KING']],
    ['a level that is left out', ['agents', 'add', 'x']],
    ['a duration that is none', ['token', '--ttl', 'soon']],
    ['a count that is none', ['invite', '--uses', '0']],
    ['arguments that are no JSON', ['tools', 'call', 'x', '--args', '{']],
    ['arguments that are no object', ['tools', 'call', 'x', '--args', '[1]']],
    ['a proposal of no type', ['gov', 'propose', '--title', 'x', '--type', 'huge']],
    ['a setting that sets nothing', ['gov', 'propose', '--title', 'x', '--type', 'minor_change', '--set', 'key']],
    ['a vote without a reason', ['gov', 'vote', 'abc', 'approve']],
    ['a shard of so many cores', ['fog', 'deploy', 'magi', '--cpu', 'many']],
    ['a label that is none', ['fog', 'plan', 'magi', '--label', 'zone']],
    ['a priority that is none', ['fog', 'deploy', 'magi', '--priority', 'urgent']],
    ['a time that is none', ['audit', 'verify', '--from', 'yesterday']],
    ['a range that ends before it begins', ['audit', 'verify', '--from', '3', '--to', '1']],
    ['a file without lines in the place of anchors', ['audit', 'verify', '--anchors', '/dev/zero']],
    ['a file of anchors that holds none', ['audit', 'verify', '--anchors', new URL(import.meta.url).pathname]],
    ['an empty file of anchors', ['audit', 'verify', '--anchors', '/dev/null']],
    ['anchors of what is no node', ['audit', 'anchors', '--of', 'nonsense']],
  ])('%s ends with 2 and leaves stdout empty', async (_what, argv) => {
    const ran = await runCommand(argv);
    expect(ran.code).toBe(2);
    expect(ran.stdout).toBe('');
    expect(ran.stderr).not.toBe('');
  });

  test('a usage error with --json is one JSON object on stdout', async () => {
    const ran = await runCommand(['status', '--loud', '--json']);
    expect(ran.code).toBe(2);
    expect(JSON.parse(ran.stdout)).toEqual({
      error: { code: 'USAGE', message: expect.stringContaining('--loud'), hint: 'see --help' },
    });
    expect(ran.stderr).toBe('');
  });

  test.each(['knowledge', 'twin', 'demo'])('%s says that it is not built', async (verb) => {
    const ran = await runCommand([verb, 'anything', '--at', 'all', '--json']);
    expect(ran.code).toBe(1);
    expect(JSON.parse(ran.stdout)).toMatchObject({ error: { code: 'NOT_BUILT' } });
  });
});

describe('where no node runs', () => {
  test.each([['status'], ['peers'], ['servers'], ['tools', 'list'], ['tools', 'call', 'x'], ['audit', 'tail']])(
    '%s %s says so and ends with 1',
    async (...argv) => {
      const ran = await runCommand([...argv.filter((word) => word !== undefined), '--json', '--data', data]);
      expect(ran.code).toBe(1);
      expect(JSON.parse(ran.stdout)).toMatchObject({
        error: { code: 'NO_NODE', hint: expect.stringContaining('village up') },
      });
    },
  );

  test('token prints the token of the files and nothing else on stdout', async () => {
    const inputs: unknown[] = [];
    const handlers = {
      token: async (input: unknown) => (
        inputs.push(input), { token: 'a.b.c', token_id: 'ab', expires_at: '2026-01-01T00:00:00.000Z' }
      ),
    };
    expect(await runCommand(['token', '--agent', 'sage', '--ttl', '15m', '--data', data], { handlers })).toEqual({
      code: 0,
      stdout: 'a.b.c\n',
      stderr: '',
    });
    expect(inputs).toEqual([{ agent: 'sage', ttl_ms: 900_000 }]);
    const json = await runCommand(['--json', 'token', '--data', data], { handlers });
    expect(JSON.parse(json.stdout)).toEqual({ token: 'a.b.c', token_id: 'ab', expires_at: '2026-01-01T00:00:00.000Z' });
  });

  test('a coded error is told with its hint; with --json as an object on stdout', async () => {
    const handlers = {
      token: () => Promise.reject(new VillageError('NO_KEY', 'no key of sage is here', { hint: 'import it' })),
    };
    const plain = await runCommand(['token', '--agent', 'sage', '--data', data], { handlers });
    expect(plain).toEqual({ code: 1, stdout: '', stderr: 'NO_KEY: no key of sage is here\nimport it\n' });
    const json = await runCommand(['token', '--agent', 'sage', '--data', data, '--json'], { handlers });
    expect(JSON.parse(json.stdout)).toEqual({
      error: { code: 'NO_KEY', message: 'no key of sage is here', hint: 'import it' },
    });
    expect(json.code).toBe(1);
  });

  test('an outcome that is unknown ends with 3', async () => {
    const handlers = { join: () => Promise.reject(new VillageError('OUTCOME_UNKNOWN', 'x')) };
    expect((await runCommand(['join', 'i', '--data', data], { handlers })).code).toBe(3);
  });

  test('the files are closed even when a verb fails', async () => {
    let closed = 0;
    const openFiles = async () => ({
      handlers: { token: () => Promise.reject(new VillageError('X', 'x')) } as never,
      close: async () => void (closed += 1),
    });
    await runCommand(['token', '--data', data], { ports: { openFiles } });
    expect(closed).toBe(1);
  });

  test('a key is read from standard input, so that it stands in no argument list', async () => {
    const inputs: unknown[] = [];
    const handlers = {
      'agents.key.import': async (input: { key: unknown }) => (inputs.push(input.key), { name: 'sage' }),
    };
    const ran = await runCommand(['agents', 'key', 'import', '-', '--data', data], {
      handlers,
      input: '{"kty":"OKP"}',
    });
    expect(ran.code).toBe(0);
    expect(inputs).toEqual([{ kty: 'OKP' }]);
    expect(
      (await runCommand(['agents', 'key', 'import', '-', '--data', data], { handlers, input: 'nonsense' })).code,
    ).toBe(2);
  });

  test('a chain that breaks ends with 1 and names the entry', async () => {
    const verdict = {
      ok: false,
      checked: 7,
      accepted: [],
      broken_at: { seq: 7, kind: 'changed', message: 'its hash does not fit' },
    };
    const ran = await runCommand(['audit', 'verify', '--data', data], {
      handlers: { 'audit.verify': async () => verdict },
    });
    expect(ran.code).toBe(1);
    expect(ran.stderr).toContain('entry 7');
    const json = await runCommand(['audit', 'verify', '--data', data, '--json'], {
      handlers: { 'audit.verify': async () => verdict },
    });
    expect([json.code, JSON.parse(json.stdout)]).toEqual([1, verdict]);
  });

  test.each([
    ['a folder', import.meta.dirname],
    ['a file without lines', '/dev/zero'],
    ['a file that is not there', '/nowhere/export'],
  ])('%s in the place of another log’s export ends with 2', async (_, file) => {
    const ran = await runCommand(['audit', 'verify', '--data', data, '--against', file], {
      handlers: {
        'audit.verify': async () => ({ ok: true, checked: 0, accepted: [] }),
        'audit.export': async function* () {},
      },
    });
    expect(ran).toMatchObject({ code: 2, stdout: '', stderr: expect.stringContaining('FILE_UNREADABLE') });
  });

  test('the anchors of a node of which none are held are none, and a person is told so', async () => {
    const of = '12D3KooWGpB7nkVTvv8k2sncBfsEbR8uSHAxtv7UwwNNejcgq29i';
    const handlers = { 'audit.anchors': async () => ({ anchors: [] }) };
    const ran = await runCommand(['audit', 'anchors', '--of', of, '--data', data], { handlers });
    expect(ran).toMatchObject({
      code: 1,
      stdout: '',
      stderr: expect.stringContaining(`holds nothing of the log of ${of}`),
    });
    const own = await runCommand(['audit', 'anchors', '--data', data], { handlers });
    expect(own).toMatchObject({ code: 0, stdout: '', stderr: expect.stringContaining('nobody has countersigned') });
  });

  test('its own export in the place of another log’s is named, and vouches for nothing', async () => {
    const file = join(data, 'own.jsonl');
    const start = { seq: 1, atMs: 1, kind: 'start', callId: '', peer: 'A', argumentsHash: '', hash: 'a'.repeat(64) };
    writeFileSync(file, `${JSON.stringify(start)}\n`);
    const against = (log: object) =>
      runCommand(['audit', 'verify', '--data', data, '--against', file], {
        handlers: {
          'audit.verify': async () => ({ ok: true, checked: 1, accepted: [] }),
          'audit.export': async function* () {
            yield log;
          },
        },
      });
    expect(await against({ ...start, peer: 'B' })).toMatchObject({ code: 0, stdout: expect.stringContaining('alike') });
    const own = await against(start);
    expect(own).toMatchObject({ code: 1, stdout: expect.stringContaining('this node’s own') });
    expect(own.stdout).not.toContain('alike');
  });

  test('an export is one JSON object a line', async () => {
    const handlers = {
      'audit.export': async function* () {
        yield { seq: 1 };
        yield { seq: 2 };
      },
    };
    expect((await runCommand(['audit', 'export', '--data', data], { handlers })).stdout).toBe('{"seq":1}\n{"seq":2}\n');
  });

  test('what others named cannot steer the terminal', async () => {
    const agents = [{ name: 'x\u001b[2J', level: 'OPERATOR', has_key: false, kind: 'node' }] as const;
    const ran = await runCommand(['agents', 'list', '--data', data], {
      handlers: { 'agents.list': async () => ({ agents }) },
    });
    expect(ran.stdout).not.toContain('\u001b');
  });
});

describe('gov', () => {
  test.each([
    ['show', 'zzzz'],
    ['vote', 'abcdef', 'maybe', '--reason', 'x'],
    ['override', 'abcdef', 'perhaps', '--reason', 'x'],
    ['hold', 'planet', 'x', '--reason', 'x'],
    ['verify', '/dev/null', '--village', 'abc'],
    ['certificate', 'A'.repeat(64)],
  ])('that is given what cannot be is a usage error: %s %s', async (...argv) => {
    const ran = await runCommand(['gov', ...argv, '--json', '--data', data]);
    expect(ran.code).toBe(2);
    expect(JSON.parse(ran.stdout)).toMatchObject({ error: { code: 'USAGE' } });
    expect(ran.stdout).not.toContain('regex');
  });
});

describe('up', () => {
  const never = () => new Promise<void>(() => undefined);
  const ready = {
    nodeId: 'n',
    villageId: 'v',
    gateway: 'http://127.0.0.1:1/mcp',
    admin: 'http://127.0.0.1:2',
    addresses: ['/ip4/127.0.0.1/tcp/3'],
    startedMs: 5,
  };

  test('prints one ready line, and stops the node at the signal', async () => {
    const ending = new AbortController();
    const seen: (NodeOptions | string)[] = [];
    const createNode = async (options: NodeOptions) => {
      seen.push(options);
      return {
        start: async () => (setImmediate(() => ending.abort()), ready),
        stop: async (reason: string) => void seen.push(reason),
        restartAsked: never,
      };
    };
    const argv = [
      'up',
      '--json',
      '--data',
      data,
      '--gateway',
      '127.0.0.1:0',
      '--listen',
      '/a',
      '--listen',
      '/b',
      '--join',
      'inv',
    ];
    const ran = await runCommand(argv, { ports: { createNode }, signal: ending.signal });
    expect(ran.code).toBe(0);
    expect(JSON.parse(ran.stdout)).toEqual({
      event: 'ready',
      node_id: 'n',
      village_id: 'v',
      gateway: 'http://127.0.0.1:1/mcp',
      admin: 'http://127.0.0.1:2',
      addresses: ['/ip4/127.0.0.1/tcp/3'],
      pid: process.pid,
      started_ms: 5,
    });
    expect(seen).toEqual([
      {
        dataDir: data,
        configFile: undefined,
        flags: { gateway: '127.0.0.1:0', admin: undefined, listen: ['/a', '/b'] },
        invite: 'inv',
        env: {},
      },
      'signal',
    ]);
  });

  test('starts the node again when it asks for it, without the invite', async () => {
    const ending = new AbortController();
    const seen: (string | undefined)[] = [];
    const createNode = async ({ invite }: NodeOptions) => {
      const isFirst = seen.length === 0;
      seen.push(invite);
      return {
        start: async () => (isFirst || setImmediate(() => ending.abort()), ready),
        stop: async (reason: string) => void seen.push(reason),
        restartAsked: isFirst ? async () => undefined : never,
      };
    };
    const argv = ['up', '--json', '--data', data, '--join', 'inv'];
    expect((await runCommand(argv, { ports: { createNode }, signal: ending.signal })).code).toBe(0);
    expect(seen).toEqual(['inv', 'restart', undefined, 'signal']);
  });

  test('reads the invite from standard input where the command line says so', async () => {
    const invites: (string | undefined)[] = [];
    const createNode = async ({ invite }: NodeOptions) => {
      invites.push(invite);
      return {
        start: () => Promise.reject(new VillageError('INVITE_INVALID', 'no')),
        stop: async () => undefined,
        restartAsked: never,
      };
    };
    await runCommand(['up', '--data', data, '--join', '-'], { ports: { createNode }, input: 'inv\n' });
    expect(invites).toEqual(['inv']);
  });

  test.each(['ADDRESS_INVALID', 'GATEWAY_INSECURE_BIND', 'INVITE_MALFORMED'])(
    'that is given an address or invite that is none ends with 2: %s',
    async (code) => {
      const node = {
        start: () => Promise.reject(new VillageError(code, 'x')),
        stop: async () => undefined,
        restartAsked: never,
      };
      expect((await runCommand(['up', '--data', data], { ports: { createNode: async () => node } })).code).toBe(2);
    },
  );

  test('that fails to start ends with what failed', async () => {
    const node = {
      start: () => Promise.reject(new VillageError('ADDRESS_TAKEN', 'taken (--admin)')),
      stop: async () => undefined,
      restartAsked: never,
    };
    const ran = await runCommand(['up', '--data', data], { ports: { createNode: async () => node } });
    expect([ran.code, ran.stderr]).toEqual([1, 'ADDRESS_TAKEN: taken (--admin)\n']);
  });

  test('--print-config shows values with their origin and starts nothing', async () => {
    writeFileSync(join(data, 'village.json'), JSON.stringify({ admin: '127.0.0.1:9' }));
    const ran = await runCommand(['up', '--print-config', '--gateway', '127.0.0.1:8', '--data', data]);
    expect(ran.code).toBe(0);
    expect(ran.stdout).toContain('gateway = "127.0.0.1:8"  (flag)\n');
    expect(ran.stdout).toContain('admin = "127.0.0.1:9"  (file)\n');
    expect(ran.stdout).toContain('defaultAgent = "local"  (default)\n');
  });
});

describe('config check', () => {
  test('accepts a good file and names what is wrong with a bad one', async () => {
    const file = join(data, 'any.json');
    writeFileSync(file, JSON.stringify({ mcpServers: { files: { command: 'x', autoApprove: [] } } }));
    const good = await runCommand(['config', 'check', file, '--json']);
    expect(JSON.parse(good.stdout)).toMatchObject({
      ok: true,
      servers: ['files'],
      notices: [expect.stringContaining('autoApprove')],
    });
    writeFileSync(file, '{"gatway":1}');
    const bad = await runCommand(['config', 'check', file]);
    expect(bad.code).toBe(2);
    expect(bad.stderr).toContain('`gatway`');
    expect((await runCommand(['config', 'check', join(data, 'none.json')])).code).toBe(2);
  });
});

describe('client connect', () => {
  test('writes the bridge beside what is there, keeps a backup, and puts no token in', async () => {
    const env = { HOME: data, XDG_CONFIG_HOME: join(data, 'config') };
    const file = join(data, '.claude.json');
    const before = '{"theme":"dark","mcpServers":{"other":{"command":"x"}}}';
    writeFileSync(file, before, { mode: 0o600 });
    const ran = await runCommand(['client', 'connect', 'claude-code', '--data', data, '--json'], { env });
    expect(ran.code, ran.stderr).toBe(0);
    const after: unknown = JSON.parse(readFileSync(file, 'utf8'));
    expect(after).toMatchObject({
      theme: 'dark',
      mcpServers: { other: { command: 'x' }, village: { args: expect.arrayContaining(['connect', '--data', data]) } },
    });
    const { backup } = JSON.parse(ran.stdout) as { backup: string };
    expect(readFileSync(backup, 'utf8')).toBe(before);
    expect(statSync(file).mode & 0o777).toBe(0o600);
  });

  test('--dry-run writes nothing', async () => {
    const ran = await runCommand(['client', 'connect', 'cursor', '--dry-run', '--data', data], { env: { HOME: data } });
    expect(ran.code).toBe(0);
    expect(ran.stdout).toContain('"connect"');
    expect(readdirSync(data)).toEqual([]);
  });

  test('leaves a file alone that it cannot read, and says what to add', async () => {
    const file = join(data, '.claude.json');
    writeFileSync(file, '{ // mine\n}');
    const ran = await runCommand(['client', 'connect', 'claude-code', '--data', data], { env: { HOME: data } });
    expect(ran.code).toBe(1);
    expect(ran.stderr).toContain('by hand');
    expect(readFileSync(file, 'utf8')).toBe('{ // mine\n}');
    expect((await runCommand(['client', 'connect', 'nonesuch'], { env: { HOME: data } })).code).toBe(2);
  });
});
