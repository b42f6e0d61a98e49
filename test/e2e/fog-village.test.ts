import { afterAll, beforeAll, expect, test } from 'vitest';
import { AssembledNode } from '../support/assembled-node.ts';
import { principalOf, specOf } from '../support/fog-village.ts';
import { until } from '../support/until.ts';

let first: AssembledNode;
let second: AssembledNode;

beforeAll(async () => {
  first = await AssembledNode.start();
  second = await AssembledNode.start({ invite: first.invite() });
  await second.reaches(first);
}, 60_000);

afterAll(async () => {
  await second?.[Symbol.asyncDispose]();
  await first?.[Symbol.asyncDispose]();
}, 30_000);

test('a shard deployed from one node runs on another as a real process, and answers through the gateway of both', async () => {
  const principal = {
    ...principalOf('magi', first.nodeId),
    issuedAtMs: Date.now(),
    expiresAtMs: Date.now() + 3_600_000,
  };
  await until(
    () => first.parts.fog.office.nodes({ need: specOf().res }).nodes.some(({ nodeId }) => nodeId === second.nodeId),
    { what: 'the other node is heard of' },
  );
  const spec = specOf({ res: { cpuMilli: 200, memMib: 256, diskMib: 0, gpus: 0 } });
  const answer = await first.parts.fog.office.deploy(
    { shardId: 'magi-real', spec, wait: 'running', targetNode: second.nodeId },
    { principal, signal: AbortSignal.timeout(20_000) },
  );
  expect(answer).toMatchObject({
    kind: 'done',
    value: { shards: [{ status: 'running', nodeId: second.nodeId, epoch: 1 }] },
  });
  const { server } = answer.kind === 'done' ? answer.value : { server: '' };
  for (const node of [second, first]) {
    await until(async () => (await node.tools()).some((name) => name.startsWith(`${server}__`)), {
      timeoutMs: 10_000,
      what: 'the shard is listed',
    });
    const result = await node.call('tools.call', {
      name: `${server}__hash`,
      arguments: { text: 'abc' },
      timeout_ms: 5_000,
    });
    expect(JSON.stringify(result)).toContain('ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad');
  }
  const stopped = await first.parts.fog.office.stop('magi-real', { signal: AbortSignal.timeout(10_000) });
  expect(stopped).toMatchObject({ kind: 'done', value: { shards: [{ status: 'stopped' }] } });
  expect(second.parts.fog.office.ledger().shards).toBe(0);
}, 60_000);

test('what needs a vote waits for it; approved, it runs on a node that checked the certificate itself', async () => {
  const principal = {
    ...principalOf('magi', first.nodeId),
    issuedAtMs: Date.now(),
    expiresAtMs: Date.now() + 3_600_000,
  };
  const { office } = first.parts.fog;
  const spec = specOf({ priority: 'high', res: { cpuMilli: 200, memMib: 256, diskMib: 0, gpus: 0 } });
  expect(office.plan({ shardId: 'magi-voted', spec }).needsVote).toEqual(['priority high']);
  const asked = await office.deploy(
    { shardId: 'magi-voted', spec, wait: 'running', targetNode: second.nodeId },
    { principal, signal: AbortSignal.timeout(10_000) },
  );
  expect(asked).toMatchObject({ kind: 'done', value: { shards: [{ status: 'awaiting_vote' }] } });
  const proposalId = asked.kind === 'done' ? asked.value.proposalId : undefined;
  expect(proposalId).toMatch(/^[0-9a-f]{64}$/);
  expect(second.parts.fog.office.ledger().shards).toBe(0);

  for (const agent of ['sage', 'curator']) {
    const vote = { proposal_id: proposalId, vote: 'approve', reasoning: 'there is room for it' };
    const cast = await first.call('tools.call', { name: 'governance_vote', arguments: vote, agent, timeout_ms: 5_000 });
    expect(cast.isError).not.toBe(true);
  }
  await until(() => office.status('magi-voted')?.shards[0]?.status === 'running', {
    timeoutMs: 15_000,
    what: 'the shard that was voted for runs',
  });
  expect(second.parts.fog.office.ledger().shards).toBe(1);
  await office.stop('magi-voted', { signal: AbortSignal.timeout(10_000) });
}, 60_000);

test('a node that stops ends its shards in time, and their slots come back elsewhere at once', async () => {
  const principal = {
    ...principalOf('magi', first.nodeId),
    issuedAtMs: Date.now(),
    expiresAtMs: Date.now() + 3_600_000,
  };
  const { office } = first.parts.fog;
  const spec = specOf({ res: { cpuMilli: 200, memMib: 256, diskMib: 0, gpus: 0 } });
  const there = { targetNode: second.nodeId, allowFallback: true };
  await office.deploy(
    { shardId: 'magi-moved', spec, wait: 'running', ...there },
    { principal, signal: AbortSignal.timeout(20_000) },
  );
  const pid = second.parts.fog.office.reservations().find(({ placement }) => placement?.pid !== undefined)
    ?.placement?.pid;
  expect(pid).toBeGreaterThan(1);
  const began = performance.now();
  await second[Symbol.asyncDispose]();
  expect(performance.now() - began).toBeLessThan(5_000);
  expect(() => process.kill(pid as number, 0)).toThrow();
  await until(() => office.status('magi-moved')?.shards[0]?.nodeId === first.nodeId, { timeoutMs: 10_000 });
  await until(() => office.status('magi-moved')?.shards[0]?.status === 'running', { timeoutMs: 10_000 });
  expect(office.status('magi-moved')?.shards[0]?.epoch).toBe(2);
  await office.stop('magi-moved', { signal: AbortSignal.timeout(10_000) });
  expect(office.ledger().shards).toBe(0);
}, 60_000);
