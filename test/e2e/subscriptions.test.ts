import { ResourceUpdatedNotificationSchema } from '@modelcontextprotocol/sdk/types.js';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { agentV1, EVERYTHING } from '../support/agents.ts';
import { cleanUp, ProcessNode } from '../support/process-node.ts';
import { until } from '../support/until.ts';

const URI = 'demo://resource/static/document/architecture.md';
const OTHER = 'demo://resource/static/document/features.md';
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
});
