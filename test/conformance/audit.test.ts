import type { Stream } from '@libp2p/interface';
import { lpStream, streamPair } from '@libp2p/utils';
import { readFileSync } from 'node:fs';
import { expect } from 'vitest';
import { type Answer, answerAudit, askWitness, MAX_ANCHORS } from '../../protocols/audit/index.ts';
import { type Anchored, thinned, verifyAcceptance, verifyAnchor } from '../../src/audit/index.ts';
import { founder, hostA, hostB, NOW_MS, villageId } from '../support/small-village.ts';
import { until } from '../support/until.ts';
import { verifies } from '../support/verifies.ts';
import { chainOf, WitnessNetwork, type WitnessNode } from '../support/witness-network.ts';

const vectors = JSON.parse(readFileSync(new URL('../../protocols/audit/vectors.json', import.meta.url), 'utf8'));
const within = (ms = 2_000) => ({ signal: AbortSignal.timeout(ms) });
const held: Anchored = { head: vectors.head, anchor: vectors.anchor };
const ownerA = { villageId, nodeId: hostA.node.peerId, issuerKey: hostA.issuer.raw };

async function allBytes(stream: Stream): Promise<string> {
  const parts: Uint8Array[] = [];
  for await (const part of stream) parts.push(part.subarray());
  return Buffer.concat(parts).toString('hex');
}

/** What a witness that gives `answer` writes to whoever sends `hex`, and how that ended. */
async function told(hex: string, answer: Answer = { v: 1, outcome: 'refused' }, ms = 2_000) {
  const [near, far] = await streamPair();
  const asked: (string | undefined)[] = [];
  const desk = { answer: async ({ head }: { head?: string | undefined }) => (asked.push(head), answer) };
  const ended = answerAudit(far, desk, within(ms)).then(
    () => 'answered',
    (error: { code: string }) => error.code,
  );
  if (hex !== '') near.send(Buffer.from(hex, 'hex'));
  const written = allBytes(near).catch(() => '');
  return { ended: await ended, written: await written, asked };
}

/** A pair that knows each other; `b` has countersigned nothing of `a` but what the test has it countersign. */
async function pair(options: { hashes?: string[] } = {}) {
  const network = new WitnessNetwork();
  const a = await network.node(hostA, options);
  const b = await network.node(hostB, { hashes: [] });
  network.connect(a, b);
  await until(async () => (await b.witnesses.anchorsOf(a.nodeId)).length > 0 || a.log.hashes.length === 0);
  const ask = async (head?: string, from: WitnessNode = a): Promise<Answer> =>
    askWitness(await network.stream(from, b), { head }, within());
  return { network, a, b, ask };
}

verifies('audit/R1', 'one ask is answered, in the frozen bytes', async () => {
  expect(await told(vectors.askHeld, { v: 1, outcome: 'held', anchors: [held] })).toMatchObject({
    ended: 'answered',
    written: vectors.held,
    asked: [undefined],
  });
  for (const [answer, bytes] of [
    [{ v: 1, outcome: 'anchored', anchor: vectors.anchor }, vectors.anchored],
    [{ v: 1, outcome: 'contradicts', against: held }, vectors.contradicts],
    [{ v: 1, outcome: 'stale' }, vectors.stale],
    [{ v: 1, outcome: 'refused' }, vectors.refused],
  ] as [Answer, string][]) {
    expect(await told(vectors.askHead, answer)).toMatchObject({ written: bytes, asked: [vectors.head] });
  }
});

verifies('audit/R1', 'anything else ends the stream with nothing answered', async () => {
  const framed = (text: string) => Buffer.concat([Buffer.from([text.length]), Buffer.from(text)]).toString('hex');
  for (const text of [
    'null',
    '[]',
    '{}',
    '{"v":2}',
    '{"v":1,"more":1}',
    '{"v":1,"head":1}',
    '{"v":1,"head":"a.b"}',
    'not json',
  ]) {
    expect(await told(framed(text)), text).toEqual({ ended: 'WIRE_MALFORMED', written: '', asked: [] });
  }
});

verifies('audit/R2', 'a message that announces too much is refused before it is read', async () => {
  expect(await told('811000')).toMatchObject({ ended: 'WIRE_TOO_LARGE', asked: [] }); // 2049 bytes to come
  const [near, far] = await streamPair();
  const asking = askWitness(near, {}, within());
  far.send(Buffer.from([0x81, 0x80, 0x0a])); // 160 KiB + 1
  await expect(asking).rejects.toMatchObject({ code: 'WIRE_TOO_LARGE' });
});

