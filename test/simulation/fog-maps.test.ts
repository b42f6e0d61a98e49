import { afterEach, expect, test } from 'vitest';
import type { BackendContext } from '../../node/backends/backend.ts';
import { slotRefused } from '../../node/fog/serving/index.ts';
import type { Forwarded, Target } from '../../node/router/index.ts';
import type { Service } from '../../src/routing/index.ts';
import { type FogNode, FogVillage, principalOf, specOf } from '../support/fog-village.ts';
import { until } from '../support/until.ts';

let village = new FogVillage();
afterEach(async () => {
  await village.stop();
  village = new FogVillage();
});

const context = (): BackendContext => ({ signal: AbortSignal.timeout(10_000) }) as BackendContext;
const keyed = (alias: string, key: string): Target => ({
  service: { alias } as Service,
  name: 'ask',
  nodeId: undefined,
  request: { jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'ask', _meta: { 'village/fog-key': key } } },
});

/** Hands a call to the shards of the node that it names, as a peer would. */
function caller(nodes: readonly FogNode[]) {
  const asked: (string | undefined)[] = [];
  const send = async (target: Target): Promise<Forwarded> => {
    asked.push(target.nodeId);
    const server = nodes.find(({ nodeId }) => nodeId === target.nodeId)?.guests.get(target.service.alias);
    const reply = (await server?.request(target.request, context())) ?? slotRefused(1, 'WRONG_SLOT');
    return { reply, replica: undefined };
  };
  return { asked, send };
}

async function deployed(owner: FogNode, targetNode: string): Promise<string> {
  const answer = await owner.fog.office.deploy(
    { shardId: 'magi-1', spec: specOf(), wait: 'running', targetNode, allowFallback: true },
    { principal: principalOf('magi', owner.nodeId), signal: AbortSignal.timeout(10_000) },
  );
  if (answer.kind !== 'done') throw new Error(JSON.stringify(answer.refusal));
  return answer.value.server;
}

/** An owner, two that run things, and one that hears no gossip. */
async function four() {
  const [owner, first, second] = (await village.of(3)) as [FogNode, FogNode, FogNode];
  const deaf = await village.node(160, { deaf: true });
  return { owner, first, second, deaf };
}

const text = (forwarded: Forwarded | undefined): string =>
  Buffer.from((forwarded?.reply.body as Uint8Array) ?? []).toString();

test('a node that never heard of a deployment finds its map when a call with a key comes', async () => {
  const { owner, first, deaf } = await four();
  const alias = await deployed(owner, first.nodeId);
  expect(deaf.fog.office.status('magi-1')).toBeUndefined();
  const { asked, send } = caller(village.nodes);
  await until(
    async () => {
      const answered = await deaf.fog.routing.forward(keyed(alias, 'k'), context(), send);
      return answered?.reply.outcome === 'ok' && text(answered) === `${first.nodeId} 0 1`;
    },
    { timeoutMs: 15_000, what: 'the key reaches its slot' },
  );
  expect(asked.at(-1)).toBe(first.nodeId);
  expect(deaf.fog.office.status('magi-1')?.owner).toBe(owner.nodeId);
}, 30_000);

test('a node with an old map is told so by the epoch, learns the new one from the owner, and reaches the slot', async () => {
  const { owner, first, deaf } = await four();
  const alias = await deployed(owner, first.nodeId);
  // Before its hint is out a look finds nothing, and the next one is 5 s away.
  await until(() => owner.reports.of('dht.provided').some(({ stored }) => stored > 0), { timeoutMs: 10_000 });
  const { asked, send } = caller(village.nodes);
  const call = async () => text(await deaf.fog.routing.forward(keyed(alias, 'k'), context(), send));
  await until(async () => (await call()) === `${first.nodeId} 0 1`, { timeoutMs: 15_000 });
  first.fog.office.drain({ deadlineMs: 1_000 });
  const moved = () => owner.fog.office.status('magi-1')?.shards[0];
  await until(() => moved()?.status === 'running' && (moved()?.epoch ?? 0) > 1, {
    timeoutMs: 15_000,
    what: 'the slot has moved',
  });
  asked.length = 0;
  expect(await call()).toBe(`${moved()?.nodeId} 0 ${moved()?.epoch}`);
  expect(asked).toEqual([first.nodeId, moved()?.nodeId]);
}, 40_000);
