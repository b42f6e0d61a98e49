import { afterEach, describe, expect, test } from 'vitest';
import { FOG, fogWriter } from '../../protocols/fog/index.ts';
import { keypair } from '../support/keypair.ts';
import { type FogNode, FogVillage, principalOf, QUICK, specOf } from '../support/fog-village.ts';
import { until } from '../support/until.ts';
import { verifies } from '../support/verifies.ts';

let village = new FogVillage();
afterEach(async () => {
  await village.stop();
  village = new FogVillage();
});

const within = (ms = 10_000) => ({ signal: AbortSignal.timeout(ms) });

async function deploy(
  node: FogNode,
  request: Partial<Parameters<FogNode['fog']['office']['deploy']>[0]> = {},
  agent = 'magi',
) {
  return node.fog.office.deploy(
    { shardId: 'magi-1', spec: specOf(), wait: 'running', ...request },
    { principal: principalOf(agent, node.nodeId), ...within() },
  );
}

const statusOf = (node: FogNode, shard = 'magi-1') => node.fog.office.status(shard)?.shards[0];

describe('starts', () => {
  test('a node that starts again says that what it ran is dead: its slot is replaced without waiting for the lease', async () => {
    // A lease of 15 s: only the fast path is done in less.
    const limits = { ...QUICK, leaseMs: 15_000 };
    const [owner, holder] = (await village.of(2, { limits })) as readonly FogNode[] as [FogNode, FogNode];
    const spec = specOf({ leaseMs: 15_000 });
    expect(await deploy(owner, { spec, targetNode: holder.nodeId })).toMatchObject({ kind: 'done' });
    await village.kill(holder);
    const began = performance.now();
    const again = await village.node(holder.seed, { database: holder.database, limits });
    expect(again.fog.office.ledger().bootSeq).toBe(2);
    await until(() => [...again.runner.running.values()].some(({ start }) => start.epoch === 2), { timeoutMs: 10_000 });
    expect(performance.now() - began).toBeLessThan(5_000);
    expect(again.runner.swept).toBe(1);
  }, 30_000);

  test('an owner that starts again adopts what runs, under the same epoch', async () => {
    const [owner, holder] = (await village.of(2)) as readonly FogNode[] as [FogNode, FogNode];
    await deploy(owner, { targetNode: holder.nodeId });
    const before = [...holder.runner.running.keys()];
    await village.kill(owner);
    const again = await village.node(owner.seed, { database: owner.database });
    await until(() => statusOf(again)?.status === 'running', { timeoutMs: 10_000 });
    expect(statusOf(again)).toMatchObject({ epoch: 1, nodeId: holder.nodeId });
    // Its renewals are answered again: it outlives the lease that it had.
    await until(() => holder.fog.office.reservations().some(({ placement }) => (placement?.leaseLeftMs ?? 0) > 5_000), {
      timeoutMs: 10_000,
    });
    expect([...holder.runner.running.keys()]).toEqual(before);
  }, 30_000);

  test('without its owner a shard runs to the end of its lease and no longer, and nothing stays booked', async () => {
    const [owner, holder] = (await village.of(2)) as readonly FogNode[] as [FogNode, FogNode];
    await deploy(owner, { targetNode: holder.nodeId });
    await village.kill(owner);
    await until(() => holder.runner.running.size === 0, { timeoutMs: 12_000, what: 'the shard ends' });
    await until(() => holder.fog.office.ledger().shards === 0);
    const { free, capacity } = holder.fog.office.ledger();
    expect(free).toEqual(capacity);
  }, 30_000);
});

