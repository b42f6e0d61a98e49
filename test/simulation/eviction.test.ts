import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Policy } from '../../src/constitution/index.ts';
import { AssembledNode } from '../support/assembled-node.ts';
import { endOf, LyingNode } from '../support/lying-node.ts';
import { cleanUp, ROOT } from '../support/process-node.ts';
import { until } from '../support/until.ts';

const tiny = { command: process.execPath, args: [join(ROOT, 'test/fixtures/servers/tiny.mjs')] };
const echo = { name: 'hers__echo', arguments: { message: 'hi' }, timeout_ms: 5_000 };

let a: AssembledNode;
let c: AssembledNode;
let liar: LyingNode;

beforeAll(async () => {
  a = await AssembledNode.start();
  c = await AssembledNode.start({ invite: a.invite() });
  await Promise.all([a.reaches(c), c.reaches(a)]);
  await Promise.all([a.serve({ his: tiny }), c.serve({ hers: tiny })]);
  await until(async () => (await a.tools()).includes('hers__echo') && (await c.tools()).includes('his__echo'), {
    timeoutMs: 10_000,
  });
}, 30_000);

afterAll(async () => {
  await Promise.all([a, c, liar].map((node) => node?.[Symbol.asyncDispose]()));
  await cleanUp();
});

/** The voters, whose keys are on the first node, decide it together. */
async function decide(changes: Readonly<Record<string, unknown>>): Promise<void> {
  const act = async (agent: string, name: string, args: object) => {
    const result = await a.call('tools.call', { name, arguments: { ...args }, agent, timeout_ms: 10_000 });
    expect(result.isError, JSON.stringify(result)).not.toBe(true);
    return result['structuredContent'] as { readonly proposal_id: string };
  };
  const about = { title: 'A decision', description: 'of all', type: 'critical_change' };
  const proposed = { ...about, proposed_changes: { config_updates: changes } };
  const { proposal_id } = await act('sage', 'governance_proposal', proposed);
  const vote = { proposal_id, vote: 'approve', reasoning: 'good', final: true };
  for (const voter of ['sage', 'curator', 'king']) await act(voter, 'governance_vote', vote);
}

test('a node that the voters leave no right to host is a member whose servers nobody calls, until they give it back', async () => {
  const rights = `nodes.rights.${c.nodeId}`;
  await decide({ [rights]: { host: false } });
  await until(async () => !(await a.tools()).includes('hers__echo'), { timeoutMs: 10_000 });
  await expect(a.call('tools.call', echo)).rejects.toMatchObject({ code: expect.any(String) });
  expect(a.parts.host.admitted().has(c.nodeId)).toBe(true);
  await c.reaches(a);
  await decide({ [rights]: null });
  await until(async () => (await a.tools()).includes('hers__echo'), { timeoutMs: 10_000 });
  expect(JSON.stringify(await a.call('tools.call', echo))).toContain('hi');
}, 30_000);

test('a vote evicts a node, and another vote lets it back', async () => {
  await decide({ 'nodes.evicted': [c.nodeId] });
  await until(() => !a.parts.host.admitted().has(c.nodeId), { timeoutMs: 10_000 });
  await until(() => !c.parts.host.admitted().has(a.nodeId), { timeoutMs: 10_000 });
  expect(await a.tools()).not.toContain('hers__echo');
  await decide({ 'nodes.evicted': [] });
  const signal = AbortSignal.timeout(10_000);
  await c.parts.host.dial(a.parts.host.addresses()[0] as string, { signal });
  await until(async () => (await a.tools()).includes('hers__echo'), { timeoutMs: 10_000 });
}, 60_000);

test('a node that is evicted is cut off, its calls are refused, its servers leave, and it does not come back', async () => {
  liar = await LyingNode.join(a.invite());
  await liar.meet(a.parts.host.addresses());
  const ask = { server: 'his', tool: 'echo', args: { message: 'hi' } };
  const claim = liar.claim(a.nodeId);
  expect(endOf(await liar.call(claim, ask))).toBe('ok');
  expect(JSON.stringify(await a.call('tools.call', echo))).toContain('hi');
  const refused: string[] = [];
  a.bus.on('peer.refused', ({ peer, reason }) => refused.push(`${peer} ${reason}`));

  const evicted = [c.nodeId, liar.keys.nodeId];
  a.village.setPolicy(new Policy(a.village.constitution, new Map([['nodes.evicted', { value: evicted, version: 1 }]])));

  for (const nodeId of evicted) expect(a.parts.host.admitted().has(nodeId)).toBe(false);
  expect(await a.tools()).not.toContain('hers__echo');
  await expect(a.call('tools.call', echo)).rejects.toMatchObject({ code: expect.any(String) });
  await until(() => [c.parts.host, liar.host].every((host) => !host.admitted().has(a.nodeId)));
  expect(endOf(await liar.call(claim, ask))).not.toBe('ok');
  await until(async () => !(await c.tools()).includes('his__echo'));
  await until(
    () =>
      evicted.every((nodeId) =>
        refused.some((line) => line === `${nodeId} they say evicted` || line === `${nodeId} evicted`),
      ),
    {
      timeoutMs: 10_000,
    },
  );
  await expect(liar.meet(a.parts.host.addresses())).rejects.toMatchObject({ code: expect.any(String) });
  expect(a.parts.host.connections().filter(({ admitted }) => admitted)).toEqual([]);
});
