import { afterEach, expect, test } from 'vitest';
import { chunkOf } from '../../node/fog/remote-logs.ts';
import { FOG, isSendable } from '../../protocols/fog/index.ts';
import { type FogNode, FogVillage, principalOf, specOf } from '../support/fog-village.ts';
import { verifies } from '../support/verifies.ts';

let village = new FogVillage();
afterEach(async () => {
  await village.stop();
  village = new FogVillage();
});

const within = () => ({ signal: AbortSignal.timeout(10_000) });

async function deployed(): Promise<readonly [FogNode, FogNode, FogNode]> {
  const nodes = (await village.of(3)) as [FogNode, FogNode, FogNode];
  const [owner, holder] = nodes;
  const answer = await owner.fog.office.deploy(
    { shardId: 'magi-1', spec: specOf(), wait: 'running', targetNode: holder.nodeId },
    { principal: principalOf('magi', owner.nodeId), ...within() },
  );
  expect(answer.kind).toBe('done');
  return nodes;
}

verifies('fog/R12', 'what a shard prints on another node is told to its owner, and to no other', async () => {
  const [owner, holder, other] = await deployed();
  const read = owner.fog.office.followLogs('magi-1', within());
  if (read === undefined) throw new Error('nothing to read');
  const lines: string[] = [];
  for await (const chunk of read) {
    if (chunk.lines.length === 0) break;
    lines.push(...chunk.lines);
  }
  expect(lines).toEqual([`hello from ${holder.nodeId}`]);
  const placement = owner.fog.office.status('magi-1')?.shards[0]?.placementId as string;
  expect(await other.fog.logs.read({ nodeId: holder.nodeId, placement, after: 0 }, within())).toBeUndefined();
  expect(await owner.fog.logs.read({ nodeId: holder.nodeId, placement, after: 0 }, within())).toMatchObject({
    next: 1,
  });
});

test('a node that follows is told each line once, and hears the end of its patience', async () => {
  const [owner, holder] = await deployed();
  const printed = holder.runner.printed;
  const stop = new AbortController();
  const read = owner.fog.office.followLogs('magi-1', { signal: stop.signal });
  if (read === undefined) throw new Error('nothing to read');
  const lines: string[] = [];
  for await (const chunk of read) {
    lines.push(...chunk.lines);
    if (lines.length === 1 && chunk.lines.length === 1) printed.push('one more', 'and another');
    if (lines.length === 3) stop.abort();
  }
  expect(lines).toEqual([`hello from ${holder.nodeId}`, 'one more', 'and another']);
}, 20_000);

test('where a shard runs here, or is not of this node, there is nothing to bring', async () => {
  const [owner, holder, other] = await deployed();
  expect(holder.fog.office.followLogs('magi-1', within())).toBeUndefined();
  expect(other.fog.office.followLogs('magi-1', within())).toBeUndefined();
  expect(owner.fog.office.followLogs('unknown', within())).toBeUndefined();
});

test('a piece fits into a message, whatever is in its lines, and none is told twice or left out', () => {
  const lines = Array.from({ length: 200 }, (_, index) => `${index} ${'\u0001'.repeat(index * 40)}`);
  const told: string[] = [];
  let after = 0;
  for (let pieces = 0; pieces < 200 && after < 200; pieces += 1) {
    const chunk = chunkOf({ read: () => ({ lines, dropped: 0 }) }, after);
    expect(isSendable({ v: 1, logs: { id: 'i', ...chunk } })).toBe(true);
    expect(chunk.next).toBe(after + chunk.lines.length);
    told.push(...chunk.lines);
    after = chunk.next;
  }
  expect(told.map((line) => Number(line.split(' ')[0]))).toEqual(lines.map((_, index) => index));
  expect(FOG.maxMessageBytes).toBe(65_536);
});

test('lines that are gone are counted, and another process begins from the start', () => {
  const kept = { read: () => ({ lines: ['c', 'd'], dropped: 2 }) };
  expect(chunkOf(kept, 0)).toEqual({ lines: ['c', 'd'], next: 4, dropped: 2 });
  expect(chunkOf(kept, 3)).toEqual({ lines: ['d'], next: 4, dropped: 0 });
  expect(chunkOf(kept, 4)).toEqual({ lines: [], next: 4, dropped: 0 });
  expect(chunkOf({ read: () => ({ lines: ['new'], dropped: 0 }) }, 9)).toEqual({ lines: ['new'], next: 1, dropped: 0 });
});
