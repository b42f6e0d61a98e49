import { afterEach, expect, test } from 'vitest';
import { type FogNode, FogVillage, principalOf, specOf } from '../support/fog-village.ts';

let village = new FogVillage();
afterEach(async () => {
  await village.stop();
  village = new FogVillage();
});

const within = (ms = 10_000) => ({ signal: AbortSignal.timeout(ms) });
const deploying = (node: FogNode, agent = 'magi') => ({ principal: principalOf(agent, node.nodeId), ...within() });

async function deployed(node: FogNode, request: Partial<Parameters<FogNode['fog']['office']['deploy']>[0]> = {}) {
  const answer = await node.fog.office.deploy(
    { shardId: 'magi-1', spec: specOf(), wait: 'running', ...request },
    deploying(node),
  );
  if (answer.kind !== 'done') throw new Error(JSON.stringify(answer.refusal));
  return answer.value;
}

const running = (nodes: readonly FogNode[]) =>
  nodes.flatMap(({ nodeId, runner }) =>
    [...runner.running.values()].map(({ start }) => ({ nodeId, slot: Number(start.slot), epoch: start.epoch })),
  );

test('a shard is placed on a node that has room, and runs there once', async () => {
  const nodes = await village.of(3);
  const [owner] = nodes as [FogNode];
  const began = performance.now();
  const { shards } = await deployed(owner);
  expect(performance.now() - began).toBeLessThan(5_000);
  expect(shards).toMatchObject([{ status: 'running', epoch: 1, slot: 0 }]);
  expect(running(nodes)).toEqual([{ nodeId: shards[0]?.nodeId, slot: 0, epoch: 1 }]);
});
