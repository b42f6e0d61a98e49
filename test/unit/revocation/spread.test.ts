import { jsonStream } from '../../../protocols/wire/index.ts';
import { announcementOf, askRevocations } from '../../../protocols/revocation/index.ts';
import { describe, expect, test } from 'vitest';
import { Policy } from '../../../src/constitution/index.ts';
import {
  constitution,
  founder,
  hostA,
  hostB,
  hostC,
  link,
  NOW_S,
  sage,
  villageId,
} from '../../support/small-village.ts';
import { SpreadNetwork, type SpreadNode, takenBack } from '../../support/spread-network.ts';
import { until } from '../../support/until.ts';

const chain = (to: typeof hostA, changes: Record<string, unknown> = {}) => [link(founder, to, changes)];

/** The founder, and three members, connected as `links` say by number. */
async function four(links: readonly (readonly [number, number])[]) {
  const network = new SpreadNetwork();
  const nodes: SpreadNode[] = [await network.node(founder, [])];
  for (const host of [hostA, hostB, hostC]) nodes.push(await network.node(host, chain(host, { exp: NOW_S + 86_400 })));
  for (const [one, other] of links) network.connect(nodes[one] as SpreadNode, nodes[other] as SpreadNode);
  await until(() => nodes.every((node, index) => links.flat().filter((end) => end === index).length === node.asked));
  return { network, nodes: nodes as [SpreadNode, SpreadNode, SpreadNode, SpreadNode] };
}

describe('a revocation', () => {
  test('is in force in the whole village before its maker is answered', async () => {
    const { nodes } = await four([
      [0, 1],
      [1, 2],
      [2, 3],
    ]);
    expect(await nodes[0].spread.revoke(takenBack(founder, 't'))).toBe('added');
    expect(nodes.map((node) => node.knows(founder, 't'))).toEqual([true, true, true, true]);
    expect(nodes[3].reports.of('revocation.heard')).toMatchObject([{ by: founder.node.peerId, kind: 'token' }]);
    expect(nodes[0].reports.of('revocation.heard')).toEqual([]);
  });

  test('of an agent goes the same way, from whichever node its key is on', async () => {
    const { nodes } = await four([
      [1, 0],
      [0, 2],
    ]);
    const revocation = {
      village: villageId,
      kind: 'agent',
      id: 'sage',
      by: 'sage',
      iat: NOW_S,
      exp: NOW_S + 60,
    } as const;
    await nodes[1].spread.revoke({ revocation, jws: sage.jws('village-revocation+jws', revocation) });
    const subject = { tokenId: 'x', agentId: 'sage', homeNode: 'anywhere', issuedAtMs: NOW_S * 1000 };
    expect(nodes[2].revocations.isRevoked(subject)).toBe(true);
    expect(nodes[2].revocations.isRevoked({ ...subject, agentId: 'gardener' })).toBe(false);
  });

  test('made while a village was cut in two is everywhere when one link joins it again', async () => {
    const { network, nodes } = await four([
      [0, 1],
      [2, 3],
    ]);
    await nodes[0].spread.revoke(takenBack(founder, 'east'));
    await nodes[3].spread.revoke(takenBack(hostC, 'west'));
    expect([nodes[2].knows(founder, 'east'), nodes[0].knows(hostC, 'west')]).toEqual([false, false]);
    network.connect(nodes[1], nodes[2]);
    await until(() => nodes.every((node) => node.knows(founder, 'east') && node.knows(hostC, 'west')));
  });

  test('is carried on by a node that started again and never met its signer since', async () => {
    const { network, nodes } = await four([[0, 1]]);
    await nodes[1].spread.revoke(takenBack(hostA, 't'));
    await nodes[0].spread.stop();
    network.cut(nodes[0], nodes[1]);
    const again = await network.node(founder, [], { stores: nodes[0].stores });
    network.connect(again, nodes[3]);
    await until(() => nodes[3].knows(hostA, 't'));
  });

  test('is forgotten everywhere when it has ended, its signer’s credentials too', async () => {
    const { network, nodes } = await four([[0, 1]]);
    await nodes[1].spread.revoke(takenBack(hostA, 't'));
    const stored = async () => {
      const keys: string[] = [];
      for await (const [key] of nodes[0].stores.signers.entries()) keys.push(key);
      for await (const [key] of nodes[0].stores.revocations.entries()) keys.push(key);
      return keys;
    };
    const held = async (asker: SpreadNode) => {
      const stream = await network.stream(asker, nodes[0]);
      return (await askRevocations(stream, {}, { signal: AbortSignal.timeout(2_000) })).carried.length;
    };
    await until(async () => (await stored()).length === 2);
    expect(await held(nodes[1])).toBe(1);
    network.cut(nodes[0], nodes[1]);
    network.pass(3_601_000);
    await until(async () => (await stored()).length === 0);
    expect(nodes[0].knows(hostA, 't')).toBe(false);
    network.connect(nodes[0], nodes[3]);
    expect(await held(nodes[3])).toBe(0);
  });

  test('that was pulled is told on if it is new, and only then', async () => {
    const { network, nodes } = await four([]);
    const [both, one] = [takenBack(hostA, 'both'), takenBack(hostA, 'one')];
    for (const node of [nodes[0], nodes[1]]) await node.revocations.add(both);
    await nodes[1].revocations.add(one);
    network.connect(nodes[0], nodes[1]);
    await until(() => nodes[0].knows(hostA, 'one') && network.quiet);
    await until(() => nodes[0].told === 1);
    expect(nodes[1].told).toBe(0);
  });

  test('is not left behind where there are more than one page of them', async () => {
    const { network, nodes } = await four([]);
    const names = Array.from({ length: 900 }, (_, index) => `t${index}`);
    await Promise.all(names.map((name) => nodes[1].revocations.add(takenBack(hostA, name))));
    network.connect(nodes[1], nodes[2]);
    await until(() => nodes[2].revocations.list().length === 900);
    expect(names.every((name) => nodes[2].knows(hostA, name))).toBe(true);
    await until(() => network.quiet);
    expect(nodes[2].asked).toBeGreaterThan(1);
  });

  test('of a node whose eviction is lifted is honoured then', async () => {
    const { network, nodes } = await four([[0, 2]]);
    const evicted = new Policy(constitution, new Map([['nodes.evicted', { value: [hostA.node.peerId], version: 1 }]]));
    nodes[0].setPolicy(evicted);
    const announcement = announcementOf({ statement: takenBack(hostA, 't').jws, chain: chain(hostA) });
    expect(network.gossip(nodes[2], nodes[0], announcement)).toBe(true);
    expect(nodes[0].knows(hostA, 't')).toBe(false);
    nodes[0].setPolicy(new Policy(constitution));
    expect(nodes[0].knows(hostA, 't')).toBe(true);
  });
});

