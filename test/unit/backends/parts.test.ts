import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { AgentInstances } from '../../../node/backends/agent-instances.ts';
import { Backoff } from '../../../node/backends/backoff.ts';
import { commandPath } from '../../../node/backends/command-path.ts';
import { childEnvironment } from '../../../node/backends/environment.ts';
import { statelessHeaders } from '../../../node/backends/stateless-headers.ts';
import type { Supervisor } from '../../../node/backends/supervisor.ts';
import { sessionParams, sessionResult, statelessParams, statelessResult } from '../../../src/mcp/index.ts';
import { contextFor } from '../../support/hosting.ts';

describe('back-off', () => {
  test('doubles from 250 ms to 30 s', () => {
    const backoff = new Backoff();
    const delays = Array.from({ length: 10 }, () => backoff.next(0, 1));
    expect(delays).toEqual([250, 500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000, 30_000]);
  });

  test('leaves up to half of each wait to chance', () => {
    expect(new Backoff().next(0, 0)).toBe(125);
    expect(new Backoff().next(0, 0.5)).toBe(188);
  });

  test('begins anew after a healthy minute, and not before', () => {
    const backoff = new Backoff();
    backoff.next(0, 1);
    expect(backoff.next(59_999, 1)).toBe(500);
    expect(backoff.next(60_000, 1)).toBe(250);
    expect(backoff.next(0, 1)).toBe(500);
  });
});

describe('the environment of a child', () => {
  test('is six variables, its own configuration and the mark, which nothing overrides', () => {
    const parent = {
      PATH: '/bin',
      HOME: '/h',
      LANG: 'C',
      TMPDIR: '/t',
      USER: 'u',
      SHELL: '/s',
      AWS_SECRET: 'x',
      NODE_OPTIONS: '-r evil',
    };
    expect(childEnvironment(parent, { env: { PATH: '/own', VILLAGE_CHILD: 'forged' }, mark: 'm.1.' })).toEqual({
      PATH: '/own',
      HOME: '/h',
      LANG: 'C',
      TMPDIR: '/t',
      USER: 'u',
      SHELL: '/s',
      VILLAGE_CHILD: 'm.1.',
    });
  });
});

describe('a command', () => {
  test('is found on PATH when it may be run, or by its own path', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'village-path-'));
    mkdirSync(join(folder, 'dir'));
    writeFileSync(join(folder, 'plain'), '');
    writeFileSync(join(folder, 'tool'), '#!/bin/sh\n');
    chmodSync(join(folder, 'tool'), 0o755);
    const find = (command: string, path = `relative:/nowhere:${folder}`) => commandPath(command, { path, cwd: folder });
    expect(await find('tool')).toBe(join(folder, 'tool'));
    expect(await find('./tool', '')).toBe(join(folder, 'tool'));
    expect(await find('dir')).toBeUndefined();
    expect(await find('plain')).toBeUndefined();
    expect(await find('tool', '')).toBeUndefined();
    expect(await find('')).toBeUndefined();
    rmSync(folder, { recursive: true });
  });
});

describe('headers that repeat the body', () => {
  const meta = { 'io.modelcontextprotocol/protocolVersion': '2026-07-28' };
  const headersOf = (params: Record<string, unknown>, method = 'tools/call', schema?: Record<string, unknown>) =>
    statelessHeaders({ jsonrpc: '2.0', id: 1, method, params: { _meta: meta, ...params } }, () => schema);

  test('name method and target', () => {
    const expected = { 'MCP-Protocol-Version': '2026-07-28', 'Mcp-Method': 'resources/read', 'Mcp-Name': 'a://b' };
    expect(headersOf({ uri: 'a://b' }, 'resources/read')).toEqual(expected);
  });

  test.each([
    ['ö', '=?base64?w7Y=?='],
    [' edge', '=?base64?IGVkZ2U=?='],
    ['a\nb', '=?base64?YQpi?='],
    ['=?base64?eA==?=', '=?base64?PT9iYXNlNjQ/ZUE9PT89?='],
    ['', '=?base64??='],
    ['in ner', 'in ner'],
  ])('carry %j as %j', (name, value) => {
    expect(headersOf({ name })?.['Mcp-Name']).toBe(value);
  });

  test('carry the arguments that the schema asks for, nested ones too, and no others', () => {
    const schema = {
      properties: {
        region: { 'x-mcp-header': 'Region' },
        deep: { properties: { n: { 'x-mcp-header': 'N' } } },
        list: { 'x-mcp-header': 'List' },
        bad: { 'x-mcp-header': 'a b\r\nx: y' },
        none: { 'x-mcp-header': 'None' },
      },
    };
    const args = { region: 'eu', deep: { n: 4 }, list: [1], bad: 'x', other: 'y' };
    expect(headersOf({ name: 't', arguments: args }, 'tools/call', schema)).toEqual({
      'MCP-Protocol-Version': '2026-07-28',
      'Mcp-Method': 'tools/call',
      'Mcp-Name': 't',
      'Mcp-Param-Region': 'eu',
      'Mcp-Param-N': '4',
    });
  });

  test('are none in the session era', () => {
    expect(
      statelessHeaders({ jsonrpc: '2.0', method: 'tools/call', params: { name: 'x' } }, () => undefined),
    ).toBeUndefined();
  });
});

