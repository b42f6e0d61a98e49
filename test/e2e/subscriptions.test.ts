import { ResourceUpdatedNotificationSchema } from '@modelcontextprotocol/sdk/types.js';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { agentV1, agentV2, EVERYTHING } from '../support/agents.ts';
import { cleanUp, ProcessNode } from '../support/process-node.ts';
import { until } from '../support/until.ts';

const URI = 'demo://resource/static/document/architecture.md';
const OTHER = 'demo://resource/static/document/features.md';
/** Subscribed to in one test only: a session outlives the stream of its client. */
const ALONE = 'demo://resource/static/document/structure.md';
const config = { mcpServers: { everything: { command: process.execPath, args: [EVERYTHING, 'stdio'] } } };

let a: ProcessNode;
let b: ProcessNode;
let tokens: Map<ProcessNode, string>;

beforeAll(async () => {
  a = await ProcessNode.start({ name: 'a', config });
  const { invite } = await a.json<{ invite: string }>(['invite']);
  b = await ProcessNode.start({ name: 'b', args: ['--join', invite] });
  tokens = new Map([
    [a, await a.token()],
    [b, await b.token()],
  ]);
  await until(async () => JSON.stringify(await b.json(['tools', 'list'])).includes('everything__echo'), {
    timeoutMs: 10_000,
  });
}, 60_000);

afterAll(() => cleanUp());

/** A client with a session that writes down which resources it is told of. */
async function listener(node: ProcessNode) {
  const client = await agentV1(node.ready.gateway, tokens.get(node) as string);
  const heard: string[] = [];
  client.setNotificationHandler(ResourceUpdatedNotificationSchema, ({ params }) => void heard.push(params.uri));
  return { client, heard };
}

const toggle = async (client: Awaited<ReturnType<typeof agentV1>>) =>
  void (await client.callTool({ name: 'everything__toggle-subscriber-updates', arguments: {} }));

describe('a resource that is subscribed to', () => {
  test('is told of on its own node and across a hop, to who asked and nobody else', async () => {
    const [near, far, idle] = await Promise.all([listener(a), listener(b), listener(b)]);
    expect(far.client.getServerCapabilities()?.resources).toMatchObject({ subscribe: true, listChanged: true });
    await near.client.subscribeResource({ uri: URI });
    await far.client.subscribeResource({ uri: URI });
    await far.client.subscribeResource({ uri: OTHER });
    await toggle(idle.client);
    await until(() => near.heard.length > 0 && far.heard.length > 1, { timeoutMs: 10_000 });
    expect(new Set(near.heard)).toEqual(new Set([URI]));
    expect(new Set(far.heard)).toEqual(new Set([URI, OTHER]));
    expect(idle.heard).toEqual([]);
    await toggle(idle.client);
    await Promise.all([near, far, idle].map(({ client }) => client.close()));
  });

  test('is listened to without a session, across the hop', async () => {
    const agent = await agentV2(b.ready.gateway, tokens.get(b) as string, 'pin');
    const heard: string[] = [];
    agent.setNotificationHandler('notifications/resources/updated', ({ params }) => void heard.push(params.uri));
    const listening = await agent.listen({ resourceSubscriptions: [URI, 'demo://nowhere/at/all'] });
    expect(listening.honoredFilter.resourceSubscriptions).toContain(URI);
    const { client: other } = await listener(b);
    await toggle(other);
    await until(() => heard.length > 0, { timeoutMs: 10_000 });
    expect(new Set(heard)).toEqual(new Set([URI]));
    await toggle(other);
    await listening.close();
    await Promise.all([agent.close(), other.close()]);
  });

  test('is no longer told of once nobody listens, and the server is told so', async () => {
    const [one, two] = await Promise.all([listener(b), listener(b)]);
    await one.client.subscribeResource({ uri: ALONE });
    await two.client.subscribeResource({ uri: ALONE });
    await one.client.unsubscribeResource({ uri: ALONE });
    await toggle(two.client);
    await until(() => two.heard.length > 0, { timeoutMs: 10_000 });
    expect(one.heard).toEqual([]);
    await toggle(two.client);
    await two.client.unsubscribeResource({ uri: ALONE });
    await Promise.all([one.client.close(), two.client.close()]);
    const served = async () =>
      (await a.cli(['audit', 'export', '--json'])).stdout
        .split('\n')
        .filter((line) => line.includes('"resources/unsubscribe"') && line.includes('"serve"'));
    await until(async () => (await served()).some((line) => line.includes(ALONE)), { timeoutMs: 8_000 });
  });

  test('is not there for an agent that may not read it', async () => {
    const reader = await agentV1(b.ready.gateway, await b.token('local', ['--level', 'READ_ONLY']));
    await expect(reader.subscribeResource({ uri: URI })).rejects.toMatchObject({ code: -32003 });
    await expect(reader.subscribeResource({ uri: 'demo://nowhere' })).rejects.toMatchObject({ code: -32002 });
    await reader.close();
  });

  test('is told of after its server was started anew', async () => {
    const { client, heard } = await listener(b);
    await client.subscribeResource({ uri: URI });
    const { servers } = await a.json<{ servers: readonly { alias: string; pid?: number }[] }>(['servers']);
    process.kill(servers.find(({ alias }) => alias === 'everything')?.pid as number, 'SIGKILL');
    await until(() => heard.length > 0, { timeoutMs: 15_000 });
    expect(heard).toEqual([URI]);
    await toggle(client);
    await until(() => heard.length > 1, { timeoutMs: 10_000 });
    await toggle(client);
    await client.close();
  });

  test('is told of after its node was gone and came back', async () => {
    const { client, heard } = await listener(b);
    await client.subscribeResource({ uri: URI });
    await a.kill();
    a = await ProcessNode.start({ data: a.data });
    await until(() => heard.length > 0, { timeoutMs: 30_000 });
    expect(heard).toEqual([URI]);
    await toggle(client);
    await until(() => heard.length > 1, { timeoutMs: 10_000 });
    await client.close();
  }, 60_000);
});
