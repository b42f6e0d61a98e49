import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ConfigError, type Flags, parseConfig } from '../../../node/config/index.ts';
import { readJson } from '../../../node/config/json-text.ts';

const parse = (value: unknown, env: Record<string, string> = {}) =>
  parseConfig(typeof value === 'string' ? value : JSON.stringify(value), { name: 'village.json', env });

function refusal(value: unknown, env: Record<string, string> = {}): ConfigError {
  try {
    parse(value, env);
  } catch (error) {
    if (error instanceof ConfigError) return error;
    throw error;
  }
  throw new Error('it was accepted');
}

describe('a configuration', () => {
  test('that is empty gives every default', () => {
    expect(parse({}).config).toMatchObject({
      gateway: '127.0.0.1:7117',
      admin: '127.0.0.1:7118',
      defaultAgent: 'local',
      mcpServers: {},
    });
  });

  test('with an unknown key is refused by the name of the key, the likely one and the allowed ones', () => {
    const error = refusal({ gatway: '127.0.0.1:1' });
    expect(error.code).toBe('CONFIG_INVALID');
    expect(error.message).toMatch(
      /^village\.json: unknown key `gatway`, did you mean `gateway`\? \(allowed: .*mcpServers.*gateway/,
    );
  });

  test('with a log level for no area of this node names the areas', () => {
    expect(refusal({ log: { areas: { frog: 'debug' } } }).message).toMatch(
      /unknown key `frog` in `log\.areas`, did you mean `fog`\?.*mesh.*router.*telemetry/,
    );
    expect(refusal({ log: { areas: { fog: 'loud' } } }).message).toContain('log.areas.fog');
    expect(parse({ log: { areas: { fog: 'debug', router: 'warn' } } }).config.log).toEqual({
      level: 'info',
      areas: { fog: 'debug', router: 'warn' },
      format: 'text',
    });
  });

  test.each([
    ['secrets in its URL', { endpoint: 'https://me:secret@collector.example' }],
    ['a query', { endpoint: 'http://127.0.0.1:4318/?a=b' }],
    ['another protocol', { endpoint: 'grpc://127.0.0.1:4317' }],
    ['no endpoint', {}],
    ['a ratio beyond 1', { endpoint: 'http://127.0.0.1:4318', sampleRatio: 1.5 }],
    ['headers in the open', { endpoint: 'http://collector.example', headersFile: 'headers.json' }],
    [
      'headers in the open, by a name that looks like loopback',
      { endpoint: 'http://127.0.0.1.example', headersFile: 'x' },
    ],
  ])('with a collector of %s is refused, and nothing of it is repeated', (_what, otlp) => {
    const { code, message } = refusal({ telemetry: { otlp } });
    expect(code).toBe('CONFIG_INVALID');
    expect(message).toContain('telemetry.otlp');
    expect(message).not.toContain('secret@');
  });

  test('with a collector traces what its callers do not forbid, unless told otherwise', () => {
    const { telemetry } = parse({
      telemetry: { otlp: { endpoint: 'http://[::1]:4318', headersFile: 'h.json' } },
    }).config;
    expect(telemetry.otlp).toEqual({
      endpoint: 'http://[::1]:4318',
      headersFile: 'h.json',
      sampleRatio: 1,
      askedPerMinute: 600,
    });
    expect(parse({}).config.telemetry.otlp).toBeUndefined();
  });

  test('that would look for servers less than once a day is refused: no timer waits so long', () => {
    expect(parse({ discovery: { lookupIntervalMs: 86_400_000 } }).config.discovery.lookupIntervalMs).toBe(86_400_000);
    expect(refusal({ discovery: { lookupIntervalMs: 86_400_001 } }).message).toContain('`discovery.lookupIntervalMs`');
  });

  test('with an unknown key further down names the place', () => {
    expect(refusal({ limits: { perSecond: 1 } }).message).toMatch(
      /unknown key `perSecond` in `limits`.*perNodePerSecond/,
    );
  });

  test.each(['0.0.0.0:7118', '192.168.1.4:7118', '[::]:7118', 'example.com:7118', '127.0.0.1.evil.com:7118'])(
    'with an admin address that others could reach is refused: %s',
    (admin) => {
      expect(refusal({ admin }).message).toContain('`admin`: a loopback address');
    },
  );

  test('with an admin address on loopback is taken, however it is written', () => {
    for (const admin of ['127.0.0.2:1', 'localhost:0', '[::1]:65535'])
      expect(parse({ admin }).config.admin).toBe(admin);
  });

  test('with a port that there is not is refused', () => {
    expect(refusal({ gateway: '127.0.0.1:65536' }).message).toContain('`gateway`: a port is at most 65535');
  });

  test('that the command line overrules wrongly is refused by the flag, not by the file', () => {
    const refused = (config: object, flags: Flags) => {
      try {
        parseConfig(JSON.stringify(config), { name: 'village.json', env: {}, flags });
        return '';
      } catch (error) {
        return error instanceof ConfigError ? `${error.code} ${error.message}` : String(error);
      }
    };
    const ofFlag = 'CONFIG_INVALID --gateway: HOST:PORT, as in 127.0.0.1:7117';
    expect(refused({}, { gateway: 'nowhere' })).toBe(ofFlag);
    expect(refused({ gateway: 'elsewhere' }, { gateway: 'nowhere' })).toBe(ofFlag);
    expect(refused({}, { listen: ['/ip4/127.0.0.1/tcp/0', 'here'] })).toMatch(/^CONFIG_INVALID --listen: /);
    expect(refused({ gatway: 'x' }, { gateway: 'nowhere' })).toMatch(
      /--gateway: .*; village\.json: unknown key `gatway`/,
    );
  });

  test('with a wrong type names the path', () => {
    expect(refusal({ mcpServers: { files: { command: 'x', args: ['a', 7] } } }).message).toContain(
      '`mcpServers.files.args[1]`',
    );
  });

  test('with neither command nor url, or with both, says so', () => {
    expect(refusal({ mcpServers: { files: {} } }).message).toContain('give either `command` or `url`');
    expect(refusal({ mcpServers: { files: { command: 'x', url: 'http://127.0.0.1/' } } }).message).toContain(
      'give either `command` or `url`',
    );
  });

  test.each(['[]', '"x"', '7', 'null'])('that is %s is refused', (text) => {
    expect(refusal(text).code).toBe('CONFIG_INVALID');
  });

  test.each([
    ['{"gateway": }', 'village.json:1:13: expected a value'],
    ['{\n  "gateway": "127.0.0.1:1",\n}', 'village.json:3:1: a comma stands before the end'],
    ['{"gateway":"127.0.0.1:1","gateway":"127.0.0.1:2"}', 'village.json:1:26: the key `gateway` stands twice'],
    ['{"log":{"level":"info"}', 'village.json:1:24: expected a comma or }'],
    ['', 'village.json:1:1: the text ends too early'],
  ])('that is no JSON (%s) is refused with the place', (text, message) => {
    const error = refusal(text);
    expect(error.code).toBe('CONFIG_MALFORMED');
    expect(error.message).toBe(message);
  });

  test('never shows a value of the file in an error', () => {
    const secret = 'hunter2-hunter2';
    for (const text of [
      `{"mcpServers":{"a":{"command":"x","env":{"KEY":["${secret}"]}}}}`,
      `{"gateway":"${secret}"}`,
      `{"a":"${secret}" oops}`,
    ]) {
      expect(refusal(text).message).not.toContain(secret);
    }
  });

  test('of any text is accepted or refused with a coded error', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json()), (text) => {
        try {
          parse(text);
        } catch (error) {
          expect(error).toBeInstanceOf(ConfigError);
        }
      }),
    );
  });

  test('reads JSON as JSON.parse does', () => {
    const readsAlike = (text: string) => {
      const read = readJson(text);
      try {
        expect(read).toEqual({ kind: 'value', value: JSON.parse(text) });
      } catch (error) {
        if (!(error instanceof SyntaxError)) throw error;
        expect(read.kind).toBe('broken');
      }
    };
    fc.assert(
      fc.property(
        fc.json(),
        fc.nat(),
        (text, at) => (readsAlike(text), readsAlike(text.slice(0, at % (text.length + 1)))),
      ),
    );
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(...'{}[]:,"\\u0019eE.-+ tnrflase') }), (text) => readsAlike(text)),
    );
  });
});

