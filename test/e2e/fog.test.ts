import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  type Deployed,
  deployed,
  FogProcesses,
  GatewayAgent,
  type ShardRow,
  shardsUnder,
} from '../support/fog-processes.ts';
import { cleanUp, type ProcessNode } from '../support/process-node.ts';
import { until } from '../support/until.ts';

const DIGEST_OF_ABC = 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad';

let village: FogProcesses;
let founder: ProcessNode;
const agents = new Map<ProcessNode, GatewayAgent>();

beforeAll(async () => {
  village = await FogProcesses.start(5);
  founder = village.first;
  for (const node of village.nodes) agents.set(node, new GatewayAgent(node, await node.token()));
}, 120_000);

afterAll(cleanUp, 60_000);

const statusOf = (id: string, node = founder) => node.json<Deployed>(['fog', 'status', id]);
const agentOf = (node: ProcessNode): GatewayAgent => agents.get(node) as GatewayAgent;

describe('a village of five processes with 4 cores and 8 GiB each', () => {
  test('finds nodes, and deploys a shard of magi on each; the voters decide what is more than one owner may have', async () => {
    const nodes = await village.found(founder);
    expect(nodes.toSorted()).toEqual(village.nodes.map(({ ready }) => ready.node_id).toSorted());
    const placed: Deployed[] = [];
    for (const node of nodes) {
      const wanted = ['magi', '--id', `magi_shard_${node}`, '--node', node, '--cpu', '2', '--memory', '4'];
      placed.push(await deployed(founder, wanted));
    }
    // Five of 2 cores are more than the 8 that one owner has without a vote.
    expect(placed.map(({ status }) => status)).toEqual(['running', 'running', 'running', 'running', 'awaiting_vote']);
    const last = placed[4] as Deployed;
    for (const agent of ['sage', 'curator']) {
      await founder.json([
        'gov',
        'vote',
        String(last.proposal_id),
        'approve',
        '--reason',
        'there is room',
        '--agent',
        agent,
      ]);
    }
    const fifth = await until(
      async () => {
        const now = await statusOf(last.deployment_id);
        return now.status === 'running' ? now : undefined;
      },
      { timeoutMs: 20_000, intervalMs: 200, what: 'the fifth runs' },
    );
    expect([...placed.slice(0, 4), fifth].map(({ node_id }) => node_id)).toEqual(nodes);
    expect(shardsUnder(village.nodes.map(({ data }) => data))).toHaveLength(5);

    for (const gateway of village.nodes) {
      for (const { server } of [placed[0] as Deployed, fifth]) {
        const answer = await until(
          async () => {
            const said = await agentOf(gateway).call(`${server}__hash`, { text: 'abc' });
            return said.structuredContent;
          },
          {
            timeoutMs: 10_000,
            intervalMs: 100,
            what: `${server} answers through the gateway of ${gateway.ready.node_id}`,
          },
        );
        expect(answer).toMatchObject({ digest: DIGEST_OF_ABC });
      }
    }
    for (const { deployment_id: id } of placed) await founder.json(['fog', 'stop', id]);
    await village.provesNothingLeft();
  }, 120_000);

  test('a host that is killed loses its slot to another node under a higher epoch; the keys of other slots stay where they are', async () => {
    const wanted = ['magi', '--id', 'council', '--slots', '4', '--cpu', '0.5', '--memory', '0.25'];
    const council = await deployed(founder, wanted);
    expect(council.status).toBe('running');
    const keys = Array.from({ length: 40 }, (_, index) => `key-${index}`);
    const before = await slotsOfKeys(founder, { server: council.server, keys });
    expect(new Set([...before.values()].map(({ slot }) => slot)).size).toBe(4);

    const lost = council.shards.find(({ node_id }) => node_id !== founder.ready.node_id) as ShardRow;
    const victim = village.of(lost.node_id);
    const gateway = village.nodes.find((node) => node !== victim && node !== founder) as ProcessNode;
    const began = performance.now();
    await victim.kill();
    const now = await until(
      async () => {
        const status = await statusOf('council');
        const slot = status.shards.find((one) => one.slot === lost.slot);
        return slot?.status === 'running' && slot.node_id !== lost.node_id ? status : undefined;
      },
      { timeoutMs: 40_000, intervalMs: 200, what: 'the slot runs elsewhere' },
    );
    expect(performance.now() - began).toBeLessThan(20_000);
    for (const shard of now.shards) {
      const was = council.shards.find(({ slot }) => slot === shard.slot) as ShardRow;
      if (shard.slot === lost.slot) expect(shard.epoch).toBeGreaterThan(was.epoch);
      else expect(shard).toMatchObject({ node_id: was.node_id, epoch: was.epoch, placement_id: was.placement_id });
    }
    const after = await slotsOfKeys(gateway, { server: council.server, keys });
    for (const [key, { slot, epoch }] of after) {
      const moved = slot === String(lost.slot);
      expect({ key, slot }).toEqual({ key, slot: before.get(key)?.slot });
      expect(epoch > (before.get(key)?.epoch ?? 0)).toBe(moved);
    }
    const { timeline } = await founder.json<{ timeline: { to: string; because: string; epoch?: number }[] }>([
      'fog',
      'status',
      `council/${lost.slot}`,
    ]);
    expect(timeline.map(({ to }) => to)).toEqual(expect.arrayContaining(['suspect', 'running']));

    agents.delete(victim);
    const again = await village.restart(victim);
    agents.set(again, new GatewayAgent(again, await again.token()));
    await founder.json(['fog', 'stop', 'council']);
    await village.provesNothingLeft();
  }, 120_000);
});

interface Place {
  readonly slot: string;
  readonly epoch: number;
}

/** Which slot, under which epoch, answers for each key. */
async function slotsOfKeys(
  node: ProcessNode,
  { server, keys }: { readonly server: string; readonly keys: readonly string[] },
): Promise<Map<string, Place>> {
  const agent = agentOf(node);
  const places = await Promise.all(
    keys.map((key) =>
      until(
        async () => (await agent.call(`${server}__shard_status`, {}, { key })).structuredContent as Place | undefined,
        {
          timeoutMs: 15_000,
          intervalMs: 100,
          what: `somebody answers for ${key}`,
        },
      ),
    ),
  );
  return new Map(keys.map((key, index) => [key, places[index] as Place]));
}
