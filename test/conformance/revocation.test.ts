import type { Stream } from '@libp2p/interface';
import { lpStream, streamPair } from '@libp2p/utils';
import { readFileSync } from 'node:fs';
import { expect } from 'vitest';
import {
  announcementOf,
  answerRevocations,
  askRevocations,
  type Carried,
  judge,
  type RevocationShelf,
  type Shelved,
} from '../../protocols/revocation/index.ts';
import { Policy, verifyMembership } from '../../src/constitution/index.ts';
import { sha256Hex } from '../../src/kernel/index.ts';
import {
  constitution,
  founder,
  gardener,
  genesis,
  hostA,
  hostB,
  hostC,
  link,
  NOW_MS,
  NOW_S,
  sage,
  suffix,
  villageId,
} from '../support/small-village.ts';
import { SpreadNetwork, takenBack, tokenNamed } from '../support/spread-network.ts';
import { until } from '../support/until.ts';
import { verifies } from '../support/verifies.ts';

const vectors = JSON.parse(readFileSync(new URL('../../protocols/revocation/vectors.json', import.meta.url), 'utf8'));
const within = (ms = 2_000) => ({ signal: AbortSignal.timeout(ms) });
const hex = (value: string) => Buffer.from(value, 'hex');
const chainA: string[] = vectors.chain;

/** Holds what is given, and what the frozen messages name by default. */
function shelf(
  statements: readonly (readonly [statement: string, signer: string])[] = [
    [vectors.statement, vectors.node],
    [vectors.agentStatement, 'sage'],
  ],
): RevocationShelf & { asked: number } {
  const sorted: Shelved[] = statements
    .map(([statement, signer]) => ({ id: sha256Hex(statement), statement, signer }))
    .sort((a, b) => (a.id < b.id ? -1 : 1));
  return {
    asked: 0,
    digest: () => vectors.digest,
    after(id) {
      this.asked += 1;
      return sorted.filter((one) => id === undefined || one.id > id);
    },
    chainOf: (signer) => (signer === vectors.node ? chainA : undefined),
  };
}

/** A real answering side; resolves with how it ended. */
async function served(answering: RevocationShelf = shelf(), ms = 2_000) {
  const [stream, far] = await streamPair();
  const ended = answerRevocations(far, answering, within(ms)).then(
    () => 'answered',
    (error: { code: string }) => error.code,
  );
  return { stream, ended };
}

/** A peer that answers whatever it is asked with these bytes. */
async function replying(bytes: Uint8Array): Promise<Stream> {
  const [stream, far] = await streamPair();
  void (async () => {
    await lpStream(far).read();
    far.send(bytes);
  })().catch(() => undefined); // the asker hung up, which is what the test looks at
  return stream;
}
const page = async (value: object, ask = {}) => {
  const [stream, far] = await streamPair();
  void (async () => {
    const wire = lpStream(far);
    await wire.read();
    await wire.write(Buffer.from(JSON.stringify(value)));
  })().catch(() => undefined);
  return askRevocations(stream, ask, within());
};

verifies('revocation/R1', 'an ask gets its page, byte for byte as frozen', async () => {
  const { stream, ended } = await served();
  const wire = lpStream(stream);
  stream.send(hex(vectors.ask));
  const reply = await wire.read(within());
  expect(Buffer.from(reply.subarray()).toString('hex')).toBe(vectors.page.slice(4)); // after two bytes of length
  await stream.close();
  expect(await ended).toBe('answered');
});

verifies('revocation/R1', 'an asker sends the frozen bytes', async () => {
  for (const [ask, frozen] of [
    [{}, vectors.ask],
    [{ digest: vectors.digest }, vectors.askDigest],
  ] as const) {
    const [stream, far] = await streamPair();
    const sent = new Promise<string>((resolve) =>
      far.addEventListener('message', ({ data }) => resolve(Buffer.from(data.subarray()).toString('hex'))),
    );
    const asking = askRevocations(stream, ask, within()).catch(() => undefined);
    expect(await sent).toBe(frozen);
    far.abort(new Error('seen'));
    await asking;
  }
});

