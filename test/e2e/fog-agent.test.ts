import { ResourceUpdatedNotificationSchema } from '@modelcontextprotocol/sdk/types.js';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { approvalIn } from '../../node/fog/index.ts';
import { agentV1, agentV2 } from '../support/agents.ts';
import { deployed, FogProcesses, shardsUnder } from '../support/fog-processes.ts';
import { cleanUp, type ProcessNode } from '../support/process-node.ts';
import { until } from '../support/until.ts';

let village: FogProcesses;
let node: ProcessNode;
let token: string;
let other: string;

/** Says on its standard error what it is called with. */
const MODULE = `
import { createInterface } from 'node:readline';
createInterface({ input: process.stdin }).on('line', (line) => {
  const { id, method, params } = JSON.parse(line);
  if (id === undefined) return;
  const results = {
    initialize: () => ({ protocolVersion: '2024-11-05', capabilities: { tools: {} }, serverInfo: { name: 'm', version: '1' } }),
    'tools/list': () => ({ tools: [{ name: 'say', inputSchema: { type: 'object' } }] }),
    'tools/call': () => {
      console.error('said ' + params.arguments.text);
      return { content: [{ type: 'text', text: 'said' }] };
    },
  };
  process.stdout.write(JSON.stringify({ jsonrpc: '2.0', id, result: results[method]() }) + '\\n');
}).on('close', () => process.exit(0));
`;

beforeAll(async () => {
  village = await FogProcesses.start(2);
  node = village.first;
  token = await node.token('magi');
  other = (village.nodes[1] as ProcessNode).ready.node_id;
}, 60_000);

afterAll(cleanUp, 60_000);

const small = { cpu_cores: 0.2, memory_gb: 0.25 };

test('an SDK client deploys a shard, hears how far that is and that the books changed, and calls it', async () => {
  const agent = await agentV1(node.ready.gateway, token);
  const updated = new Set<string>();
  agent.setNotificationHandler(ResourceUpdatedNotificationSchema, ({ params }) => void updated.add(params.uri));
  const names = (await agent.listTools()).tools.map(({ name }) => name);
  expect(names).toEqual(expect.arrayContaining(['discover_fog_nodes', 'deploy_agent_shard', 'explain_shard']));
  await agent.subscribeResource({ uri: 'village://fog/ledger' });
  await agent.subscribeResource({ uri: 'village://fog/shards' });
  const progress: { progress: number; message?: string | undefined }[] = [];
  const wanted = {
    agent_type: 'oracle',
    shard_id: 'seer',
    resource_allocation: small,
    target_node: node.ready.node_id,
  };
  // The client checks the result against the tool's output schema, a refusal's too.
  const placed = await agent.callTool({ name: 'deploy_agent_shard', arguments: wanted }, undefined, {
    onprogress: (said) => void progress.push(said),
  });
  expect(placed.structuredContent).toMatchObject({ deployment_id: 'seer', status: 'running', epoch: 1 });
  expect(progress.map((said) => said.progress)).toEqual(progress.map((_, index) => index + 1));
  expect(progress.at(-1)?.message).toContain('running');
  const { server } = placed.structuredContent as { server: string };
  await until(async () => (await agent.listTools()).tools.some(({ name }) => name === `${server}__summarise`));
  const status = await agent.callTool({ name: `${server}__shard_status`, arguments: {} });
  expect(status.structuredContent).toMatchObject({ agent_type: 'oracle', slot: '0', epoch: 1 });
  const text = 'Bees make honey. Honey is sweet and bees guard it. The sky is blue.';
  const summary = await agent.callTool({ name: `${server}__summarise`, arguments: { text, sentences: 1 } });
  expect(text).toContain((summary.structuredContent as { summary: string }).summary);
  await until(() => updated.has('village://fog/ledger') && updated.has('village://fog/shards'));
  const ledger = await agent.readResource({ uri: 'village://fog/ledger' });
  expect(JSON.stringify(ledger)).toContain('cpu_cores');
  const unknown = await agent.callTool({ name: 'explain_shard', arguments: { shard_id: 'nope' } });
  expect(unknown).toMatchObject({ isError: true, structuredContent: { code: 'UNKNOWN_SHARD', retryable: false } });
  const prompt = await agent.getPrompt({ name: 'explain_placement', arguments: { shard_id: 'seer' } });
  expect(JSON.stringify(prompt)).toContain('seer');
  await agent.callTool({ name: 'stop_agent_shard', arguments: { shard_id: 'seer' } });
  await agent.close();
}, 60_000);

test('a client without a session hears of progress as well', async () => {
  const agent = await agentV2(node.ready.gateway, token, 'pin');
  const heard: number[] = [];
  const wanted = { agent_type: 'sage', shard_id: 'quiet', resource_allocation: small };
  const placed = await agent.callTool(
    { name: 'deploy_agent_shard', arguments: wanted },
    { onprogress: ({ progress }) => void heard.push(progress) },
  );
  expect(placed.structuredContent).toMatchObject({ status: 'running' });
  expect(heard.length).toBeGreaterThan(2);
  await agent.callTool({ name: 'stop_agent_shard', arguments: { shard_id: 'quiet' } });
  await agent.close();
}, 60_000);

