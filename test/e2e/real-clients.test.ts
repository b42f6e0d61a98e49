import { SSEClientTransport } from '@modelcontextprotocol/sdk/client/sse.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { EVERYTHING, INSPECTOR } from '../support/agents.ts';
import { answeringAgent, overHttp } from '../support/answering-agent.ts';
import { cleanUp, dataFolder, ROOT, run } from '../support/process-node.ts';
import { type TwoNodes, twoNodes } from '../support/two-nodes.ts';
import { until } from '../support/until.ts';
import { v2Agent, v2OnProgram, v2OverHttp } from '../support/v2-agent.ts';

const MCP_REMOTE = join(ROOT, 'node_modules/mcp-remote/dist/proxy.js');
const fixture = (name: string, ...args: string[]) => ({
  command: process.execPath,
  args: [join(ROOT, 'test/fixtures/conformance', `${name}.ts`), ...args],
});

interface Progress {
  readonly progress: number;
  readonly total?: number | undefined;
}
interface CallOptions {
  readonly onprogress?: (progress: Progress) => void;
  readonly signal?: AbortSignal;
}
/** What is asked of every client here: both lines of the SDK have it. */
interface Agent {
  call(name: string, given?: Record<string, unknown>, options?: CallOptions): Promise<object>;
  close(): Promise<void>;
}

let village: TwoNodes;
let url: string;
let token: string;

beforeAll(async () => {
  village = await twoNodes({
    everything: { command: process.execPath, args: [EVERYTHING, 'stdio'] },
    session: fixture('session'),
    stateless: fixture('stateless', 'only'),
  });
  url = village.far.ready.gateway;
  token = await village.far.token();
}, 60_000);

afterAll(() => cleanUp());

async function v1(transport: Transport): Promise<Agent> {
  const { client } = await answeringAgent(transport);
  return {
    call: (name, given = {}, options = {}) => client.callTool({ name, arguments: given }, undefined, options),
    close: () => client.close(),
  };
}
async function v2(transport: Parameters<typeof v2Agent>[0], mode: Parameters<typeof v2Agent>[1]): Promise<Agent> {
  const client = await v2Agent(transport, mode);
  return {
    call: (name, given = {}, options = {}) => client.callTool({ name, arguments: given }, options),
    close: () => client.close(),
  };
}
const onProgram = (args: readonly string[]) =>
  new StdioClientTransport({ command: process.execPath, args: [...args], stderr: 'pipe' }) as Transport;
const bridge = () => [join(ROOT, 'node/main.ts'), 'connect', '--data', village.far.data];
/** mcp-remote reads the header from a file: a token has no place among a program's arguments. */
function remote(): string[] {
  const file = join(dataFolder('remote'), 'headers');
  writeFileSync(file, `Authorization: Bearer ${token}\n`, { mode: 0o600 });
  return [MCP_REMOTE, url, '--transport', 'http-only', '--header-file', file];
}

const CLIENTS: readonly (readonly [name: string, open: () => Promise<Agent>])[] = [
  ['the SDK v1 over Streamable HTTP', () => v1(overHttp(url, token))],
  [
    'the SDK v1 over HTTP+SSE',
    () =>
      v1(
        new SSEClientTransport(new URL('/sse', url), {
          requestInit: { headers: { authorization: `Bearer ${token}` } },
        }),
      ),
  ],
  ['the SDK v1 on the stdio bridge', () => v1(onProgram(bridge()))],
  ['the SDK v1 on mcp-remote', () => v1(onProgram(remote()))],
  ['the SDK v2 with sessions', () => v2(v2OverHttp(url, token), 'legacy')],
  ['the SDK v2 left to choose', () => v2(v2OverHttp(url, token), 'auto')],
  ['the SDK v2 without sessions', () => v2(v2OverHttp(url, token), 'pin')],
  ['the SDK v2 with sessions on the stdio bridge', () => v2(v2OnProgram(process.execPath, bridge()), 'legacy')],
  ['the SDK v2 left to choose on the stdio bridge', () => v2(v2OnProgram(process.execPath, bridge()), 'auto')],
  ['the SDK v2 without sessions on the stdio bridge', () => v2(v2OnProgram(process.execPath, bridge()), 'pin')],
];

const inFlight = async () => (await village.host.json<{ calls_in_flight: number }>(['status'])).calls_in_flight;