verifies('revocation/R1', 'anything else than an ask is answered with nothing', async () => {
  const bad = ['{"v":2}', '{}', '{"v":1,"more":1}', '{"v":1,"after":"x"}', '{"v":1,"digest":7}', 'not json', '[]', ''];
  for (const request of bad) {
    const answering = shelf();
    const { stream, ended } = await served(answering);
    await lpStream(stream).write(Buffer.from(request), within());
    expect(await ended, request).toBe('WIRE_MALFORMED');
    expect(answering.asked, request).toBe(0);
  }
});

verifies('revocation/R2', 'an ask and a page are refused from their announced length', async () => {
  const { stream, ended } = await served();
  stream.send(Uint8Array.of(0x81, 0x04)); // 513, and not one byte of it
  expect(await ended).toBe('WIRE_TOO_LARGE');
  const asking = askRevocations(await replying(Uint8Array.of(0x81, 0x80, 0x10)), {}, within()); // 262,145
  await expect(asking).rejects.toMatchObject({ code: 'WIRE_TOO_LARGE' });
});

verifies('revocation/R3', 'the pages together hold everything once, in order, each as much as fits', async () => {
  const many = Array.from({ length: 900 }, (_, index) => takenBack(hostA, `t${index}`).jws);
  const answering = shelf(many.map((statement) => [statement, vectors.node]));
  const got: string[] = [];
  let after: string | undefined;
  let pages = 0;
  do {
    const { stream } = await served(answering);
    const { carried, next } = await askRevocations(stream, after === undefined ? {} : { after }, within());
    expect(next === undefined || next === sha256Hex(carried.at(-1)?.statement ?? '')).toBe(true);
    got.push(...carried.map(({ statement }) => statement));
    after = next;
    pages += 1;
  } while (after !== undefined);
  expect(pages).toBeGreaterThan(1);
  expect(pages).toBeLessThan(4);
  expect(got.map((statement) => sha256Hex(statement))).toEqual(many.map((statement) => sha256Hex(statement)).sort());
});

verifies('revocation/R4', 'a page that does not lead on is refused', async () => {
  const [low, high] = ['1'.repeat(64), '2'.repeat(64)] as const;
  const empty = { v: 1, statements: [], chains: {} };
  const refused = expect.objectContaining({ code: 'WIRE_MALFORMED' });
  await expect(page({ ...empty, next: high })).rejects.toEqual(refused);
  await expect(page({ ...empty, statements: ['a.b.c'], next: low }, { after: low })).rejects.toEqual(refused);
  await expect(page({ ...empty, statements: ['a.b.c'], next: low }, { after: high })).rejects.toEqual(refused);
  expect(await page({ ...empty, statements: ['a.b.c'], next: high }, { after: low })).toMatchObject({ next: high });
});

verifies('revocation/R4', 'a page of another shape is refused', async () => {
  const good = { v: 1, statements: [], chains: {} };
  for (const bad of [
    { ...good, v: 2 },
    { ...good, extra: 1 },
    { ...good, statements: ['no jws'] },
    { ...good, statements: [`a.b.${'c'.repeat(1024)}`] },
    { ...good, statements: Array.from({ length: 1025 }, () => 'a.b.c') },
    { ...good, chains: { x: Array.from({ length: 5 }, () => 'a.b.c') } },
    { ...good, chains: { x: ['no jws'] } },
    { ...good, next: 'x' },
    { v: 1, statements: [] },
    null,
  ]) {
    await expect(page(bad as object), JSON.stringify(bad).slice(0, 60)).rejects.toMatchObject({
      code: 'WIRE_MALFORMED',
    });
  }
});