test('an operator publishes a module; what its shard prints is read and followed on the node that runs it', async () => {
  const file = join(node.data, 'sayer.mjs');
  writeFileSync(file, MODULE);
  const { artifact } = await node.json<{ artifact: string }>(['fog', 'publish', file]);
  const wanted = ['sayer', '--artifact', artifact, '--cpu', '0.2', '--memory', '0.25'];
  const { server } = await deployed(node, [...wanted, '--node', node.ready.node_id]);
  const agent = await agentV1(node.ready.gateway, token);
  const updated: string[] = [];
  agent.setNotificationHandler(ResourceUpdatedNotificationSchema, ({ params }) => void updated.push(params.uri));
  const uri = 'village://fog/shards/sayer/logs';
  await agent.subscribeResource({ uri });
  await until(async () => (await agent.listTools()).tools.some(({ name }) => name === `${server}__say`));
  await agent.callTool({ name: `${server}__say`, arguments: { text: 'hello' } });
  await until(() => updated.includes(uri));
  expect(JSON.stringify(await agent.readResource({ uri }))).toContain('said hello');
  const { lines } = await node.json<{ lines: string[] }>(['fog', 'logs', 'sayer']);
  expect(lines).toContain('said hello');
  const elsewhere = await (village.nodes[1] as ProcessNode).cli(['fog', 'logs', 'sayer', '--json']);
  expect({ code: elsewhere.code, ...(JSON.parse(elsewhere.stdout) as object) }).toMatchObject({
    code: 1,
    error: { code: expect.stringMatching(/NOT_HERE|UNKNOWN_SHARD/) },
  });
  expect((await node.json<{ removed: string[] }>(['fog', 'gc'])).removed).toEqual([]);
  // Another node trusts no publisher that its operator did not name.
  const refused = await node.cli([
    'fog',
    'deploy',
    ...wanted.slice(0, 3),
    '--id',
    'far',
    '--node',
    other,
    '--timeout',
    '6s',
    '--json',
  ]);
  expect(JSON.parse(refused.stdout)).toMatchObject({ status: 'blocked', code: 'UNTRUSTED_ARTIFACT', retryable: false });
  await agent.close();
  await node.json(['fog', 'stop', 'far']);
  await node.json(['fog', 'stop', 'sayer']);
  expect((await node.json<{ removed: string[] }>(['fog', 'gc'])).removed).toEqual([
    artifact.slice('mod:sha256:'.length),
  ]);
}, 90_000);

test('the certificate of a vote allows that deployment of that agent and owner, and nothing when it is changed to allow more', async () => {
  const wanted = ['king', '--id', 'throne', '--priority', 'high', '--cpu', '0.2', '--memory', '0.25', '--node', other];
  const asked = await deployed(node, wanted);
  expect(asked.status).toBe('awaiting_vote');
  expect(shardsUnder(village.nodes.map(({ data }) => data))).toEqual([]);
  const proposal = String(asked.proposal_id);
  for (const agent of ['sage', 'curator']) {
    await node.json(['gov', 'vote', proposal, 'approve', '--reason', 'it may', '--agent', agent]);
  }
  const running = async () => (await node.json<{ status: string }>(['fog', 'status', 'throne'])).status === 'running';
  await until(running, { timeoutMs: 20_000, intervalMs: 200 });
  const certificate = await node.json<Record<string, unknown>>(['gov', 'certificate', proposal]);
  const of = { villageId: node.ready.village_id, owner: node.ready.node_id, agent: 'magi' };
  expect(approvalIn(certificate, of)).toMatchObject({ deployment: 'throne', maxSlots: 1, owner: of.owner });
  expect(approvalIn(certificate, { ...of, owner: other })).toBeUndefined();
  expect(approvalIn(certificate, { ...of, agent: 'oracle' })).toBeUndefined();
  expect(approvalIn(certificate, { ...of, villageId: '0'.repeat(64) })).toBeUndefined();
  const whole = JSON.stringify(certificate);
  const bigger = whole.replaceAll(/[\w-]+\.([\w-]+)\.[\w-]+/g, (token, payload: string) => {
    const said = Buffer.from(payload, 'base64url').toString('utf8');
    const forged = said.replace('"maxSlots":1', '"maxSlots":9');
    return token.replace(payload, Buffer.from(forged).toString('base64url'));
  });
  expect(bigger).not.toBe(whole);
  expect(approvalIn(JSON.parse(bigger), of)).toBeUndefined();
  await node.json(['fog', 'stop', 'throne']);
  await village.provesNothingLeft();
}, 90_000);