verifies('audit/R3', 'an answer to another question is no answer', async () => {
  const answered = async (hex: string, head?: string) => {
    const [near, far] = await streamPair();
    const asking = askWitness(near, { head }, within());
    await lpStream(far).read(within());
    far.send(Buffer.from(hex, 'hex'));
    return asking.then(
      ({ outcome }) => outcome,
      (error: { code: string }) => error.code,
    );
  };
  expect(await answered(vectors.held, vectors.head)).toBe('WIRE_MALFORMED');
  for (const other of [vectors.anchored, vectors.stale, vectors.contradicts]) {
    expect(await answered(other)).toBe('WIRE_MALFORMED');
  }
  expect(await answered(vectors.held)).toBe('held');
  expect(await answered(vectors.refused)).toBe('refused');
  expect(await answered(vectors.anchored, vectors.head)).toBe('anchored');
});

verifies('audit/R4', 'only the asking node’s own head, signed for this village, is countersigned', async () => {
  const { network, a, b, ask } = await pair();
  const before = await b.witnesses.anchorsOf(a.nodeId);
  const other = await network.node(founder);
  network.connect(other, b);
  await until(async () => (await b.witnesses.anchorsOf(other.nodeId)).length > 0);
  const forged = hostB.issuer.jws('village-audit-head+jws', {
    village: villageId,
    node: a.nodeId,
    seq: 99,
    hash: 'f'.repeat(64),
    at_ms: NOW_MS,
  });
  for (const head of [forged, a.head({ seq: 99, village: 'b'.repeat(64) }), a.head({ seq: 99, node: other.nodeId })]) {
    expect(await ask(head)).toEqual({ v: 1, outcome: 'refused' });
  }
  expect(await ask(a.head({ seq: 99 }), other)).toEqual({ v: 1, outcome: 'refused' });
  expect(await b.witnesses.anchorsOf(a.nodeId)).toEqual(before);
  expect(b.reports.of('peer.misbehaved').map(({ reason }) => reason)).toContain('not-its-head');
});

verifies('audit/R5', 'what was countersigned is held by the next run of the witness', async () => {
  const { a, b, ask } = await pair();
  const head = a.head({ seq: 11, hash: '1'.repeat(64) });
  const answer = await ask(head);
  expect(answer).toMatchObject({ outcome: 'anchored' });
  const later = new WitnessNetwork();
  const again = await later.node(hostB, { store: b.store });
  const anchors = await again.witnesses.anchorsOf(a.nodeId);
  expect(anchors.at(-1)).toEqual({ head, anchor: (answer as { anchor: string }).anchor });
});

verifies('audit/R6', 'another hash of an entry that is held is contradicted and kept as evidence', async () => {
  const { a, b, ask } = await pair();
  const [known] = await b.witnesses.anchorsOf(a.nodeId);
  const forked = a.head({ hash: 'f'.repeat(64) });
  expect(await ask(forked)).toEqual({ v: 1, outcome: 'contradicts', against: known });
  expect(b.witnesses.status().evidence).toMatchObject([
    { node: a.nodeId, kind: 'fork', seq: 10, held: known, offered: forked },
  ]);
  expect(b.reports.of('audit.contradiction')).toEqual([{ node: a.nodeId, by: b.nodeId, kind: 'fork', seq: 10 }]);
  await ask(forked);
  expect(b.reports.of('audit.contradiction')).toHaveLength(1);
});

verifies('audit/R6', 'a head that grew from another past than the one held is contradicted', async () => {
  const { a, b, ask } = await pair();
  const [known] = await b.witnesses.anchorsOf(a.nodeId);
  const head = a.head({ seq: 50, hash: 'f'.repeat(64), since: { seq: 10, hash: 'e'.repeat(64) } });
  expect(await ask(head)).toEqual({ v: 1, outcome: 'contradicts', against: known });
  expect(await b.witnesses.anchorsOf(a.nodeId)).toEqual([known]);
  const honest = a.head({ seq: 50, hash: 'f'.repeat(64), since: { seq: 10, hash: a.log.hashes[9] as string } });
  expect(await ask(honest)).toMatchObject({ outcome: 'anchored' });
});

verifies('audit/R7', 'a later head of a shorter log is contradicted and kept as evidence', async () => {
  const { a, b, ask } = await pair();
  const shorter = a.head({ seq: 4, hash: a.log.hashes[3] as string, at_ms: NOW_MS + 60_000 });
  expect(await ask(shorter)).toMatchObject({ outcome: 'contradicts' });
  expect(b.witnesses.status().evidence).toMatchObject([{ kind: 'rolled-back', seq: 10, offered: shorter }]);
});