describe('servers', () => {
  test('may stand under `servers` as well, and both blocks are one', () => {
    const { config } = parse({
      mcpServers: { a: { command: 'x' } },
      servers: { b: { url: 'http://127.0.0.1:9/mcp' } },
    });
    expect(Object.keys(config.mcpServers).sort()).toEqual(['a', 'b']);
    expect(config.servers).toBeUndefined();
  });

  test('of one name in both blocks are refused by name', () => {
    expect(refusal({ mcpServers: { a: { command: 'x' } }, servers: { a: { command: 'y' } } }).message).toContain(
      '`a` stands in both',
    );
  });

  test('keep keys of other clients out of the way, with a notice for each that changes nothing', () => {
    const entry = { command: 'x', type: 'stdio', autoApprove: ['t'], icon: 'i.png', timeout: 5, description: 'd' };
    const { config, notices } = parse({ mcpServers: { a: entry } });
    expect(config.mcpServers['a']).toMatchObject({ command: 'x', timeout: 5, description: 'd' });
    expect(notices.map((notice) => notice.split(':')[0])).toEqual(['mcpServers.a.autoApprove', 'mcpServers.a.icon']);
  });

  test('with a key that is a slip of the pen are refused rather than guessed', () => {
    expect(refusal({ mcpServers: { a: { command: 'x', evn: { A: 'b' } } } }).message).toMatch(
      /unknown key `evn` in `mcpServers\.a`, did you mean `env`/,
    );
  });

  test.each(['minLevel', 'min_level', 'governanceLevel', 'LEVELS', 'tool-levels'])(
    'with %s are refused: who may call their tools is not left to a key that is passed over',
    (key) => {
      expect(refusal({ mcpServers: { a: { command: 'x', [key]: 'GOVERNANCE' } } }).message).toContain(
        `unknown key \`${key}\` in \`mcpServers.a\``,
      );
    },
  );

  test.each(['logLevel', 'log_level', 'loggingLevel'])('may have the %s of another client', (key) => {
    expect(parse({ mcpServers: { a: { command: 'x', [key]: 'debug' } } }).notices).toEqual([
      expect.stringContaining(`mcpServers.a.${key}: accepted and not used`),
    ]);
  });

  test('with keys of other clients that restrict are taken at their word, without a notice', () => {
    const restricts = { includeTools: ['a', 'b(x)'], excludeTools: ['c'], disabledTools: ['d'], disabled: false };
    const { config, notices } = parse({ mcpServers: { a: { command: 'x', ...restricts } } });
    expect(config.mcpServers['a']).toMatchObject(restricts);
    expect(notices).toEqual([]);
    for (const [key, value] of [
      ['includeTools', 'a'],
      ['excludeTools', [1]],
      ['disabledTools', { a: true }],
    ] as const)
      expect(refusal({ mcpServers: { a: { command: 'x', [key]: value } } }).message).toContain(`mcpServers.a.${key}`);
  });

  test.each(['denyTools', 'blocked_tools', 'disallowedTools', 'enabledTools', 'enabled_tools', 'availableTools'])(
    'with %s are refused: more would be offered than was meant',
    (key) => {
      expect(refusal({ mcpServers: { a: { command: 'x', [key]: ['t'] } } }).message).toContain(
        `unknown key \`${key}\` in \`mcpServers.a\``,
      );
    },
  );

  test('that another client disabled are not enabled', () => {
    expect(parse({ mcpServers: { a: { command: 'x', disabled: true } } }).config.mcpServers['a']?.enabled).toBe(false);
  });

  test('have names that fit in a tool name', () => {
    expect(refusal({ mcpServers: { 'a b': { command: 'x' } } }).message).toContain('a server name');
  });
});

