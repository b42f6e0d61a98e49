import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { agentOn, agentSse, agentV1, agentV2, EVERYTHING, INSPECTOR, MEMORY } from '../support/agents.ts';
import { cleanUp, dataFolder, ProcessNode, ROOT, run, villageJson } from '../support/process-node.ts';
import { until } from '../support/until.ts';

interface Listed {
  readonly tools: readonly { readonly name: string }[];
}
interface Caller {
  listTools(): Promise<Listed>;
  callTool(call: { name: string; arguments: Record<string, unknown> }): Promise<unknown>;
  readResource(call: { uri: string }): Promise<unknown>;
  getPrompt(call: { name: string; arguments?: Record<string, string> }): Promise<unknown>;
  close(): Promise<void>;
}

const servers = {
  mcpServers: {
    everything: { command: process.execPath, args: [EVERYTHING, 'stdio'] },
    memory: { command: process.execPath, args: [MEMORY], env: { MEMORY_FILE_PATH: '${MEMORY_FILE}' } },
  },
};

let a: ProcessNode;
let b: ProcessNode;
let c: ProcessNode;
let token: string;
let direct: Caller;
const memoryFile = join(dataFolder('memory'), 'memory.jsonl');

const startA = (data?: string) =>
  ProcessNode.start({
    name: 'a',
    ...(data === undefined ? {} : { data }),
    config: servers,
    env: { MEMORY_FILE: memoryFile },
  });
const toolsOf = async (node: ProcessNode) =>
  (await node.json<Listed>(['tools', 'list'])).tools.map((tool) => tool.name);

beforeAll(async () => {
  a = await startA();
  const { invite } = await a.json<{ invite: string }>(['invite', '--uses', '2']);
  b = await ProcessNode.start({ name: 'b', args: ['--join', invite] });
  const data = dataFolder('c');
  await villageJson(data, ['join', invite]);
  c = await ProcessNode.start({ data });
  token = await c.token();
  await until(async () => (await toolsOf(c)).includes('memory__create_entities'), { timeoutMs: 10_000 });
  direct = (await agentOn(process.execPath, [EVERYTHING, 'stdio'])) as unknown as Caller;
}, 60_000);

afterAll(async () => {
  await direct?.close();
  await cleanUp();
});

/** Everything a village must pass through unchanged, asked of one client. */
async function usesTheToolsOfA(agent: Caller): Promise<void> {
  const names = (await agent.listTools()).tools.map((tool) => tool.name);
  expect(names).toEqual(
    expect.arrayContaining(['everything__echo', 'everything__get-sum', 'memory__create_entities', 'mesh_ping']),
  );
  const echo = { message: 'hello ✓ "quoted"\n' };
  expect(await agent.callTool({ name: 'everything__echo', arguments: echo })).toMatchObject(
    (await direct.callTool({ name: 'echo', arguments: echo })) as object,
  );
  const sum = { a: 19, b: 23 };
  expect(await agent.callTool({ name: 'everything__get-sum', arguments: sum })).toMatchObject(
    (await direct.callTool({ name: 'get-sum', arguments: sum })) as object,
  );
  const created = await agent.callTool({
    name: 'memory__create_entities',
    arguments: { entities: [{ name: `entity-${Math.random()}`, entityType: 'test', observations: ['seen'] }] },
  });
  expect(JSON.stringify(created)).toContain('seen');
  const uri = 'demo://resource/static/document/architecture.md';
  expect(await agent.readResource({ uri })).toMatchObject((await direct.readResource({ uri })) as object);
  expect(await agent.getPrompt({ name: 'everything__simple-prompt' })).toMatchObject(
    (await direct.getPrompt({ name: 'simple-prompt' })) as object,
  );
}