verifies('revocation/R5', 'whoever asks with the digest of what is held here gets an empty page', async () => {
  const { stream } = await served();
  const wire = lpStream(stream);
  stream.send(hex(vectors.askDigest));
  expect(Buffer.from((await wire.read(within())).subarray()).toString('hex')).toBe(vectors.emptyPage.slice(2));
  const other = await served();
  const { carried } = await askRevocations(other.stream, { digest: 'a'.repeat(64) }, within());
  expect(carried).toHaveLength(2);
});

verifies('revocation/R5', 'a node’s own digest is the frozen one', async () => {
  const network = new SpreadNetwork();
  const [a, b] = [await network.node(founder, []), await network.node(hostA, chainA)];
  await a.spread.revoke({ revocation: vectors.payload, jws: vectors.statement });
  await a.spread.revoke({ revocation: vectors.agentPayload, jws: vectors.agentStatement });
  network.connect(a, b);
  const { carried } = await askRevocations(await network.stream(b, a), { digest: vectors.digest }, within());
  expect(carried).toEqual([]);
});

verifies('revocation/R6', 'a page carries the chain of each node that signed, once', async () => {
  const { stream } = await served();
  const { carried } = await askRevocations(stream, {}, within());
  const chains = Object.fromEntries(carried.map(({ statement, chain }) => [statement, chain]));
  expect(chains).toEqual({ [vectors.statement]: chainA, [vectors.agentStatement]: undefined });
});

const context = { constitution, villageId, policy: genesis, nowMs: NOW_MS, known: () => [] };
const judged = (carried: Carried, changes: object = {}) => judge(carried, { ...context, ...changes });
const because = (carried: Carried, changes: object = {}) => {
  const verdict = judged(carried, changes);
  return verdict.kind === 'valid' ? 'valid' : `${verdict.kind}: ${verdict.because}`;
};
const of = (entry: { jws: string }, chain: readonly string[] | undefined = chainA): Carried => ({
  statement: entry.jws,
  chain,
});

verifies('revocation/R7', 'the frozen statements prove themselves to a node that met nobody', () => {
  expect(judged({ statement: vectors.statement, chain: chainA })).toMatchObject({
    kind: 'valid',
    revocation: vectors.payload,
    signer: { nodeId: vectors.node, chain: chainA },
  });
  expect(judged({ statement: vectors.agentStatement, chain: [] })).toEqual({
    kind: 'valid',
    revocation: vectors.agentPayload,
    signer: undefined,
  });
  expect(because(of(takenBack(founder, 't'), []))).toBe('valid');
});

verifies('revocation/R7', 'a node that is known here needs no chain', () => {
  const verdict = verifyMembership(chainA, { ...context, nodeId: vectors.node });
  if (verdict.kind === 'refused') throw new Error(verdict.because);
  const known = (nodeId: string) => (nodeId === vectors.node ? [verdict.membership] : []);
  expect(because({ statement: vectors.statement, chain: undefined }, { known })).toBe('valid');
});

verifies('revocation/R7', 'nobody takes back what is another’s', () => {
  const chainB = [link(founder, hostB)];
  const asA = { by: hostA.node.peerId };
  expect(because(of(takenBack(hostB, 't', asA), chainA)), 'signed by B for A').toBe('bad: bad-signature');
  expect(because(of(takenBack(hostB, 't', asA), chainB)), 'A’s name on B’s chain').toBe('bad: other-node');
  const agentOfA = { kind: 'agent', id: `local@${suffix(hostA)}` } as const;
  expect(because(of(takenBack(hostB, 't', agentOfA), chainB))).toBe('bad: not-its-own');
  expect(because(of(takenBack(hostB, 't', { kind: 'agent', id: 'sage' }), chainB))).toBe('bad: not-its-own');
  const sages = { ...vectors.agentPayload };
  const byGardener = gardener.jws('village-revocation+jws', sages);
  expect(because({ statement: byGardener, chain: [] })).toBe('bad: bad-signature');
});