describe('peers that misbehave', () => {
  test('who advertises what it has not is asked, refuses, and the shard goes elsewhere', async () => {
    const [owner, liar, honest] = (await village.of(3)) as readonly FogNode[] as [FogNode, FogNode, FogNode];
    const spec = specOf({ res: { cpuMilli: 4_000, memMib: 8_192, diskMib: 0, gpus: 0 }, labels: { free: 'yes' } });
    // Of the three only the liar claims the label; then it has it, and is full.
    expect(await deploy(owner, { spec })).toMatchObject({
      kind: 'done',
      value: { shards: [{ status: 'blocked' }], refusal: { code: 'REFUSED_POLICY', retryable: false } },
    });
    const key = keypair(liar.seed);
    const ad = liar.fog.office.nodes({ need: specOf().res }).nodes.find(({ self }) => self)?.ad;
    const lie = { ...ad, seq: 10_000, labels: { free: 'yes' } };
    const stream = await liar.host.openStream(owner.nodeId, FOG, within());
    await fogWriter(stream).write({ v: 1, ad: key.jws('village-fog-ad+jws', lie) }, within());
    // The owner believes it and asks; the liar's own ledger knows better, whatever its advertisement says.
    const refusals = () => owner.fog.office.explain('magi-1')?.perNode ?? [];
    await until(() => refusals().some(({ nodeId, detail }) => nodeId === liar.nodeId && detail.includes('label')));
    expect(statusOf(owner)?.status).not.toBe('running');
    expect([...liar.runner.started, ...honest.runner.started]).toEqual([]);
  }, 30_000);

  test('who accepts and never starts is given up, and the shard runs elsewhere under a higher epoch', async () => {
    const limits = { ...QUICK, startMs: 500, restarts: 0, backoffMinMs: 50 };
    const [owner, idler, other] = (await village.of(3, { limits })) as readonly FogNode[] as [
      FogNode,
      FogNode,
      FogNode,
    ];
    idler.runner.neverReady = true;
    const answer = await deploy(owner, { targetNode: idler.nodeId, allowFallback: true });
    expect(answer).toMatchObject({ kind: 'done', value: { shards: [{ status: 'running' }] } });
    expect(statusOf(owner)?.nodeId).not.toBe(idler.nodeId);
    expect(statusOf(owner)?.epoch).toBeGreaterThan(1);
    await until(() => idler.runner.running.size === 0);
    expect(other.fog.office.ledger().shards + owner.fog.office.ledger().shards).toBe(1);
  }, 30_000);

  test('an accept that was sent before starts nothing: not again, not after its end, not after a new start', async () => {
    const captured: string[] = [];
    const owner = await village.node(180, {
      parts: {
        sign: (typ, payload) => {
          const token = keypair(180).jws(typ, payload);
          if (typ === 'village-fog-word+jws') captured.push(token);
          return token;
        },
      },
    });
    const holder = await village.node(181);
    await village.knows(owner, [holder]);
    await deploy(owner, { targetNode: holder.nodeId });
    expect(captured).toHaveLength(1);
    const [signed] = captured as [string];
    const replay = async (to: FogNode) => {
      const writer = fogWriter(await owner.host.openStream(to.nodeId, FOG, within()));
      for (let time = 0; time < 3; time += 1) await writer.write({ v: 1, signed }, within());
      await writer.close(within());
    };
    await replay(holder);
    await owner.fog.office.stop('magi-1', within());
    await replay(holder);
    await until(() => holder.fog.office.ledger().shards === 0);
    expect(holder.runner.started).toHaveLength(1);
    await village.kill(holder);
    const again = await village.node(holder.seed, { database: holder.database });
    await replay(again);
    // Deployed after it on the same node, so heard after it.
    await village.knows(owner, [again]);
    await deploy(owner, { shardId: 'later', targetNode: again.nodeId });
    expect(again.runner.started.map(({ alias }) => alias)).toEqual([statusOf(owner, 'later')?.server]);
  }, 30_000);

  verifies(
    'fog/R11',
    'a node wants to see the vote for what is too much for it, whatever its owner thinks',
    async () => {
      const owner = await village.node(182);
      const holder = await village.node(183, { voteAbove: 1_500 });
      await village.knows(owner, [holder]);
      const there = { targetNode: holder.nodeId };
      // 1,000 milli-cores each: the second makes it too much, by the sum of what this owner has there.
      expect(await deploy(owner, { ...there, shardId: 'a' })).toMatchObject({
        value: { shards: [{ status: 'running' }] },
      });
      await deploy(owner, { ...there, shardId: 'b', wait: 'accepted' });
      await until(() => statusOf(owner, 'b')?.status === 'failed'); // nobody proposes it in this village
      expect(holder.fog.office.ledger().shards).toBe(1);
      expect(owner.fog.office.explain('b')?.timeline.some(({ because }) => because === 'VOTE_REQUIRED')).toBe(true);
    },
  );

  verifies(
    'fog/R11',
    'an agent whose level does not suffice, or for whom nothing speaks, places nothing on another node',
    async () => {
      const levels = { tutor: 'OPERATOR', magi: 'COORDINATOR' } as const;
      const [owner, holder] = (await village.of(2, { levels })) as readonly FogNode[] as [FogNode, FogNode];
      const there = { targetNode: holder.nodeId };
      expect(await deploy(owner, { ...there, shardId: 'a' }, 'tutor')).toMatchObject({
        value: { shards: [{ status: 'blocked', reason: 'REFUSED_POLICY' }] },
      });
      // EMERGENCY priority needs the EMERGENCY level, whatever the owner says.
      expect(await deploy(owner, { ...there, shardId: 'b', spec: specOf({ priority: 'emergency' }) })).toMatchObject({
        value: { shards: [{ status: expect.stringMatching(/blocked|awaiting_vote|failed/) }] },
      });
      expect(holder.runner.started).toEqual([]);
      expect(await deploy(owner, { ...there, shardId: 'c' })).toMatchObject({
        value: { shards: [{ status: 'running' }] },
      });
    },
  );
});

verifies('fog/R10', 'who is admitted hears at once what others have free and where their shards run', async () => {
  // Gossip is not waited for: an advertisement comes by itself only every minute here.
  const limits = { ...QUICK, adEveryMs: 60_000, adTtlMs: 600_000 };
  const [first] = (await village.of(1, { limits })) as readonly FogNode[] as [FogNode];
  await deploy(first);
  const late = await village.node(199, { limits });
  await village.knows(late, [first, late]);
  await until(() => late.fog.office.status('magi-1')?.owner === first.nodeId);
  expect(late.fog.office.status('magi-1')?.shards).toMatchObject([
    { status: 'running', nodeId: first.nodeId, epoch: 1 },
  ]);
});

test('a node that drains gives its slots to others, one at a time, and ends empty', async () => {
  const nodes = await village.of(3);
  const [owner, holder] = nodes as readonly FogNode[] as [FogNode, FogNode];
  await deploy(owner, { targetNode: holder.nodeId, allowFallback: true });
  holder.fog.office.drain({ deadlineMs: 4_000 });
  await until(() => statusOf(owner)?.status === 'running' && statusOf(owner)?.nodeId !== holder.nodeId, {
    timeoutMs: 10_000,
  });
  await until(() => holder.fog.office.ledger().shards === 0);
  expect(statusOf(owner)?.epoch).toBe(2);
  expect(holder.fog.office.ledger()).toMatchObject({ draining: true });
}, 30_000);