describe('a flood', () => {
  test('of one publisher is not looked at beyond its share, and does not keep others from being heard', async () => {
    const { network, nodes } = await four([
      [0, 1],
      [0, 2],
    ]);
    const junk = Buffer.from('junk');
    for (let count = 0; count < 200; count += 1) network.gossip(nodes[1], nodes[0], junk);
    const good = (by: typeof hostA) => announcementOf({ statement: takenBack(by, 't').jws, chain: chain(by) });
    expect(network.gossip(nodes[1], nodes[0], good(hostA))).toBe(false);
    expect(network.gossip(nodes[2], nodes[0], good(hostB))).toBe(true);
    network.pass(1_000);
    expect(network.gossip(nodes[1], nodes[0], good(hostA))).toBe(true);
    expect([nodes[0].knows(hostA, 't'), nodes[0].knows(hostB, 't')]).toEqual([true, true]);
  });

  test('of valid statements ends at the signer’s share, and leaves room for others', async () => {
    const { network, nodes } = await four([[0, 1]]);
    const filling = Array.from({ length: 10_000 }, (_, index) => ({
      ...takenBack(founder, 'x'),
      revocation: takenBack(hostA, `${index}`).revocation,
      jws: `filler ${index}`,
    }));
    await Promise.all(filling.map((entry) => nodes[0].revocations.add(entry)));
    const carried = { statement: takenBack(hostA, 'more').jws, chain: chain(hostA) };
    network.gossip(nodes[1], nodes[0], announcementOf(carried));
    await until(() => nodes[0].reports.of('revocation.full').length === 1);
    expect(nodes[0].knows(hostA, 'more')).toBe(false);
    expect(await nodes[0].spread.revoke(takenBack(founder, 't'))).toBe('added');
  });
});