describe('three nodes of one village', () => {
  test('an SDK v1 client on C uses the tools of A', async () => {
    const agent = await agentV1(c.ready.gateway, token);
    await usesTheToolsOfA(agent as unknown as Caller);
    await agent.close();
  });

  test('an HTTP+SSE client on C uses the tools of A', async () => {
    const agent = await agentSse(c.ready.gateway, token);
    await usesTheToolsOfA(agent as unknown as Caller);
    await agent.close();
  });

  test.each(['legacy', 'auto', 'pin'] as const)('an SDK v2 client (%s) on C uses the tools of A', async (mode) => {
    const agent = await agentV2(c.ready.gateway, token, mode);
    await usesTheToolsOfA(agent as unknown as Caller);
    await agent.close();
  });

  test('the stdio bridge on C uses the tools of A', async () => {
    const agent = await agentOn(process.execPath, [join(ROOT, 'node/main.ts'), 'connect', '--data', c.data]);
    await usesTheToolsOfA(agent as unknown as Caller);
    await agent.close();
  });

  test.each(['legacy', 'auto', 'modern'])('the Inspector CLI (%s) on C uses the tools of A', async (era) => {
    const inspect = async (...args: string[]) => {
      const common = [
        '--cli',
        c.ready.gateway,
        '--transport',
        'http',
        '--header',
        `Authorization: Bearer ${token}`,
        '--protocol-era',
        era,
      ];
      const done = await run(INSPECTOR, [...common, '--format', 'json', '-q', ...args], {
        env: { HOME: dataFolder('inspector') },
      });
      expect(done.code, done.stderr + done.stdout).toBe(0);
      return done.stdout;
    };
    expect(await inspect('--method', 'tools/list')).toContain('everything__echo');
    expect(
      await inspect('--method', 'tools/call', '--tool-name', 'everything__get-sum', '--tool-arg', 'a=2', 'b=40'),
    ).toContain('42');
    expect(
      await inspect('--method', 'resources/read', '--uri', 'demo://resource/static/document/architecture.md'),
    ).toContain('contents');
    expect(await inspect('--method', 'prompts/get', '--prompt-name', 'everything__simple-prompt')).toContain(
      'messages',
    );
  });

  test('both ends have the call on record, and the record verifies', async () => {
    await c.json(['tools', 'call', 'everything__echo', '--args', '{"message":"on record"}']);
    const entries = async (node: ProcessNode) =>
      (await node.cli(['audit', 'export', '--json'])).stdout
        .split('\n')
        .filter((line) => line.startsWith('{'))
        .map(
          (line) =>
            JSON.parse(line) as { kind: string; callId: string; target: string; argumentsHash: string; peer: string },
        );
    const asked = (await entries(c)).filter((entry) => entry.kind === 'call' && entry.target === 'echo').at(-1);
    expect(asked?.peer).toBe(a.ready.node_id);
    await until(
      async () => (await entries(a)).some((entry) => entry.kind === 'serve' && entry.callId === asked?.callId),
      { timeoutMs: 5000 },
    );
    const served = (await entries(a)).find((entry) => entry.callId === asked?.callId);
    expect(served?.argumentsHash).toBe(asked?.argumentsHash);
    expect(served?.peer).toBe(c.ready.node_id);
    for (const node of [a, c]) expect((await node.cli(['audit', 'verify'])).code).toBe(0);
  });

  test('a new server on B can be called from C within 5 s', async () => {
    const { writeFileSync } = await import('node:fs');
    const started = performance.now();
    writeFileSync(
      join(b.data, 'village.json'),
      JSON.stringify({ mcpServers: { fresh: { command: process.execPath, args: [EVERYTHING, 'stdio'] } } }),
    );
    await until(
      async () => (await c.cli(['tools', 'call', 'fresh__echo', '--args', '{"message":"new"}'])).stdout.includes('new'),
      {
        timeoutMs: 5000,
      },
    );
    expect(performance.now() - started).toBeLessThan(5500);
  });

  test('when A is killed its tools leave, calls in flight end, and they return with A', async () => {
    const agent = await agentV1(c.ready.gateway, token);
    const slow = agent
      .callTool({ name: 'everything__trigger-long-running-operation', arguments: { duration: 20, steps: 20 } })
      .then(JSON.stringify, String);
    await until(async () => (await a.json<{ calls_in_flight: number }>(['status'])).calls_in_flight > 0, {
      timeoutMs: 5000,
    });
    await a.kill();
    expect(await slow).toMatch(/OUTCOME_UNKNOWN|-32007/);
    await until(async () => !(await toolsOf(c)).includes('everything__echo'), { timeoutMs: 10_000 });
    expect(await toolsOf(c)).toContain('mesh_ping');
    expect((await b.json<{ node_id: string }>(['status'])).node_id).toBe(b.ready.node_id);
    const again = await startA(a.data);
    expect(again.ready.node_id).toBe(a.ready.node_id);
    a = again;
    await until(async () => (await toolsOf(c)).includes('everything__echo'), { timeoutMs: 15_000 });
    expect(
      JSON.stringify(await agent.callTool({ name: 'everything__echo', arguments: { message: 'back' } })),
    ).toContain('back');
    await agent.close();
  });
});