describe('${VAR}', () => {
  test('expands in every string value', () => {
    const { config } = parse(
      { mcpServers: { a: { command: '${DIR}/bin', args: ['--x=${X}'], env: { K: '${X}${X}' } } } },
      { DIR: '/opt', X: '1' },
    );
    expect(config.mcpServers['a']).toMatchObject({ command: '/opt/bin', args: ['--x=1'], env: { K: '11' } });
  });

  test('that is not set is an error naming the variable and the key', () => {
    const error = refusal({ mcpServers: { a: { command: 'x', env: { K: '${NO_SUCH}' } } } });
    expect(error.code).toBe('CONFIG_VARIABLE');
    expect(error.message).toContain('`mcpServers.a.env.K` uses ${NO_SUCH}, which is not set');
  });

  test('takes what follows :- where it is not set, and $${VAR} stays as it is', () => {
    const { config } = parse({ mcpServers: { a: { command: 'x', args: ['${NO_SUCH:-d}', '$${NO_SUCH}'] } } });
    expect(config.mcpServers['a']?.args).toEqual(['d', '${NO_SUCH}']);
  });

  test('is not expanded again in what a variable holds', () => {
    expect(
      parse({ mcpServers: { a: { command: 'x', args: ['${A}'] } } }, { A: '${B}', B: 'no' }).config.mcpServers['a']
        ?.args,
    ).toEqual(['${B}']);
  });
});