verifies('audit/R8', 'a head that says nothing new is stale', async () => {
  const { a, b, ask } = await pair();
  expect(await ask(a.head())).toEqual({ v: 1, outcome: 'stale' });
  // Overtaken on its way: signed before what is held.
  expect(await ask(a.head({ seq: 4, hash: 'd'.repeat(64), at_ms: NOW_MS - 1_000 }))).toEqual({
    v: 1,
    outcome: 'stale',
  });
  expect(b.witnesses.status().evidence).toEqual([]);
});

verifies(
  'audit/R9',
  'of many heads the first, the newest and some of each time between stay, fewer the older they are',
  async () => {
    const { network, a, ask } = await pair();
    const last = 10 + 2 * MAX_ANCHORS;
    for (let seq = 11; seq <= last; seq += 1) {
      network.pass(1_000);
      expect(await ask(a.head({ seq, hash: '1'.repeat(64) }))).toMatchObject({ outcome: 'anchored' });
    }
    const answer = await ask(undefined);
    const told = answer.outcome === 'held' ? answer.anchors : [];
    const seqs = told.map((anchored) => verifyAnchor(anchored, ownerA)?.head.seq as number);
    expect(seqs).toHaveLength(MAX_ANCHORS);
    expect([seqs[0], ...seqs.slice(-2)]).toEqual([10, last - 1, last]);

    let kept: number[] = [];
    for (let seq = 1; seq <= 20_000; seq += 1) kept = thinned([...kept, seq], 48);
    expect(kept.filter((seq) => seq > 20_000 - 24)).toHaveLength(24);
    expect(kept[0]).toBe(1);
    // Of each time, the next about twice as long ago as the one before, something is left.
    for (let age = 24; age < 20_000; age *= 2.2)
      expect(
        kept.some((seq) => 20_000 - seq >= age && 20_000 - seq < age * 2.2),
        `${age} ago`,
      ).toBe(true);
  },
);

verifies('audit/R10', 'an anchor is believed for its witness’s own key, and for a head of one’s own', () => {
  expect(verifyAnchor(held, ownerA)).toMatchObject({ witness: vectors.witness, atMs: NOW_MS + 5, head: { seq: 10 } });
  const payload = {
    village: villageId,
    node: hostA.node.peerId,
    seq: 10,
    hash: 'a'.repeat(64),
    witness: vectors.witness,
    at_ms: NOW_MS,
  };
  const digest = JSON.parse(Buffer.from(vectors.anchor.split('.')[1], 'base64url').toString()).head;
  const by = (key: typeof hostB.node, changes = {}) =>
    key.jws('village-audit-anchor+jws', { ...payload, head: digest, ...changes });
  expect(verifyAnchor({ ...held, anchor: by(hostB.node) }, ownerA)).toBeDefined();
  for (const anchor of [
    by(founder.node),
    by(hostB.node, { seq: 11 }),
    by(hostB.node, { hash: 'b'.repeat(64) }),
    by(hostB.node, { head: 'b'.repeat(64) }),
    by(hostB.node, { village: 'b'.repeat(64) }),
    by(hostB.node, { more: 1 }),
    by(hostA.node, { witness: hostA.node.peerId }),
    hostB.node.jws('village-audit-head+jws', { ...payload, head: digest }),
    'a.b.c',
  ]) {
    expect(verifyAnchor({ ...held, anchor }, ownerA)).toBeUndefined();
  }
  expect(verifyAnchor(held, { ...ownerA, issuerKey: hostB.issuer.raw })).toBeUndefined();
});

verifies('audit/R10', 'a word that another than the answering peer gave is not taken from it', async () => {
  const network = new WitnessNetwork();
  const a = await network.node(hostA);
  const liar = await network.node(founder, { hashes: [] });
  network.answerWith(liar, (stream) =>
    answerAudit(stream, { answer: async () => ({ v: 1, outcome: 'held', anchors: [held] }) }, within()),
  );
  network.connect(a, liar);
  await until(() => a.reports.of('peer.misbehaved').length > 0);
  expect(a.reports.of('peer.misbehaved')).toContainEqual({
    peer: liar.nodeId,
    protocol: 'audit/1',
    reason: 'bad-anchors',
  });
  expect(a.witnesses.status()).toMatchObject({ witnesses: 0, contradicted: [] });
});

