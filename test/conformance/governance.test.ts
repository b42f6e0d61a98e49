import type { Stream } from '@libp2p/interface';
import { lpStream, streamPair } from '@libp2p/utils';
import { readFileSync } from 'node:fs';
import { expect } from 'vitest';
import {
  announcementOf,
  answerGovernance,
  askReceipts,
  askStatements,
  type GovernanceShelf,
  type Heard,
  heldOf,
  type Logged,
  readAnnouncement,
} from '../../protocols/governance/index.ts';
import { verifies } from '../support/verifies.ts';

const vectors = JSON.parse(readFileSync(new URL('../../protocols/governance/vectors.json', import.meta.url), 'utf8'));
const within = (ms = 2_000) => ({ signal: AbortSignal.timeout(ms) });
const text = (bytes: Uint8Array) => Buffer.from(bytes).toString();

/** A statement's place is all that counts here: what is in it is for `src/governance`. */
const logged = (seq: number, mark = 0): Logged => {
  const id = (seq * 16 + mark).toString(16).padStart(16, '0').padEnd(64, 'e');
  return { seq, id, jws: `h.${id}.s` };
};
const logOf = (from: number, to: number) => Array.from({ length: to - from }, (_, index) => logged(from + index));

function shelf(logs: Record<string, readonly Logged[]>, receipts: readonly string[] = []): GovernanceShelf {
  return {
    logs: () => new Map(Object.entries(logs)),
    receipts: () => receipts.map((nodeId) => ({ nodeId, receipt: `r.${nodeId}.s`, chain: [] })),
    receiptsDigest: () => 'd'.repeat(32),
    sponsor: async (request) => (request === 'a.b.c' ? { v: 1, proposal: 'd.e.f' } : { v: 1, refused: 'bad-request' }),
  };
}

async function served(answering: GovernanceShelf, ms = 2_000): Promise<{ stream: Stream; ended: Promise<string> }> {
  const [stream, far] = await streamPair();
  const ended = answerGovernance(far, answering, within(ms)).then(
    () => 'answered',
    (error: { code: string }) => error.code,
  );
  return { stream, ended };
}

async function replying(reply: unknown): Promise<Stream> {
  const [stream, far] = await streamPair();
  const wire = lpStream(far);
  void (async () => {
    await wire.read();
    await wire.write(Buffer.from(JSON.stringify(reply)));
  })().catch(() => undefined); // the asker hung up, which is what the test looks at
  return stream;
}

/** Every page, as an asker that holds `ours` reads them. */
async function pull(answering: GovernanceShelf, ours: Record<string, readonly Logged[]> = {}): Promise<string[][]> {
  const held = Object.fromEntries(Object.entries(ours).map(([log, statements]) => [log, heldOf(statements)]));
  const pages: string[][] = [];
  let after: Parameters<typeof askStatements>[1]['after'];
  do {
    const { stream, ended } = await served(answering);
    const page = await askStatements(stream, { held, after }, within());
    expect(await ended).toBe('answered');
    pages.push(page.statements);
    after = page.next;
  } while (after !== undefined);
  return pages;
}

verifies('governance/R1', 'an ask is answered byte for byte as frozen', async () => {
  const { stream, ended } = await served(shelf(vectors.logs));
  const wire = lpStream(stream);
  stream.send(Buffer.from(vectors.ask as string, 'hex'));
  expect(text((await wire.read(within())).subarray())).toBe(vectors.page);
  await stream.close();
  expect(await ended).toBe('answered');
  expect(heldOf(vectors.logs.curator)).toEqual(vectors.held);
});

verifies('governance/R1', 'anything else than a known ask is answered with nothing', async () => {
  const bad = [
    '{"v":1,"ask":"everything"}',
    '{"v":2,"ask":"statements","held":{}}',
    '{"v":1,"ask":"statements"}',
    '{"v":1,"ask":"statements","held":{},"more":1}',
    '{"v":1,"ask":"statements","held":{"no name":{"blocks":[],"tail":[]}}}',
    '{"v":1,"ask":"statements","held":{"sage":{"blocks":[[-1,"00000000000000000000000000000000"]],"tail":[]}}}',
    '{"v":1,"ask":"statements","held":{"sage":{"blocks":[],"tail":["xyz"]}}}',
    '{"v":1,"ask":"statements","held":{},"after":{"log":"sage","seq":1.5,"id":""}}',
    '{"v":1,"ask":"receipts","digest":"short"}',
    '{"v":1,"ask":"sponsor"}',
    '{"v":1,"ask":"sponsor","request":"no jws"}',
    'not json',
    '[]',
    '',
  ];
  for (const ask of bad) {
    const { stream, ended } = await served(shelf({ sage: logOf(0, 3) }));
    await lpStream(stream).write(Buffer.from(ask), within());
    expect(await ended, ask).toBe('WIRE_MALFORMED');
  }
});

verifies('governance/R2', 'an ask is refused from its announced length', async () => {
  const { stream, ended } = await served(shelf({}));
  stream.send(Uint8Array.of(0x81, 0x80, 0x10)); // 262145, and not one byte of it
  expect(await ended).toBe('WIRE_TOO_LARGE');
});

verifies('governance/R2', 'a page is refused from its announced length', async () => {
  const [stream, far] = await streamPair();
  far.send(Uint8Array.of(0x81, 0x80, 0x20)); // 524289
  await expect(askStatements(stream, { held: {} }, within())).rejects.toMatchObject({ code: 'WIRE_TOO_LARGE' });
});