verifies('revocation/R8', 'what can never be valid is bad, whatever else is known', () => {
  const entry = takenBack(hostA, 't');
  const [head, body, signature] = entry.jws.split('.') as [string, string, string];
  const forged = `${head}.${body}.${signature.startsWith('A') ? 'B' : 'A'}${signature.slice(1)}`;
  expect(because(of({ jws: forged }))).toBe('bad: bad-signature');
  expect(because(of({ jws: 'a.b.c' }))).toBe('bad: malformed');
  expect(because(of(takenBack(hostA, 't', { village: 'b'.repeat(64) })))).toBe('bad: foreign-village');
  expect(because(of(takenBack(hostA, 't', { exp: NOW_S + 26 * 3600 })))).toBe('bad: too-long');
  const may = { host: true, invite: true, issue: 'GOVERNANCE' };
  const inviting = link(founder, hostB, { may: { host: true, invite: true, issue: 'OPERATOR' } });
  expect(because(of(entry, [link(hostB, hostA)]))).toBe('bad: bad-signature');
  expect(because(of(entry, [link(hostB, hostA), link(founder, hostB)]))).toBe('bad: may-not-invite');
  expect(because(of(entry, [link(hostB, hostA, { may }), inviting]))).toBe('bad: widened');
  expect(because(of(entry, [link(hostB, hostA), inviting]))).toBe('valid');
  expect(because(of(entry, [link(founder, hostA, { village: 'b'.repeat(64) })]))).toBe('bad: foreign-village');
});

verifies('revocation/R8', 'what is bad is not passed on, and nothing of it is kept', async () => {
  const network = new SpreadNetwork();
  const [a, b] = [await network.node(founder, []), await network.node(hostB, [link(founder, hostB)])];
  network.connect(a, b);
  const foreign = takenBack(hostA, 't', { village: 'b'.repeat(64) });
  for (const bad of [
    { statement: foreign.jws, chain: chainA },
    { statement: takenBack(hostB, 't', { by: hostA.node.peerId }).jws, chain: chainA },
    { statement: vectors.statement, chain: [link(hostC, hostA)] },
  ]) {
    expect(network.gossip(b, a, announcementOf(bad))).toBe(false);
  }
  expect(a.revocations.list()).toEqual([]);
});

verifies('revocation/R9', 'what may become valid waits', () => {
  const entry = takenBack(hostA, 't');
  expect(because({ statement: entry.jws, chain: undefined })).toBe('waits: unknown-issuer');
  expect(because(of(entry, [link(founder, hostA, { exp: NOW_S - 1 })]))).toBe('waits: unknown-issuer');
  expect(because(of(entry, [link(founder, hostA, { iat: NOW_S + 3600, exp: NOW_S + 7200 })]))).toBe(
    'waits: unknown-issuer',
  );
  const evicted = new Policy(constitution, new Map([['nodes.evicted', { value: [hostA.node.peerId], version: 1 }]]));
  expect(because(of(entry), { policy: evicted })).toBe('waits: unknown-issuer');
  expect(because(of(takenBack(hostA, 't', { iat: NOW_S + 60 })))).toBe('waits: not-yet-valid');
  const nobody = { village: villageId, kind: 'agent', id: 'herald', by: 'herald', iat: NOW_S, exp: NOW_S + 60 };
  expect(because({ statement: sage.jws('village-revocation+jws', nobody), chain: [] })).toBe('waits: unknown-agent');
  expect(because(of(takenBack(hostA, 't', { iat: NOW_S - 60, exp: NOW_S })))).toBe('ended: expired');
});

verifies(
  'revocation/R9',
  'a statement of a node that is not known yet is passed on, and honoured when that node is admitted',
  async () => {
    const network = new SpreadNetwork();
    const [a, b] = [await network.node(founder, []), await network.node(hostB, [link(founder, hostB)])];
    const signer = await network.node(hostA, chainA);
    network.connect(a, b);
    // Its chain has ended for us: what it holds by now, only it can show.
    const ended = [link(founder, hostA, { exp: NOW_S - 1 })];
    const { jws } = takenBack(hostA, 't');
    expect(network.gossip(b, a, announcementOf({ statement: jws, chain: ended }))).toBe(true);
    expect(a.knows(hostA, 't')).toBe(false);
    network.connect(a, signer);
    expect(a.knows(hostA, 't')).toBe(true);
  },
);