describe('a peer that answers wrongly', () => {
  const answer = (network: SpreadNetwork, node: SpreadNode, page: object) =>
    network.answerWith(node, async (stream) => {
      const wire = jsonStream(stream, { maxMessageBytes: 300_000 });
      await wire.write(page, { signal: AbortSignal.timeout(1_000) });
    });
  const misbehaved = (node: SpreadNode) => node.reports.of('peer.misbehaved').map(({ reason }) => reason);

  test('with something that is no page is named, and nothing is taken', async () => {
    const { network, nodes } = await four([]);
    answer(network, nodes[1], { v: 1, statements: 'all' });
    network.connect(nodes[0], nodes[1]);
    await until(() => misbehaved(nodes[0]).includes('malformed'));
    expect(nodes[0].revocations.list()).toEqual([]);
  });

  test('with many forged statements is named; with a few it is not, and what is true beside them counts', async () => {
    const { network, nodes } = await four([]);
    const by = { by: hostB.node.peerId };
    const forged = (count: number) => Array.from({ length: count }, (_, index) => takenBack(hostA, `${index}`, by).jws);
    const chains = { [hostB.node.peerId]: chain(hostB), [hostC.node.peerId]: chain(hostC) };
    const page = (count: number) => ({ v: 1, statements: [...forged(count), takenBack(hostC, 'true').jws], chains });
    answer(network, nodes[1], page(3));
    answer(network, nodes[2], page(17));
    network.connect(nodes[0], nodes[1]);
    await until(() => nodes[0].knows(hostC, 'true'));
    expect(misbehaved(nodes[0])).toEqual([]);
    network.connect(nodes[0], nodes[2]);
    await until(() => misbehaved(nodes[0]).includes('bad-statements'));
    expect(nodes[0].revocations.list()).toHaveLength(1);
  });

  test('with nothing at all is asked again another time', async () => {
    const { network, nodes } = await four([]);
    network.answerWith(nodes[1], (stream) => stream.abort(new Error('no')));
    network.connect(nodes[0], nodes[1]);
    await until(() => nodes[0].asked === 1);
    network.pass(30_000);
    await until(() => nodes[0].asked === 2);
    expect(misbehaved(nodes[0])).toEqual([]);
  });
});

test('a statement that waits is reason to ask around soon, once', async () => {
  const { network, nodes } = await four([[0, 2]]);
  const ended = chain(hostA, { exp: NOW_S - 1 });
  const announcement = announcementOf({ statement: takenBack(hostA, 't').jws, chain: ended });
  expect(network.gossip(nodes[2], nodes[0], announcement)).toBe(true);
  network.pass(2_000);
  await until(() => nodes[0].asked === 2);
  expect(network.gossip(nodes[2], nodes[0], announcement)).toBe(true);
  for (let seconds = 0; seconds < 28; seconds += 2) network.pass(2_000);
  expect(nodes[0].asked).toBe(2);
});

test('a peer that holds something else, and nothing of use, is asked all over again only after a while', async () => {
  const { network, nodes } = await four([]);
  const filling = Array.from({ length: 10_000 }, (_, index) => {
    const { revocation } = takenBack(hostA, `${index}`);
    return nodes[0].revocations.add({ revocation, jws: `filler ${index}` });
  });
  await Promise.all(filling);
  // Its 10,000 are other ones, by the same signer.
  await nodes[1].revocations.add(takenBack(hostA, 'another'));
  network.connect(nodes[0], nodes[1]);
  await until(() => nodes[0].asked === 1 && network.quiet);
  network.pass(30_000);
  network.pass(15_000);
  expect(nodes[0].asked).toBe(1);
  network.pass(30_000);
  await until(() => nodes[0].asked === 2 && network.quiet);
  for (let minutes = 0; minutes < 3; minutes += 1) for (const _half of [1, 2]) network.pass(30_000);
  expect(nodes[0].asked, 'the rest grows').toBe(3);
});

test('what is stopped asks no more and hears no more of policy', async () => {
  const { network, nodes } = await four([[0, 1]]);
  await nodes[0].spread.stop();
  const { asked } = nodes[0];
  network.pass(120_000);
  network.connect(nodes[0], nodes[2]);
  expect(nodes[0].asked).toBe(asked);
});