verifies(
  'governance/R3',
  'who holds nothing gets every log whole and in order, over as many pages as it takes',
  async () => {
    const logs = { sage: logOf(0, 1_500), curator: logOf(0, 40), king: logOf(3, 4) };
    const pages = await pull(shelf(logs));
    expect(pages.map((page) => page.length)).toEqual([1_024, 517]);
    expect(pages.flat()).toEqual([...logs.curator, ...logs.king, ...logs.sage].map(({ jws }) => jws));
  },
);

verifies('governance/R3', 'large statements are cut into pages that fit', async () => {
  const big = logOf(0, 20).map((one) => ({ ...one, jws: `h.${one.id}${'x'.repeat(60_000)}.s` }));
  const pages = await pull(shelf({ sage: big }));
  expect(pages.length).toBe(3);
  expect(pages.flat()).toEqual(big.map(({ jws }) => jws));
});

verifies(
  'governance/R3',
  'who holds some gets what is missing: the newest, a hole, the other of two at one place',
  async () => {
    const theirs = [...logOf(0, 10), logged(9, 1)];
    const ours = theirs.filter(({ seq, id }) => ![4, 8].includes(seq) && id !== logged(9).id);
    expect((await pull(shelf({ sage: theirs }), { sage: ours })).flat()).toEqual(
      [logged(4), logged(8), logged(9)].map(({ jws }) => jws),
    );
    expect((await pull(shelf({ sage: ours }), { sage: theirs })).flat()).toEqual([]);
  },
);

verifies('governance/R3', 'receipts come in the order of nodes, and not at all to who has them', async () => {
  const nodes = Array.from({ length: 300 }, (_, index) => `12D3KooW${String(index).padStart(44, '0')}`);
  const answering = shelf({}, nodes);
  const first = await askReceipts((await served(answering)).stream, {}, within());
  expect(first.receipts).toHaveLength(256);
  const rest = await askReceipts((await served(answering)).stream, { after: first.next }, within());
  expect([...first.receipts, ...rest.receipts].map(({ receipt }) => receipt)).toEqual(
    nodes.map((node) => `r.${node}.s`),
  );
  expect(rest.next).toBeUndefined();
  const same = await askReceipts((await served(answering)).stream, { digest: 'd'.repeat(32) }, within());
  expect(same.receipts).toEqual([]);
});

verifies('governance/R4', 'a block that is the same is left out, and one that differs comes whole', async () => {
  const theirs = logOf(0, 600);
  const ours = theirs.filter(({ seq }) => seq !== 300);
  const got = (await pull(shelf({ sage: theirs }), { sage: ours })).flat();
  expect(got).toEqual(logOf(256, 512).map(({ jws }) => jws));
});

verifies('governance/R5', 'a page that leads nowhere, or back, is refused', async () => {
  const after = { log: 'sage', seq: 5, id: logged(5).id };
  const refused = { code: 'WIRE_MALFORMED' };
  const empty = await replying({ v: 1, statements: [], next: after });
  await expect(askStatements(empty, { held: {} }, within())).rejects.toMatchObject(refused);
  for (const next of [after, { ...after, seq: 4 }, { ...after, log: 'curator', seq: 9 }]) {
    const back = await replying({ v: 1, statements: ['a.b.c'], next });
    await expect(askStatements(back, { held: {}, after }, within())).rejects.toMatchObject(refused);
  }
  const node = `12D3KooW${'1'.repeat(44)}`;
  const receipts = await replying({ v: 1, receipts: [{ receipt: 'a.b.c', chain: [] }], next: node });
  await expect(askReceipts(receipts, { after: node }, within())).rejects.toMatchObject(refused);
});

verifies('governance/R6', 'an announcement of another form is none', () => {
  const good = '{"v":1,"statement":"a.b.c"}';
  expect(text(announcementOf({ kind: 'statement', statement: 'a.b.c' }))).toBe(good);
  expect(readAnnouncement(Buffer.from(good))).toEqual({ kind: 'statement', statement: 'a.b.c' });
  const receipt: Heard = { kind: 'receipt', receipt: 'a.b.c', chain: ['d.e.f'] };
  expect(readAnnouncement(announcementOf(receipt))).toEqual(receipt);
  const bad = [
    '{"v":1,"statement":"a.b.c","more":1}',
    '{"v":1,"statement":"a.b.c","statement":"a.b.c"}',
    '{"v":1,"statement":"a.b.c","receipt":"a.b.c","chain":[]}',
    '{"v":2,"statement":"a.b.c"}',
    '{"v":1,"statement":"a.b"}',
    '{"v":1,"receipt":"a.b.c"}',
    `{"v":1,"statement":"a.${'b'.repeat(70_000)}.c"}`,
    `{"v":1,${' '.repeat(70_000)}"statement":"a.b.c"}`,
    'null',
    '',
  ];
  for (const announcement of bad) expect(readAnnouncement(Buffer.from(announcement)), announcement).toBeUndefined();
});

verifies(
  'governance/R11',
  'an answerer that hears nothing, and an asker that gets nothing, give up at the deadline',
  async () => {
    const { ended } = await served(shelf({}), 30);
    expect(await ended).toBe('WIRE_TIMEOUT');
    const [silent] = await streamPair();
    await expect(askStatements(silent, { held: {} }, within(30))).rejects.toMatchObject({ code: 'WIRE_TIMEOUT' });
  },
);