verifies('revocation/R9', 'a statement whose time has not come is honoured when it has', async () => {
  const network = new SpreadNetwork();
  const [a, b] = [await network.node(founder, []), await network.node(hostB, [link(founder, hostB)])];
  network.connect(a, b);
  const ahead = takenBack(hostA, 't', { iat: NOW_S + 60 });
  expect(network.gossip(b, a, announcementOf({ statement: ahead.jws, chain: chainA }))).toBe(true);
  network.pass(29_000);
  expect(a.knows(hostA, 't')).toBe(false);
  network.pass(2_000);
  network.pass(30_000);
  expect(a.knows(hostA, 't')).toBe(true);
});

verifies('revocation/R10', 'an announcement of another shape is not passed on', async () => {
  const network = new SpreadNetwork();
  const [a, b] = [await network.node(founder, []), await network.node(hostB, [link(founder, hostB)])];
  network.connect(a, b);
  const good: string = vectors.announcement;
  const passes = (text: string) => network.gossip(b, a, Buffer.from(text));
  for (const bad of [
    '',
    'null',
    '[]',
    'not json',
    good.replace('"v":1', '"v":2'),
    good.replace('"v":1', '"v":1,"more":1'),
    good.replace('"v":1', '"v":1,"v":1'),
    good.replace(/,"chain.*/, '}'),
    good.replace('"chain":[', `"chain":[${'"a.b.c",'.repeat(4)}`),
    `${good}${' '.repeat(12 * 1024)}`,
  ]) {
    expect(passes(bad), bad.slice(0, 60)).toBe(false);
  }
  expect(Buffer.from(announcementOf({ statement: vectors.statement, chain: chainA })).toString()).toBe(good);
  expect(passes(good)).toBe(true);
  expect(a.revocations.list()).toHaveLength(1);
});

verifies(
  'revocation/R11',
  'a node that was away hears of everything when it is admitted, from one that never met the signer either',
  async () => {
    const network = new SpreadNetwork();
    const chainOf = (to: typeof hostA) => [link(founder, to)];
    const signer = await network.node(hostA, chainA);
    const carrier = await network.node(hostB, chainOf(hostB));
    const away = await network.node(hostC, chainOf(hostC));
    network.connect(signer, carrier);
    const entry = takenBack(hostA, 't');
    await signer.spread.revoke(entry);
    expect(carrier.knows(hostA, 't')).toBe(true);
    network.cut(signer, carrier);
    network.connect(carrier, away);
    await until(() => away.knows(hostA, 't'));
    expect(away.revocations.list()).toEqual([entry]);
  },
);

verifies('revocation/R11', 'what gossip lost comes by asking again', async () => {
  const network = new SpreadNetwork();
  const [a, b] = [await network.node(founder, []), await network.node(hostB, [link(founder, hostB)])];
  network.connect(a, b);
  await until(() => a.asked > 0 && b.asked > 0);
  // Kept, and told to nobody.
  await a.revocations.add(takenBack(founder, 't'));
  network.pass(29_000);
  expect(b.knows(founder, 't')).toBe(false);
  network.pass(2_000);
  await until(() => b.knows(founder, 't'));
});

verifies('revocation/R12', 'each side ends the stream when its deadline passes', async () => {
  const { ended } = await served(shelf(), 20);
  expect(await ended).toBe('WIRE_TIMEOUT');
  const [stream] = await streamPair();
  await expect(askRevocations(stream, {}, within(20))).rejects.toMatchObject({ code: 'WIRE_TIMEOUT' });
});

verifies('revocation/R7', 'a token’s id is the hash of its jti', () => {
  expect(tokenNamed('jti-1')).toBe(vectors.payload.id);
});
