import type { Stream } from '@libp2p/interface';
import { streamPair } from '@libp2p/utils';
import { readFileSync } from 'node:fs';
import { describe, expect } from 'vitest';
import {
  announcementOf,
  type Envelope,
  FOG,
  type FogDesk,
  fogWriter,
  isSendable,
  openAd,
  openMap,
  readAnnouncement,
  readFog,
  type Said,
  sealed,
} from '../../protocols/fog/index.ts';
import { keypair } from '../support/keypair.ts';
import { until } from '../support/until.ts';
import { verifies } from '../support/verifies.ts';

const vectors = JSON.parse(readFileSync(new URL('../../protocols/fog/vectors.json', import.meta.url), 'utf8'));
const village: string = vectors.village;
const owner = keypair(70);
const node = keypair(71);
const stranger = keypair(72);
const within = (ms = 2_000) => ({ signal: AbortSignal.timeout(ms) });
const framed = (text: string) => {
  const bytes = Buffer.from(text);
  const length: number[] = [];
  let left = bytes.length;
  for (; left >= 0x80; left >>= 7) length.push((left & 0x7f) | 0x80);
  return Buffer.concat([Buffer.from([...length, left]), bytes]);
};
const word = (by: typeof owner, said: object, changes: object = {}) =>
  by.jws('village-fog-word+jws', { village, from: owner.peerId, to: node.peerId, said, ...changes });

class Desk implements FogDesk {
  readonly heard: Said[] = [];
  readonly evidence: (string | undefined)[] = [];
  readonly others: string[] = [];
  waiting: Promise<void> = Promise.resolve();

  async hear(said: Said, _from: string, evidence?: string): Promise<void> {
    this.heard.push(said);
    this.evidence.push(evidence);
    await this.waiting;
  }
  async hearAd(ad: string): Promise<void> {
    this.others.push(`ad ${ad}`);
  }
  async hearMap(map: string): Promise<void> {
    this.others.push(`map ${map}`);
  }
  async askedForLogs(asked: object): Promise<void> {
    this.others.push(`logs? ${JSON.stringify(asked)}`);
  }
  async hearLogs(answer: object): Promise<void> {
    this.others.push(`logs ${JSON.stringify(answer)}`);
  }
  async askedForMap(deployment: string): Promise<void> {
    this.others.push(`ask ${deployment}`);
  }
}

/** The node reads what the owner sends. */
async function reading(ms = 2_000): Promise<{ stream: Stream; desk: Desk; ended: Promise<string> }> {
  const [stream, far] = await streamPair();
  const desk = new Desk();
  const between = { village, from: owner.peerId, to: node.peerId };
  const ended = readFog(far, desk, { between, deadline: () => within(ms) }).then(
    () => 'ended',
    (error: { code: string }) => error.code,
  );
  return { stream, desk, ended };
}

verifies('fog/R1', 'a message is read byte for byte as frozen, and written so', async () => {
  const { stream, desk, ended } = await reading();
  stream.send(Buffer.from(vectors.stream, 'hex'));
  await until(() => desk.heard.length === 1);
  expect(desk.heard).toEqual([vectors.messages.reserve]);

  const [near, far] = await streamPair();
  const written: Buffer[] = [];
  far.addEventListener('message', (event) => written.push(Buffer.from(event.data.subarray())));
  const between = { village, from: owner.peerId, to: node.peerId };
  const envelope = sealed(vectors.messages.reserve, between, () => 'never');
  await fogWriter(near).write(envelope, within());
  await until(() => Buffer.concat(written).toString('hex') === vectors.stream);
  await stream.close();
  expect(await ended).toBe('ended');
});

verifies('fog/R1', 'many messages come over one stream, in order, of every form', async () => {
  const { stream, desk, ended } = await reading();
  const writer = fogWriter(stream);
  await writer.write({ v: 1, said: vectors.messages.reserve }, within());
  await writer.write({ v: 1, signed: vectors.signedAccept }, within());
  await writer.write({ v: 1, ad: vectors.ad }, within());
  await writer.write({ v: 1, map: vectors.map }, within());
  await writer.write({ v: 1, ask: { map: 'magi-1' } }, within());
  await writer.close(within());
  expect(await ended).toBe('ended');
  expect(desk.heard.map(({ kind }) => kind)).toEqual(['reserve', 'accept']);
  expect(desk.evidence).toEqual([undefined, vectors.signedAccept]);
  expect(desk.others).toEqual([`ad ${vectors.ad}`, `map ${vectors.map}`, 'ask magi-1']);
});

