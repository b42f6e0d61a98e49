import { afterEach, expect, test } from 'vitest';
import { type FogNode, FogVillage, principalOf, specOf } from '../support/fog-village.ts';

import { until } from '../support/until.ts';
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

test('five slots on five nodes; one dies in silence, its slot comes back elsewhere with a higher epoch, the others stay', async () => {
  const nodes = await village.of(6);
  const [owner, ...others] = nodes as [FogNode, ...FogNode[]];
  const { shards } = await deployed(owner, { slots: 5 });
  expect(shards.every(({ status }) => status === 'running')).toBe(true);
  expect(new Set(shards.map(({ nodeId }) => nodeId)).size).toBe(5);
  const before = running(nodes);
  const lost = others.find(({ nodeId }) => before.some((one) => one.nodeId === nodeId)) as FogNode;
  const slot = before.find(({ nodeId }) => nodeId === lost.nodeId)?.slot;
  const began = performance.now();
  await village.kill(lost);
  const left = nodes.filter((node) => node !== lost);
  await until(() => running(left).some((one) => one.slot === slot && one.epoch === 2), {
    timeoutMs: 20_000,
    what: 'the slot runs again',
  });
  // Exclusive: the lease of 6 s and its margin had to pass.
  expect(performance.now() - began).toBeLessThan(15_000);
  const kept = (all: typeof before) => all.filter((one) => one.slot !== slot).sort((a, b) => a.slot - b.slot);
  expect(kept(running(left))).toEqual(kept(before));
  expect(running(left)).toHaveLength(5);
}, 40_000);

test('all slots begin together or none does', async () => {
  const nodes = await village.of(3, { cpuMilli: 1_000 });
  const [owner] = nodes as [FogNode];
  const four = { shardId: 'four', slots: 4, allOrNothing: true, spec: specOf({ antiAffinity: 'none' }) };
  const tooMany = await owner.fog.office.deploy({ ...four, wait: 'running' }, deploying(owner));
  expect(tooMany).toMatchObject({ kind: 'done', value: { refusal: { perNode: expect.anything() } } });
  expect(nodes.flatMap(({ runner }) => runner.started)).toEqual([]);
  await owner.fog.office.stop('four', within());
  await until(() => nodes.every(({ fog }) => fog.office.ledger().free.cpuMilli === 1_000));
  // Slots of one gang may first ask for the same room; the others hold theirs until each has its own.
  await owner.fog.office.deploy({ ...four, shardId: 'three', slots: 3, wait: 'accepted' }, deploying(owner));
  const states = () => owner.fog.office.status('three')?.shards.map(({ status }) => status);
  await until(() => states()?.every((status) => status === 'running'), { timeoutMs: 25_000, what: 'all three run' });
}, 60_000);

test('a node that ends says so, and its slot is replaced at once', async () => {
  const nodes = await village.of(3);
  const [owner] = nodes as [FogNode];
  const [, holder] = nodes as [FogNode, FogNode];
  await deployed(owner, { targetNode: holder.nodeId, allowFallback: true });
  const began = performance.now();
  await village.end(holder);
  const left = nodes.filter((node) => node !== holder);
  await until(() => running(left).some(({ epoch }) => epoch === 2), { timeoutMs: 10_000 });
  expect(performance.now() - began).toBeLessThan(5_000);
}, 20_000);
