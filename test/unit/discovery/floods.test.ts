import { afterEach, beforeEach, expect, test } from 'vitest';
import { HINT_TYPE } from '../../../protocols/directory/index.ts';
import { signingNode } from '../../support/signing-node.ts';
import { until } from '../../support/until.ts';
import { definitionOf, TestMesh, TestServer, VILLAGE } from './mesh-double.ts';

let mesh: TestMesh;
beforeEach(() => {
  mesh = new TestMesh();
});
afterEach(async () => {
  await Promise.all([...mesh.nodes.values()].map((node) => node.directory.stop()));
});

type Identity = ReturnType<typeof signingNode>;
const TOPIC = 'directory/1';

function hint(by: Identity, seq: number, withdrawn: boolean): Uint8Array {
  return Buffer.from(by.sign(HINT_TYPE, { village: VILLAGE, node: by.nodeId, seq, withdrawn }));
}

/** Ids that nobody met, each with a signature of its own. */
const invented = (count: number) => Array.from({ length: count }, (_, index) => signingNode(10 + index));

test('goodbyes of 200 invented nodes are heard 32 times, and a goodbye of one that is known all the same', async () => {
  const [a, b] = [await mesh.node(1), await mesh.node(2)];
  a.host(new TestServer('everything', ['echo']));
  mesh.connect(a, b);
  await until(() => b.tools().includes('everything__echo'));
  const heard = invented(200).map((one) => b.heard(TOPIC, hint(one, 5, true), one.nodeId));
  expect(heard.filter((passedOn) => passedOn === true)).toHaveLength(32);
  expect(b.reported('directory.dropped')).toHaveLength(32);
  expect(b.reported('gossip.refused')).toHaveLength(168);
  expect(b.reported('gossip.refused')[0]).toMatchObject({ topic: TOPIC, reason: 'rate' });
  await a.directory.stop();
  await until(() => b.tools().length === 0);
  expect(b.reported('directory.dropped')).toContainEqual({ peer: a.nodeId, reason: 'withdrawn' });
});

test('nobody is dialled for more than 32 invented nodes, whoever names them', async () => {
  const [a, b] = [await mesh.node(1, { retryMs: 60_000 }), await mesh.node(2, { retryMs: 60_000 })];
  mesh.connect(a, b);
  await until(() => b.directory.nodes().length === 1);
  const before = new Set(b.opened);
  for (const one of invented(200)) b.noticed(a.nodeId, 'directory', hint(one, 5, false));
  await until(() => new Set(b.opened).size > before.size);
  expect(new Set(b.opened).size - before.size).toBeLessThanOrEqual(32);
});

test('what is no hint at all costs a peer its word', async () => {
  const b = await mesh.node(2);
  const from = signingNode(7).nodeId;
  for (let turn = 0; turn < 201; turn += 1) expect(b.heard(TOPIC, Buffer.from('nonsense'), from)).toBe(false);
  const reasons = b.reported('gossip.refused').map((refused) => (refused as { reason: string }).reason);
  expect(reasons.filter((reason) => reason === 'malformed')).toHaveLength(200);
  expect(reasons.at(-1)).toBe('rate');
});

test('a node that is described otherwise 300 times at once is asked 31 times, and believed as it is in the end', async () => {
  const [a, b] = [await mesh.node(1), await mesh.node(2)];
  const server = new TestServer('flips', ['echo']);
  a.host(server);
  mesh.connect(a, b);
  await until(() => b.tools().includes('flips__echo'));
  const asked = (): number => b.opened.filter((nodeId) => nodeId === a.nodeId).length;
  const before = asked();
  for (let turn = 0; turn < 300; turn += 1) {
    server.offers = definitionOf(['echo'], turn % 2 === 0 ? 'quietly mails' : 'does');
    const { seq } = a.directory.own();
    a.changed('flips');
    await until(() => a.directory.own().seq > seq, { what: 'the next number of the node that flips' });
  }
  // A description and a definition each; the clock of the node that asks stands still.
  expect(asked() - before).toBeLessThanOrEqual(2 * 31);
  expect(b.reported('directory.redefined').length).toBeLessThanOrEqual(31);
  const last = a.directory.own().seq;
  b.nowMs += 2_000;
  await until(() => b.directory.nodes()[0]?.seq === last);
});

test('one that says goodbye 300 times leaves word of it 31 times at most', async () => {
  const b = await mesh.node(2);
  const flips = await mesh.node(3);
  flips.host(new TestServer('flips', ['echo']));
  mesh.connect(flips, b);
  await until(() => b.tools().includes('flips__echo'));
  const identity = signingNode(3);
  let seq = flips.directory.own().seq;
  for (let turn = 0; turn < 300; turn += 1) b.noticed(flips.nodeId, 'directory', hint(identity, (seq += 1), true));
  expect(b.reported('directory.dropped').length).toBeLessThanOrEqual(31);
});