describe.each(CLIENTS)('%s, with servers a hop away', (_, open) => {
  let agent: Agent;
  beforeAll(async () => {
    agent = await open();
  });
  afterAll(() => agent?.close());

  test('gets structured content and the same as text', async () => {
    const result = await agent.call('everything__get-structured-content', { location: 'Chicago' });
    const { structuredContent, content } = result as { structuredContent: object; content: [{ text: string }] };
    expect(Object.keys(structuredContent).sort()).toEqual(['conditions', 'humidity', 'temperature']);
    expect(JSON.parse(content[0].text)).toEqual(structuredContent);
  });

  test('hears of progress, in order and before the end', async () => {
    const heard: Progress[] = [];
    const given = { duration: 0.4, steps: 4 };
    const result = await agent.call('everything__trigger-long-running-operation', given, {
      onprogress: (progress) => heard.push(progress),
    });
    expect(JSON.stringify(result)).toContain('Long running operation completed');
    // The SDK drops progress that it reads together with the reply, as on a busy machine: what it kept is the beginning, in order.
    expect(heard.length).toBeGreaterThan(0);
    expect(heard).toEqual([1, 2, 3, 4].slice(0, heard.length).map((progress) => ({ progress, total: 4 })));
  });

  test('cancels a call, and it ends at the other node', async () => {
    const abort = new AbortController();
    const given = { duration: 50, steps: 250 };
    const slow = agent.call('everything__trigger-long-running-operation', given, {
      signal: abort.signal,
      onprogress: () => abort.abort(),
    });
    await expect(slow).rejects.toThrow();
    await until(async () => (await inFlight()) === 0, { timeoutMs: 8000, what: 'no call is in flight' });
  });

  test('is asked for a sample by a server of sessions', async () => {
    const result = await agent.call('everything__trigger-sampling-request', { prompt: 'otters, please' });
    expect(JSON.stringify(result)).toContain('OTTERS, PLEASE');
  });

  test('is asked to fill in a form, and to open a page', async () => {
    expect(JSON.stringify(await agent.call('everything__trigger-elicitation-request'))).toContain('- Name: Ada');
    const page = await agent.call('everything__trigger-url-elicitation', { url: 'https://example.org/form' });
    expect(JSON.stringify(page)).toContain('User completed the URL elicitation flow');
  });

  test('is asked for its roots', async () => {
    // Of a server that has only just started it cannot be told whose roots it wants: it is refused then, and answered soon after.
    let said = '';
    await until(async () => {
      said = JSON.stringify(await agent.call('session__list_roots'));
      return !said.includes('call again in a moment');
    });
    expect(said).toContain('file:///tmp/village-root');
  });

  test('is asked by a server that knows no sessions', async () => {
    const ask = (name: string) => agent.call(`stateless__test_input_required_result_${name}`).then(JSON.stringify);
    expect(await ask('elicitation')).toContain('Hello, Ada!');
    expect(await ask('sampling')).toContain('WHAT IS THE CAPITAL OF FRANCE?');
    expect(await ask('list_roots')).toContain('file:///tmp/village-root');
    expect(await ask('multiple_inputs')).toContain('GENERATE A GREETING');
    expect(await ask('request_state')).toContain('state-ok');
  });
});

describe.each(['legacy', 'auto', 'modern'])(
  'the Inspector on the command line (%s), with servers a hop away',
  (era) => {
    const inspect = (...args: string[]) => {
      const common = ['--cli', url, '--transport', 'http', '--header', `Authorization: Bearer ${token}`];
      const rest = ['--protocol-era', era, '--format', 'json', '-q', ...args];
      return run(INSPECTOR, [...common, ...rest], { env: { HOME: dataFolder('inspector') } });
    };

    test('lists, calls, reads and prompts', async () => {
      const tool = ['--method', 'tools/call', '--tool-name', 'everything__get-structured-content', '--tool-arg'];
      const called = await inspect(...tool, 'location=Chicago');
      expect(called, called.stderr).toMatchObject({ code: 0 });
      expect(called.stdout).toContain('structuredContent');
      expect((await inspect('--method', 'tools/list')).stdout).toContain('stateless__test_simple_text');
      expect((await inspect('--method', 'resources/list')).stdout).toContain('test://static-text');
      expect((await inspect('--method', 'prompts/list')).stdout).toContain('session__test_simple_prompt');
    });

    test('says so when a tool failed', async () => {
      const failed = await inspect('--method', 'tools/call', '--tool-name', 'session__test_error_handling');
      expect(failed.code).toBe(5);
      expect(failed.stdout).toContain('intentionally returns an error');
    });
  },
);