describe('anything else', () => {
  const { reserve } = vectors.messages;
  const bad: readonly (readonly [string, unknown])[] = [
    ['another version', { v: 2, said: reserve }],
    ['an unknown kind', { v: 1, said: { ...reserve, kind: 'give' } }],
    ['a member too many', { v: 1, said: { ...reserve, more: 1 } }],
    ['an envelope of two forms', { v: 1, said: reserve, ask: { map: 'x' } }],
    [
      'a fraction of a core',
      { v: 1, said: { ...reserve, spec: { ...reserve.spec, res: { ...reserve.spec.res, cpuMilli: 0.5 } } } },
    ],
    ['a command line', { v: 1, said: { ...reserve, spec: { ...reserve.spec, artifact: 'cmd:rm -rf /' } } }],
    ['an epoch of nothing', { v: 1, said: { ...reserve, epoch: 0 } }],
    ['a deployment that is a path', { v: 1, ask: { map: '../x' } }],
    ['no object', [1, 2]],
  ];
  verifies('fog/R1', 'ends the stream, and nothing of it is heard', async () => {
    for (const [what, message] of bad) {
      const { stream, desk, ended } = await reading();
      stream.send(framed(JSON.stringify(message)));
      expect(await ended, what).toBe('WIRE_MALFORMED');
      expect(desk.heard, what).toEqual([]);
      expect(desk.others, what).toEqual([]);
    }
    const { stream, ended } = await reading();
    stream.send(framed('{"v":1,'));
    expect(await ended).toBe('WIRE_MALFORMED');
  });
});

verifies('fog/R2', 'too long a message is refused from its length, and is not sent', async () => {
  const { stream, ended } = await reading();
  stream.send(Buffer.from([0x81, 0x80, 0x04])); // 65,537, and nothing of it
  expect(await ended).toBe('WIRE_TOO_LARGE');

  const { reserve } = vectors.messages;
  const args = { text: 'x'.repeat(FOG.maxMessageBytes) };
  const long: Envelope = { v: 1, said: { ...reserve, spec: { ...reserve.spec, args } } };
  expect(isSendable(long)).toBe(false);
  expect(isSendable({ v: 1, said: reserve })).toBe(true);
  const [near] = await streamPair();
  await expect(fogWriter(near).write(long, within())).rejects.toMatchObject({ code: 'WIRE_TOO_LARGE' });
});

verifies('fog/R3', 'an accept counts signed by its sender, for this village and this node alone', async () => {
  const { accept, reserve } = vectors.messages;
  const refused: readonly (readonly [string, object])[] = [
    ['unsigned', { v: 1, said: accept }],
    ['signed by another', { v: 1, signed: word(stranger, accept) }],
    ['for another village', { v: 1, signed: word(owner, accept, { village: 'ee'.repeat(32) }) }],
    ['for another node', { v: 1, signed: word(owner, accept, { to: stranger.peerId }) }],
    ['from another node', { v: 1, signed: word(stranger, accept, { from: stranger.peerId }) }],
    ['of a kind that is not signed', { v: 1, signed: word(owner, reserve) }],
    ['of another type', { v: 1, signed: owner.jws('village-fog-ad+jws', { village, said: accept }) }],
    ['with its payload changed', { v: 1, signed: `${vectors.signedAccept.slice(0, -4)}AAAA` }],
  ];
  for (const [what, message] of refused) {
    const { stream, desk, ended } = await reading();
    stream.send(framed(JSON.stringify(message)));
    expect(await ended, what).toBe('WIRE_MALFORMED');
    expect(desk.heard, what).toEqual([]);
  }
  const between = { village, from: owner.peerId, to: node.peerId };
  expect(sealed(accept, between, (typ, payload) => owner.jws(typ, payload))).toEqual({
    v: 1,
    signed: vectors.signedAccept,
  });
});

