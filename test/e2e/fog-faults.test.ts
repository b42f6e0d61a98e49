import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { type Deployed, deployed, FogProcesses, GatewayAgent, shardsUnder } from '../support/fog-processes.ts';
import { cleanUp, type ProcessNode } from '../support/process-node.ts';
import { until } from '../support/until.ts';

let village: FogProcesses;
let founder: ProcessNode;

beforeAll(async () => {
  village = await FogProcesses.start(3);
  founder = village.first;
}, 120_000);

afterEach(async () => {
  const { shards } = await founder.json<{ shards: { deployment_id: string }[] }>(['fog', 'ps']);
  for (const id of new Set(shards.map(({ deployment_id }) => deployment_id))) await founder.json(['fog', 'stop', id]);
  await village.provesNothingLeft();
}, 60_000);

afterAll(cleanUp, 60_000);

const folders = () => village.nodes.map(({ data }) => data);

/** A shard on a node that is not its owner's, which may go elsewhere. */
async function onAnother(id: string, more: readonly string[] = []): Promise<{ placed: Deployed; host: ProcessNode }> {
  const host = village.nodes[1] as ProcessNode;
  await until(async () => (await village.found(founder)).includes(host.ready.node_id), {
    timeoutMs: 20_000,
    intervalMs: 200,
    what: 'the host has room, as its owner knows',
  });
  const wanted = ['magi', '--id', id, '--node', host.ready.node_id, '--fallback', '--cpu', '0.5', '--memory', '0.25'];
  const placed = await deployed(founder, [...wanted, ...more]);
  expect(placed).toMatchObject({ status: 'running', node_id: host.ready.node_id, epoch: 1 });
  return { placed, host };
}

/** Resolves with the milliseconds after `began` when it runs on another node, as its owner says. */
async function runsElsewhere(before: Deployed, began: number): Promise<{ ms: number; now: Deployed }> {
  const now = await until(
    async () => {
      const status = await founder.json<Deployed>(['fog', 'status', before.deployment_id]);
      return status.status === 'running' && status.node_id !== before.node_id ? status : undefined;
    },
    { timeoutMs: 40_000, intervalMs: 50, what: `${before.deployment_id} runs elsewhere` },
  );
  return { ms: performance.now() - began, now };
}

test('a host that is stopped and started again hands over its shard within 5 s', async () => {
  const { placed, host } = await onAnother('restarted');
  const began = performance.now();
  const [code, moved] = await Promise.all([host.stop(), runsElsewhere(placed, began)]);
  expect(code).toBe(0);
  expect(moved.now.epoch).toBe(2);
  expect(moved.ms).toBeLessThan(5_000);
  await village.restart(host);
}, 90_000);

test('a host that is paused has its shard ended by the guard before another copy runs', async () => {
  const { placed, host } = await onAnother('paused');
  const agent = new GatewayAgent(founder, await founder.token());
  const copies = (): number => shardsUnder(folders()).length;
  expect(copies()).toBe(1);
  let most = 0;
  const watch = setInterval(() => {
    most = Math.max(most, copies());
  }, 20);
  try {
    const began = performance.now();
    host.signal('SIGSTOP');
    const { ms, now } = await runsElsewhere(placed, began);
    expect(now.epoch).toBe(2);
    expect(ms).toBeLessThan(20_000);
    host.signal('SIGCONT');
    // Whoever was paused has to find out that it holds the slot no more.
    await until(async () => (await village.ledger(host)).shards === 0, {
      timeoutMs: 20_000,
      intervalMs: 200,
      what: 'the host that was paused has given up the slot',
    });
    const answer = await until(async () => (await agent.call(`${placed.server}__shard_status`)).structuredContent, {
      timeoutMs: 10_000,
      intervalMs: 100,
      what: 'the new copy answers',
    });
    expect(answer).toMatchObject({ epoch: 2 });
    expect(most).toBe(1);
  } finally {
    clearInterval(watch);
    host.signal('SIGCONT');
  }
}, 120_000);

test('a shard that may run twice is replaced within 10 s when its host is killed', async () => {
  const { placed, host } = await onAnother('twice', ['--mode', 'at_least_once']);
  const began = performance.now();
  await host.kill();
  const { ms, now } = await runsElsewhere(placed, began);
  expect(now.epoch).toBe(2);
  expect(ms).toBeLessThan(10_000);
  await village.restart(host);
}, 90_000);

test('a drained host gives its shard away and takes none until it is undrained', async () => {
  const { placed, host } = await onAnother('drained');
  await host.json(['fog', 'drain', '--deadline', '20s']);
  await runsElsewhere(placed, performance.now());
  await until(async () => (await village.ledger(host)).shards === 0, { timeoutMs: 20_000, intervalMs: 200 });
  const refused = await founder.cli([
    'fog',
    'deploy',
    'sage',
    '--node',
    host.ready.node_id,
    '--timeout',
    '5s',
    '--json',
  ]);
  expect(refused.code).toBe(1);
  expect(JSON.parse(refused.stdout)).toMatchObject({ status: 'blocked', code: 'DRAINING', retryable: true });
  await host.json(['fog', 'undrain']);
  await until(async () => (await founder.json<Deployed>(['fog', 'status', 'sage'])).status === 'running', {
    timeoutMs: 30_000,
    intervalMs: 200,
    what: 'what waited for the node runs there',
  });
}, 120_000);
