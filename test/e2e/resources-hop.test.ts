import { afterAll, beforeAll, expect, test } from 'vitest';
import { agentOn, agentV1, agentV2, EVERYTHING } from '../support/agents.ts';
import { cleanUp, ProcessNode } from '../support/process-node.ts';
import { until } from '../support/until.ts';

const config = { mcpServers: { everything: { command: process.execPath, args: [EVERYTHING, 'stdio'] } } };

let b: ProcessNode;
let token: string;
let direct: Awaited<ReturnType<typeof agentOn>>;

beforeAll(async () => {
  const a = await ProcessNode.start({ name: 'a', config });
  const { invite } = await a.json<{ invite: string }>(['invite']);
  b = await ProcessNode.start({ name: 'b', args: ['--join', invite] });
  token = await b.token();
  direct = await agentOn(process.execPath, [EVERYTHING, 'stdio']);
  await until(async () => JSON.stringify(await b.json(['tools', 'list'])).includes('everything__echo'), {
    timeoutMs: 10_000,
  });
}, 60_000);

afterAll(async () => {
  await direct.close();
  await cleanUp();
});

const TEMPLATED = 'demo://resource/dynamic/text/7';

test.each([
  ['the whole village', ''],
  ['one server', '/everything'],
])('templates and what they name are read a hop away, in the view of %s', async (_what, view) => {
  const agent = await agentV1(`${b.ready.gateway}${view}`, token);
  const { resourceTemplates } = await direct.listResourceTemplates();
  expect((await agent.listResourceTemplates()).resourceTemplates).toEqual(expect.arrayContaining(resourceTemplates));
  const { contents } = await agent.readResource({ uri: TEMPLATED });
  expect(contents).toMatchObject([{ uri: TEMPLATED, text: expect.stringContaining('Resource 7') }]);
  await agent.close();
});

test('prompts and templates are completed a hop away, under the names of the view', async () => {
  const argument = { name: 'department', value: '' };
  const ref = (name: string) => ({ ref: { type: 'ref/prompt' as const, name }, argument });
  const template = { ref: { type: 'ref/resource' as const, uri: 'demo://resource/dynamic/text/{resourceId}' } };
  const id = { ...template, argument: { name: 'resourceId', value: '7' } };
  const { prompts } = await direct.listPrompts();
  const name = prompts.find((prompt) => prompt.arguments?.some((one) => one.name === 'department'))?.name as string;
  const own = await direct.complete(ref(name));
  expect(own.completion.values.length).toBeGreaterThan(0);
  const whole = await agentV1(b.ready.gateway, token);
  expect(await whole.complete(ref(`everything__${name}`))).toEqual(own);
  await expect(whole.complete(ref(name))).rejects.toMatchObject({ code: -32602 });
  expect(await whole.complete(id)).toEqual(await direct.complete(id));
  const one = await agentV1(`${b.ready.gateway}/everything`, token);
  expect(await one.complete(ref(name))).toEqual(own);
  const pinned = await agentV2(b.ready.gateway, token, 'pin');
  expect((await pinned.complete(ref(`everything__${name}`))).completion).toEqual(own.completion);
  await Promise.all([whole.close(), one.close(), pinned.close()]);
});