verifies('fog/R4', 'nobody says hello for another node', async () => {
  const hello = (of: string) => ({ v: 1, said: { kind: 'hello', node: of, bootSeq: 2, instance: 'a'.repeat(32) } });
  const honest = await reading();
  honest.stream.send(framed(JSON.stringify(hello(owner.peerId))));
  await until(() => honest.desk.heard.length === 1);
  const lying = await reading();
  lying.stream.send(framed(JSON.stringify(hello(stranger.peerId))));
  expect(await lying.ended).toBe('WIRE_MALFORMED');
  expect(lying.desk.heard).toEqual([]);
  await honest.stream.close();
});

verifies('fog/R5', 'an advertisement is believed when the node it names signed it for this village', () => {
  expect(openAd(vectors.ad, village)).toEqual(vectors.adBody);
  const forged: readonly (readonly [string, string])[] = [
    ['for another village', node.jws('village-fog-ad+jws', { ...vectors.adBody, village: 'ee'.repeat(32) })],
    ['by another key', stranger.jws('village-fog-ad+jws', vectors.adBody)],
    ['of another type', node.jws('village-fog-map+jws', vectors.adBody)],
    ['with less than nothing free', node.jws('village-fog-ad+jws', { ...vectors.adBody, seq: -1 })],
    ['with a member too many', node.jws('village-fog-ad+jws', { ...vectors.adBody, more: 1 })],
    ['cut off', vectors.ad.slice(0, -9)],
    ['nothing', ''],
  ];
  for (const [what, token] of forged) expect(openAd(token, village), what).toBeUndefined();
});

verifies('fog/R6', 'a shard map is believed when the owner that it names signed it for this village', () => {
  expect(openMap(vectors.map, village)).toEqual(vectors.mapBody);
  expect(openMap(stranger.jws('village-fog-map+jws', vectors.mapBody), village)).toBeUndefined();
  expect(openMap(vectors.map, 'ee'.repeat(32))).toBeUndefined();
  const many = { ...vectors.mapBody, slots: Array.from({ length: 65 }, () => vectors.mapBody.slots[0]) };
  expect(openMap(owner.jws('village-fog-map+jws', many), village)).toBeUndefined();
});

verifies('fog/R7', 'an announcement has one spelling and a bound', () => {
  const bytes = announcementOf({ kind: 'ad', ad: vectors.ad });
  expect(readAnnouncement(bytes)).toEqual({ kind: 'ad', ad: vectors.ad });
  expect(readAnnouncement(announcementOf({ kind: 'map', map: vectors.map }))).toEqual({
    kind: 'map',
    map: vectors.map,
  });
  const refused = [
    `{"v":1,"ad":"${vectors.ad}","map":"${vectors.map}"}`,
    `{"v":1,"ad":"a.b.c","ad":"${vectors.ad}"}`,
    `{"v":2,"ad":"${vectors.ad}"}`,
    '{"v":1,"ad":"no token"}',
    `{"v":1,"ad":"a.b.${'c'.repeat(33 * 1024)}"}`,
    '',
    'null',
  ];
  for (const text of refused) expect(readAnnouncement(Buffer.from(text)), text.slice(0, 40)).toBeUndefined();
});

verifies('fog/R8', 'the next message is read when the one before is done with', async () => {
  const { stream, desk } = await reading();
  const held = Promise.withResolvers<void>();
  desk.waiting = held.promise;
  const message = framed(JSON.stringify({ v: 1, said: vectors.messages.reserve }));
  stream.send(Buffer.concat([message, message]));
  await until(() => desk.heard.length === 1);
  await new Promise((resolve) => setImmediate(resolve));
  expect(desk.heard.length).toBe(1);
  held.resolve();
  await until(() => desk.heard.length === 2);
  await stream.close();
});

verifies('fog/R9', 'a stream on which nothing becomes complete is ended at the deadline', async () => {
  const { stream, desk, ended } = await reading(50);
  stream.send(framed('{"v":1,"ask":{"map":"x"}}').subarray(0, 9));
  expect(await ended).toBe('ended');
  expect(desk.others).toEqual([]);
  await until(() => stream.status !== 'open');
});