describe('translation between the eras', () => {
  const caller = { version: '2026-07-28', clientInfo: { name: 'v', version: '1' }, capabilities: {} };
  const envelope = {
    'io.modelcontextprotocol/protocolVersion': '2026-07-28',
    'io.modelcontextprotocol/clientInfo': { name: 'v', version: '1' },
    'io.modelcontextprotocol/clientCapabilities': {},
  };

  test('takes the envelope off and leaves everything else', () => {
    const params = {
      name: 'x',
      _meta: { ...envelope, 'io.modelcontextprotocol/logLevel': 'info', progressToken: 3, 'a/b': 1 },
    };
    expect(sessionParams(params)).toEqual({ name: 'x', _meta: { progressToken: 3, 'a/b': 1 } });
    expect(sessionParams({ name: 'x', _meta: envelope })).toEqual({ name: 'x' });
    expect(sessionParams({ name: 'x', task: { ttl: 1 } })).toEqual({ name: 'x' });
    expect(sessionParams(undefined)).toBeUndefined();
    expect(sessionParams({ _meta: 7 })).toEqual({ _meta: 7 });
  });

  test('puts the envelope on, over whatever claims to be one', () => {
    const params = { name: 'x', _meta: { progressToken: 3, 'io.modelcontextprotocol/protocolVersion': 'forged' } };
    expect(statelessParams(params, caller)).toEqual({ name: 'x', _meta: { progressToken: 3, ...envelope } });
    expect(statelessParams(undefined, caller)).toEqual({ _meta: envelope });
  });

  test('marks results complete and reads private', () => {
    expect(statelessResult('tools/call', { content: [] }, { ttlMs: 9 })).toEqual({
      content: [],
      resultType: 'complete',
    });
    const read = { contents: [], resultType: 'complete', ttlMs: 9, cacheScope: 'private' };
    expect(statelessResult('resources/read', { contents: [] }, { ttlMs: 9 })).toEqual(read);
  });

  test('takes the marks off for a session, and has no word for a result that asks for input', () => {
    const result = {
      contents: [],
      resultType: 'complete',
      ttlMs: 9,
      cacheScope: 'public',
      _meta: { 'io.modelcontextprotocol/serverInfo': {} },
    };
    expect(sessionResult(result)).toEqual({ contents: [] });
    expect(sessionResult({ content: [], _meta: { a: 1 } })).toEqual({ content: [], _meta: { a: 1 } });
    expect(sessionResult({ resultType: 'input_required' })).toBeUndefined();
  });
});

describe('processes of agents', () => {
  /** The part of a supervisor that instances use. */
  function instances() {
    const log: string[] = [];
    const busy = new Set<number>();
    let made = 0;
    const create = (): Supervisor => {
      const n = ++made;
      const fake: Pick<Supervisor, 'idle' | 'start' | 'stop' | 'request'> = {
        get idle() {
          return !busy.has(n);
        },
        start: () => void log.push(`start ${n}`),
        stop: async () => void log.push(`stop ${n}`),
        request: async () => ({ body: new Uint8Array([n]), outcome: 'ok', reason: '' }),
      };
      return fake as Supervisor;
    };
    return { agents: new AgentInstances(create, { idleMs: 1_000 }), log, busy };
  }
  const request = { jsonrpc: '2.0', id: 1, method: 'tools/call' } as const;
  const call = (agents: AgentInstances, agent: string) =>
    agents.request(request, contextFor({ agent }), { deadlineAt: Number.POSITIVE_INFINITY });

  test('are sixteen at most: the one longest unused makes room, and nobody at work does', async () => {
    const { agents, log, busy } = instances();
    for (let n = 1; n <= 16; n++) await call(agents, `a${n}`);
    busy.add(1);
    await call(agents, 'a17');
    expect(log.slice(16)).toEqual(['stop 2', 'start 17']);
    for (let n = 1; n <= 17; n++) busy.add(n);
    expect(await call(agents, 'a18')).toMatchObject({ notStarted: true, reason: 'NO_HEALTHY_SERVER' });
    expect(agents.size).toBe(16);
    await agents.stop();
  });

  test('end after their idle time, and a new call starts a new one', async () => {
    const { agents, log, busy } = instances();
    await call(agents, 'ann');
    await call(agents, 'bob');
    busy.add(2);
    agents.sweep(performance.now() + 500);
    expect(agents.size).toBe(2);
    agents.sweep(performance.now() + 2_000);
    expect(log).toEqual(['start 1', 'start 2', 'stop 1']);
    expect((await call(agents, 'ann')).body).toEqual(new Uint8Array([3]));
    await agents.stop();
    expect((await call(agents, 'eve')).notStarted).toBe(true);
  });
});
