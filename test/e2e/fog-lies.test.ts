import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { type Deployed, deployed, FogProcesses, shardsUnder } from '../support/fog-processes.ts';
import { cleanUp, ProcessNode } from '../support/process-node.ts';
import { until } from '../support/until.ts';

const BOASTFUL = join(import.meta.dirname, '..', 'fixtures', 'boastful.ts');

afterAll(cleanUp, 60_000);

test('a node that advertises what it has not is asked, refuses, and the work runs where there is room', async () => {
  const village = await FogProcesses.start(2);
  const founder = village.first;
  const { invite } = await founder.json<{ invite: string }>(['invite']);
  const liar = await ProcessNode.start({
    name: 'liar',
    config: { fog: { capacity: { cpu_cores: 1, memory_gb: 1 } } },
    args: ['--join', invite],
    nodeArgs: ['--import', BOASTFUL],
    timeoutMs: 40_000,
  });
  const { node_id: liarId } = liar.ready;
  const roomy = async () => {
    const args = ['fog', 'nodes', '--cpu', '40', '--memory', '40'];
    return (await founder.json<{ available_nodes: { node_id: string }[] }>(args)).available_nodes;
  };
  const believed = await until(async () => (await roomy()).length > 0 && roomy(), {
    timeoutMs: 30_000,
    intervalMs: 200,
    what: 'the founder believes the liar',
  });
  expect(believed).toMatchObject([{ node_id: liarId }]);

  // More than the others have: only the liar says that it has room.
  const large = ['deploy', 'magi', '--id', 'large', '--cpu', '6', '--memory', '1', '--timeout', '15s', '--json'];
  const refused = await founder.cli(['fog', ...large], { timeoutMs: 45_000 });
  expect(refused.code).toBe(1);
  expect(JSON.parse(refused.stdout)).toMatchObject({ status: 'blocked', retryable: true });
  const { timeline } = await founder.json<{ timeline: object[] }>(['fog', 'why', 'large']);
  expect(JSON.stringify(timeline)).toContain(liarId);
  await founder.json(['fog', 'stop', 'large']);

  const placed: Deployed = await deployed(founder, ['magi', '--id', 'small', '--cpu', '2', '--memory', '1']);
  expect(placed.status).toBe('running');
  expect(placed.node_id).not.toBe(liarId);
  expect(shardsUnder([liar.data])).toEqual([]);
  expect(await village.ledger(liar)).toMatchObject({ shards: 0 });
  await founder.json(['fog', 'stop', 'small']);
  village.nodes.push(liar);
  await village.provesNothingLeft();
}, 180_000);
