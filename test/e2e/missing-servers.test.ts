import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { agentV1, EVERYTHING } from '../support/agents.ts';
import { cleanUp, ProcessNode } from '../support/process-node.ts';
import { until } from '../support/until.ts';

const MISSING = 'village.mesh/missing';
const config = {
  mcpServers: {
    everything: { command: process.execPath, args: [EVERYTHING, 'stdio'] },
    broken: { command: process.execPath, args: ['-e', 'process.exit(3)'] },
  },
};

interface Missing {
  readonly server: string;
  readonly node?: string;
  readonly since: string;
  readonly problem?: string;
}
interface Listed {
  readonly tools: readonly { readonly name: string }[];
  readonly _meta?: Record<string, unknown> | undefined;
}

let a: ProcessNode;
let b: ProcessNode;

beforeAll(async () => {
  a = await ProcessNode.start({ name: 'a', config });
  const { invite } = await a.json<{ invite: string }>(['invite']);
  b = await ProcessNode.start({ name: 'b', args: ['--join', invite] });
  await until(async () => JSON.stringify(await b.json(['tools', 'list'])).includes('everything__echo'), {
    timeoutMs: 10_000,
  });
}, 60_000);

afterAll(() => cleanUp());

const missingIn = (listed: Listed): readonly Missing[] => (listed._meta?.[MISSING] ?? []) as readonly Missing[];

describe('a server that is not there', () => {
  test('hides no other, and its absence is in every list, in status and in the metrics', async () => {
    const agent = await agentV1(a.ready.gateway, await a.token());
    await until(async () => missingIn(await agent.listTools()).some(({ problem }) => problem !== 'it is starting'), {
      timeoutMs: 10_000,
    });
    const listed: Listed = await agent.listTools();
    expect(listed.tools.map(({ name }) => name)).toEqual(expect.arrayContaining(['everything__echo', 'mesh_ping']));
    for (const list of [listed, await agent.listResources(), await agent.listPrompts()]) {
      expect(missingIn(list as Listed)).toMatchObject([{ server: 'broken', since: expect.stringMatching(/^20.*Z$/) }]);
    }
    const status = await a.json<{ missing: readonly Missing[] }>(['status']);
    expect(status.missing).toMatchObject([{ server: 'broken' }]);
    const metrics = await (await fetch(`${a.ready.admin}/metrics`)).text();
    expect(metrics).toContain('village_servers_missing 1');
    await agent.close();
  });

  test('is named when its node died, its tools answer that it is not there, and it returns with its node', async () => {
    const agent = await agentV1(b.ready.gateway, await b.token());
    const names = async () => missingIn(await agent.listTools()).map(({ server }) => server);
    // What never came up is missing at other nodes too.
    expect(await names()).toEqual(['broken']);
    await a.kill();
    await until(async () => (await names()).includes('everything'), { timeoutMs: 12_000 });
    const node = a.ready.node_id;
    expect(missingIn(await agent.listTools())).toMatchObject([
      { server: 'everything', node },
      { server: 'broken', node },
    ]);
    await expect(agent.callTool({ name: 'everything__echo', arguments: { message: 'anyone?' } })).rejects.toMatchObject(
      { code: -32006, data: { retryable: true } }, // it never began
    );
    a = await ProcessNode.start({ data: a.data });
    await until(async () => !(await names()).includes('everything'), { timeoutMs: 20_000 });
    expect(
      JSON.stringify(await agent.callTool({ name: 'everything__echo', arguments: { message: 'back' } })),
    ).toContain('back');
    await agent.close();
  }, 60_000);

  test('is not missed when its node said goodbye', async () => {
    const agent = await agentV1(b.ready.gateway, await b.token());
    await a.stop();
    await until(async () => !JSON.stringify(await agent.listTools()).includes('everything__echo'), {
      timeoutMs: 10_000,
    });
    expect(missingIn(await agent.listTools())).toEqual([]);
    await agent.close();
  }, 30_000);
});
