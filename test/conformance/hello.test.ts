import { readFileSync } from 'node:fs';
import type { Stream } from '@libp2p/interface';
import { lpStream, streamPair } from '@libp2p/utils';
import { describe, expect, test } from 'vitest';
import {
  answerHello,
  type Greeted,
  type HelloDesk,
  type Introduction,
  revisionGaps,
  sayHello,
} from '../../protocols/hello/index.ts';
import type { MembershipVerdict } from '../../src/constitution/index.ts';
import { text, utf8 } from '../../src/kernel/index.ts';
import { verifies } from '../support/verifies.ts';

const VILLAGE = 'a'.repeat(64);
const within = (ms = 2_000) => AbortSignal.timeout(ms);

const member = (nodeId: string): MembershipVerdict => ({
  kind: 'member',
  membership: {
    nodeId,
    issuerKey: new Uint8Array(32),
    may: { host: true, invite: false, issue: 'OPERATOR' },
    expiresAtMs: 2_000,
    chain: [],
    depth: 1,
  },
});

function desk(changes: Partial<Introduction> = {}, verify: HelloDesk['verify'] = (_chain, id) => member(id)) {
  const verified: Greeted[] = [];
  const introduce = (): Introduction => ({
    kind: 'hello',
    v: 1,
    village: VILLAGE,
    chain: ['credential'],
    protocols: { hello: [1] },
    boot_seq: 3,
    now_ms: 1_000,
    ...changes,
  });
  return { introduce, verify, verified: (peer: Greeted) => void verified.push(peer), seen: verified };
}

const notAMember: HelloDesk['verify'] = () => ({ kind: 'refused', because: 'bad-signature' });

async function exchange(dialer: HelloDesk, responder: HelloDesk) {
  const [out, into] = await streamPair();
  const signal = within();
  return Promise.all([
    sayHello(out, dialer, { nodeId: 'R', signal }),
    answerHello(into, responder, { nodeId: 'D', signal }),
  ]);
}

/** What the other end of `stream` gets when it sends these bytes, each with its length, and then reads. */
async function raw(stream: Stream, ...messages: string[]) {
  const framed = lpStream(stream);
  for (const message of messages) await framed.write(utf8(message), { signal: within() });
  return framed;
}

verifies('hello/R1', 'two members greet each other and learn boot sequence and clock skew', async () => {
  const [dialer, responder] = await exchange(desk({ boot_seq: 8, now_ms: 1_250 }), desk({ boot_seq: 5 }));
  expect(dialer).toMatchObject({ kind: 'greeted', peer: { nodeId: 'R', bootSeq: 5, clockSkewMs: -250 } });
  expect(responder).toMatchObject({ kind: 'greeted', peer: { nodeId: 'D', bootSeq: 8, clockSkewMs: 250 } });
});

verifies(
  'hello/R2',
  'each side verifies the chain that was sent for the PeerId that the connection has proven',
  async () => {
    const asked: unknown[] = [];
    const noting: HelloDesk['verify'] = (chain, id) => {
      asked.push([chain, id]);
      return member(id);
    };
    await exchange(desk({ chain: ['of dialer'] }, noting), desk({ chain: ['of responder'] }, noting));
    expect(asked).toEqual([
      [['of dialer'], 'D'],
      [['of responder'], 'R'],
    ]);
  },
);

verifies('hello/R2', 'another village is refused though the chain would do', async () => {
  const [dialer, responder] = await exchange(desk({ village: 'b'.repeat(64) }), desk());
  expect(responder).toEqual({ kind: 'refused', by: 'us', because: 'other-village' });
  expect(dialer).toEqual({ kind: 'refused', by: 'them', because: 'other-village' });
});

verifies('hello/R3', 'a dialer that is no member reads one reason and nothing else', async () => {
  const [out, into] = await streamPair();
  const answering = answerHello(into, desk({}, notAMember), { nodeId: 'D', signal: within() });
  const framed = await raw(out, JSON.stringify(desk().introduce()));
  const answer = text((await framed.read({ signal: within() })).subarray());
  expect(answer).toBe('{"v":1,"kind":"refused","because":"not-a-member"}');
  await expect(framed.read({ signal: within() })).rejects.toThrow();
  expect(await answering).toEqual({ kind: 'refused', by: 'us', because: 'not-a-member' });
});

verifies(
  'hello/R4',
  'a dialer that does not take the responder for a member says so and neither is greeted',
  async () => {
    const [dialer, responder] = await exchange(desk({}, notAMember), desk());
    expect(dialer).toEqual({ kind: 'refused', by: 'us', because: 'not-a-member' });
    expect(responder).toEqual({ kind: 'refused', by: 'them', because: 'not-a-member' });
  },
);