verifies('audit/R11', 'a log is countersigned when a peer is admitted, and again when there is more', async () => {
  const { network, a, b } = await pair();
  await until(() => a.witnesses.status().witnessedTo === 10);
  a.log.hashes.push(...chainOf(5, 'b'));
  network.pass(29_000);
  expect(a.witnesses.status().witnessedTo).toBe(10);
  network.pass(2_000);
  await until(() => a.witnesses.status().witnessedTo === 15);
  const held15 = await b.witnesses.anchorsOf(a.nodeId);
  network.pass(31_000);
  network.pass(31_000);
  expect(await b.witnesses.anchorsOf(a.nodeId)).toEqual(held15);
});

verifies('audit/R12', 'a node whose log is shorter than, or differs from, what a peer holds says so', async () => {
  for (const [hashes, kind] of [
    [chainOf(7), 'rolled-back'],
    [chainOf(12, 'f'), 'rewritten'],
  ] as const) {
    const { b } = await pair();
    const network = new WitnessNetwork();
    const [again, witness] = [
      await network.node(hostA, { hashes }),
      await network.node(hostB, { store: b.store, hashes: [] }),
    ];
    network.connect(again, witness);
    await until(() => again.witnesses.status().contradicted.length > 0);
    expect(again.reports.of('audit.contradiction')[0]).toEqual({
      node: again.nodeId,
      by: witness.nodeId,
      kind,
      seq: 10,
    });
  }
});

verifies('audit/R13', 'who asks too often is refused', async () => {
  const { ask, network } = await pair();
  const outcomes: string[] = [];
  for (let asked = 0; asked < 40; asked += 1) outcomes.push((await ask()).outcome);
  expect(outcomes).toContain('held');
  expect(outcomes.at(-1)).toBe('refused');
  network.pass(60_000);
  expect((await ask()).outcome).toBe('held');
});

verifies('audit/R13', 'two asks at a time of one node are not both looked at', async () => {
  const { a, b, ask } = await pair();
  const heads = [11, 12].map((seq) => a.head({ seq, hash: '1'.repeat(64) }));
  const outcomes = await Promise.all(heads.map(async (head) => (await ask(head)).outcome));
  expect(outcomes.toSorted()).toEqual(['anchored', 'refused']);
  expect(await b.witnesses.anchorsOf(a.nodeId)).toHaveLength(2);
});

verifies('audit/R14', 'each side ends the stream when its deadline passes', async () => {
  expect(await told('', { v: 1, outcome: 'refused' }, 20)).toMatchObject({ ended: 'WIRE_TIMEOUT' });
  const [near] = await streamPair();
  await expect(askWitness(near, {}, within(20))).rejects.toMatchObject({ code: 'WIRE_TIMEOUT' });
});

verifies(
  'audit/R15',
  'what is held of a node is given up only by the operator, after the entry named, and is kept',
  async () => {
    const { network, a, b, ask } = await pair();
    const [held] = await b.witnesses.anchorsOf(a.nodeId);
    for (const seq of [20, 30])
      expect(await ask(a.head({ seq, hash: '2'.repeat(64) }))).toMatchObject({ outcome: 'anchored' });
    const later = await b.witnesses.anchorsOf(a.nodeId);
    const otherwise = { seq: 20, hash: '3'.repeat(64), at_ms: NOW_MS + 60_000 };
    // Again and again, whatever is asked.
    for (let asked = 0; asked < 3; asked += 1)
      expect(await ask(a.head(otherwise))).toMatchObject({ outcome: 'contradicts' });

    const accepted = await b.witnesses.accept(a.nodeId, { after: 10 });
    expect(accepted).toMatchObject({ from: 11, to: 30, hash: '2'.repeat(64) });
    expect(verifyAcceptance(accepted?.jws ?? '', ownerA)).toMatchObject({
      node: a.nodeId,
      witness: b.nodeId,
      from: 11,
      to: 30,
    });
    expect(b.witnesses.status().evidence).toEqual([]);
    expect(await ask(a.head(otherwise))).toMatchObject({ outcome: 'anchored' });
    // What lies before is judged by as it was.
    const before = a.head({ seq: 40, hash: '3'.repeat(64), since: { seq: 10, hash: 'e'.repeat(64) } });
    expect(await ask(before)).toMatchObject({ outcome: 'contradicts', against: held });
    const again = await network.node(hostB, { store: b.store });
    expect(await again.witnesses.anchorsOf(a.nodeId)).toEqual(expect.arrayContaining([...later]));
    expect(again.witnesses.status().evidence).toHaveLength(1);
    expect(await b.witnesses.accept(a.nodeId, { after: 40 })).toBeUndefined();
  },
);
