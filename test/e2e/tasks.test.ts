import { CallToolResultSchema, ElicitRequestSchema } from '@modelcontextprotocol/sdk/types.js';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { agentV1, EVERYTHING } from '../support/agents.ts';
import { cleanUp, ProcessNode } from '../support/process-node.ts';
import { until } from '../support/until.ts';

const config = { mcpServers: { everything: { command: process.execPath, args: [EVERYTHING, 'stdio'] } } };
const RESEARCH = 'everything__simulate-research-query';

let a: ProcessNode;
let b: ProcessNode;

beforeAll(async () => {
  a = await ProcessNode.start({ name: 'a', config });
  const { invite } = await a.json<{ invite: string }>(['invite']);
  b = await ProcessNode.start({ name: 'b', args: ['--join', invite] });
  await b.json(['agents', 'add', 'other', '--level', 'OPERATOR']);
  await until(async () => JSON.stringify(await b.json(['tools', 'list'])).includes(RESEARCH), { timeoutMs: 10_000 });
}, 60_000);

afterAll(() => cleanUp());

type Agent = Awaited<ReturnType<typeof agentV1>>;

/** Begins a task and answers its id. */
async function begin(agent: Agent, topic: string, more: { ambiguous?: boolean } = {}): Promise<string> {
  const stream = agent.experimental.tasks.callToolStream(
    { name: RESEARCH, arguments: { topic, ...more } },
    CallToolResultSchema,
    { task: { ttl: 60_000 } },
  );
  for await (const message of stream) if (message.type === 'taskCreated') return message.task.taskId;
  throw new Error('no task was created');
}

describe.each(['its own node', 'a hop away'])('a task of an agent on %s', (where) => {
  const node = () => (where === 'a hop away' ? b : a);

  test.concurrent('is begun, looked at, listed and answered', async () => {
    const agent = await agentV1(node().ready.gateway, await node().token());
    expect(agent.getServerCapabilities()?.tasks).toEqual({ list: {}, cancel: {}, requests: { tools: { call: {} } } });
    const taskId = await begin(agent, 'otters');
    expect(await agent.experimental.tasks.getTask(taskId)).toMatchObject({ taskId, status: 'working' });
    const { tasks } = await agent.experimental.tasks.listTasks();
    expect(tasks.map((task) => task.taskId)).toContain(taskId);
    const result = await agent.experimental.tasks.getTaskResult(taskId, CallToolResultSchema);
    expect(JSON.stringify(result)).toContain('Research Report: otters');
    expect(await agent.experimental.tasks.getTask(taskId)).toMatchObject({ taskId, status: 'completed' });
    await agent.close();
  }, 30_000);

  test.concurrent('can be cancelled', async () => {
    const agent = await agentV1(node().ready.gateway, await node().token());
    const taskId = await begin(agent, 'badgers');
    expect(await agent.experimental.tasks.cancelTask(taskId)).toMatchObject({ taskId, status: 'cancelled' });
    await agent.close();
  }, 30_000);

  test.concurrent('may ask its agent something while the agent waits for the result', async () => {
    const agent = await agentV1(node().ready.gateway, await node().token(), { elicitation: {} });
    const asked: string[] = [];
    agent.setRequestHandler(ElicitRequestSchema, ({ params }) => {
      asked.push(params.message);
      return { action: 'accept', content: { interpretation: 'snake' } };
    });
    const taskId = await begin(agent, 'python', { ambiguous: true });
    const result = await agent.experimental.tasks.getTaskResult(taskId, CallToolResultSchema);
    expect(asked).toEqual([expect.stringContaining('"python" could have multiple interpretations')]);
    expect(JSON.stringify(result)).toContain('python (snake)');
    await agent.close();
  }, 30_000);

  test.concurrent('is not there for another agent, nor is one that never was', async () => {
    const agent = await agentV1(b.ready.gateway, await b.token());
    const other = await agentV1(b.ready.gateway, await b.token('other'));
    const taskId = await begin(agent, 'voles');
    for (const id of [taskId, 'never']) {
      await expect(other.experimental.tasks.getTask(id)).rejects.toMatchObject({ code: -32602 });
      await expect(other.experimental.tasks.cancelTask(id)).rejects.toMatchObject({ code: -32602 });
      await expect(other.experimental.tasks.getTaskResult(id, CallToolResultSchema)).rejects.toMatchObject({
        code: -32602,
      });
    }
    expect((await other.experimental.tasks.listTasks()).tasks).toEqual([]);
    await Promise.all([agent.close(), other.close()]);
  }, 30_000);
});