verifies(
  'hello/R5',
  'the responder accepts streams before its answer leaves and is done only with the ack',
  async () => {
    const [out, into] = await streamPair();
    const responder = desk();
    let done = false;
    const answering = answerHello(into, responder, { nodeId: 'D', signal: within() }).finally(() => {
      done = true;
    });
    const framed = await raw(out, JSON.stringify(desk().introduce()));
    await framed.read({ signal: within() });
    expect(responder.seen.map((peer) => peer.nodeId)).toEqual(['D']);
    expect(done).toBe(false);
    await framed.write(utf8('{"v":1,"kind":"ack"}'), { signal: within() });
    expect(await answering).toMatchObject({ kind: 'greeted' });
  },
);

const vectors = JSON.parse(readFileSync(new URL('../../protocols/hello/vectors.json', import.meta.url), 'utf8')) as {
  valid: Record<string, string>;
  invalid: { why: string; text: string }[];
};

describe('bad input', () => {
  for (const { why, text: message } of vectors.invalid) {
    verifies('hello/R6', `${why} ends the exchange and verifies nothing`, async () => {
      const [out, into] = await streamPair();
      const responder = desk({}, () => expect.unreachable());
      const answering = answerHello(into, responder, { nodeId: 'D', signal: within() });
      await Promise.all([expect(answering).rejects.toMatchObject({ code: 'WIRE_MALFORMED' }), raw(out, message)]);
      expect(into.status).not.toBe('open');
    });
  }

  verifies('hello/R6', 'bytes that are no UTF-8 end the exchange', async () => {
    const [out, into] = await streamPair();
    const answering = answerHello(into, desk(), { nodeId: 'D', signal: within() });
    const sent = lpStream(out).write(Uint8Array.of(0x22, 0xff, 0x22), { signal: within() });
    await Promise.all([expect(answering).rejects.toMatchObject({ code: 'WIRE_MALFORMED' }), sent]);
  });

  verifies('hello/R7', 'a length of 1 GiB is refused though not a byte of the message has come', async () => {
    const [out, into] = await streamPair();
    const answering = answerHello(into, desk(), { nodeId: 'D', signal: within() });
    out.send(Uint8Array.of(0x80, 0x80, 0x80, 0x80, 0x04));
    await expect(answering).rejects.toMatchObject({ code: 'WIRE_TOO_LARGE' });
    expect(into.status).not.toBe('open');
  });

  verifies('hello/R8', 'a dialer that never speaks is dropped at the deadline', async () => {
    const [, into] = await streamPair();
    const answering = answerHello(into, desk(), { nodeId: 'D', signal: within(20) });
    await expect(answering).rejects.toMatchObject({ code: 'WIRE_TIMEOUT' });
    expect(into.status).not.toBe('open');
  });

  verifies('hello/R8', 'a responder that never answers is dropped at the deadline', async () => {
    const [out] = await streamPair();
    await expect(sayHello(out, desk(), { nodeId: 'R', signal: within(20) })).rejects.toMatchObject({
      code: 'WIRE_TIMEOUT',
    });
  });

  test('a dialer that hangs up before the ack is not greeted', async () => {
    const [out, into] = await streamPair();
    const answering = answerHello(into, desk(), { nodeId: 'D', signal: within() });
    const framed = await raw(out, JSON.stringify(desk().introduce()));
    await framed.read({ signal: within() });
    out.abort(new Error('gone'));
    await expect(answering).rejects.toMatchObject({ code: 'WIRE_CLOSED' });
  });
});

describe('frozen bytes', () => {
  verifies('hello/R1', 'the hello, refusal and ack of the vectors are understood', async () => {
    const [out, into] = await streamPair();
    const village = '9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08';
    const answering = answerHello(into, desk({ village }), { nodeId: 'D', signal: within() });
    const framed = await raw(out, vectors.valid['Introduction'] as string);
    await framed.read({ signal: within() });
    await framed.write(utf8(vectors.valid['Ack'] as string), { signal: within() });
    expect(await answering).toMatchObject({
      kind: 'greeted',
      peer: { bootSeq: 7, protocols: { hello: [1], mcp: [1] } },
    });
  });

  verifies('hello/R4', 'the refusal of the vectors is understood', async () => {
    const [out, into] = await streamPair();
    const saying = sayHello(out, desk(), { nodeId: 'R', signal: within() });
    await raw(into, vectors.valid['Refused'] as string);
    expect(await saying).toEqual({ kind: 'refused', by: 'them', because: 'not-a-member' });
  });
});

verifies(
  'hello/R10',
  'members of different revisions are admitted, and each knows what it cannot ask of the other',
  async () => {
    const [older, newer] = [
      { hello: [1], mcp: [1], directory: [1, 2] },
      { hello: [1], mcp: [2, 3], directory: [2], fog: [1] },
    ];
    const [dialer, responder] = await exchange(desk({ protocols: older }), desk({ protocols: newer }));
    if (dialer.kind !== 'greeted' || responder.kind !== 'greeted') return expect.unreachable('both are members');
    expect(revisionGaps(older, dialer.peer.protocols)).toEqual([{ protocol: 'mcp', ours: [1], theirs: [2, 3] }]);
    expect(revisionGaps(newer, responder.peer.protocols)).toEqual([{ protocol: 'mcp', ours: [2, 3], theirs: [1] }]);
  },
);
