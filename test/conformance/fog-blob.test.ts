import { lpStream, streamPair } from '@libp2p/utils';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { expect } from 'vitest';
import { answerBlob, askManifest, askModule, type ModuleShelf } from '../../protocols/fog-blob/index.ts';
import { judgeModule } from '../../src/fog/index.ts';
import { hostA, hostB } from '../support/small-village.ts';
import { verifies } from '../support/verifies.ts';

const vectors = JSON.parse(readFileSync(new URL('../../protocols/fog-blob/vectors.json', import.meta.url), 'utf8'));
const within = (ms = 2_000) => ({ signal: AbortSignal.timeout(ms) });
const hex = (value: string) => Buffer.from(value, 'hex');
const { digest } = vectors;

interface Shelf extends ModuleShelf {
  read: number;
  inside: number;
}

/** Holds the frozen module, or another one; `room`: how many may be on their way out. */
function shelf(module: Uint8Array = Buffer.from(vectors.module), room = 4): Shelf {
  const name = createHash('sha256').update(module).digest('hex');
  return {
    read: 0,
    inside: 0,
    async module(wanted) {
      this.read += 1;
      async function* pieces() {
        yield module;
      }
      return wanted === name ? { manifest: vectors.manifest, bytes: module.length, read: pieces } : undefined;
    },
    enter() {
      if (this.inside >= room) return undefined;
      this.inside += 1;
      return () => (this.inside -= 1);
    },
  };
}

async function served(holding: ModuleShelf = shelf(), ms = 2_000) {
  const [stream, far] = await streamPair();
  const ended = answerBlob(far, holding, within(ms)).then(
    () => 'answered',
    (error: { code: string }) => error.code,
  );
  return { stream, ended };
}

/** A peer that answers whatever it is asked with these bytes. */
async function replying(...messages: readonly Uint8Array[]) {
  const [stream, far] = await streamPair();
  void (async () => {
    await lpStream(far).read();
    for (const bytes of messages) far.send(bytes);
  })().catch(() => undefined); // the asker hung up, which is what the test looks at
  return stream;
}

function sink(bytes: number = vectors.module.length) {
  const pieces: Uint8Array[] = [];
  return { bytes, pieces, write: async (piece: Uint8Array) => void pieces.push(Uint8Array.from(piece)) };
}
const framed = (bytes: Uint8Array) => Buffer.concat([Buffer.from([bytes.length]), bytes]);

verifies('fog-blob/R1', 'an ask for the manifest gets it, byte for byte as frozen', async () => {
  const { stream, ended } = await served();
  stream.send(hex(vectors.askManifest));
  const reply = await lpStream(stream).read(within());
  expect(vectors.found.endsWith(Buffer.from(reply.subarray()).toString('hex'))).toBe(true);
  await stream.close();
  expect(await ended).toBe('answered');
});

verifies('fog-blob/R1', 'an asker sends the frozen bytes', async () => {
  for (const [ask, frozen] of [
    [(stream: Parameters<typeof askManifest>[0]) => askManifest(stream, digest, within()), vectors.askManifest],
    [
      (stream: Parameters<typeof askModule>[0]) => askModule(stream, digest, { sink: sink(), ...within() }),
      vectors.askModule,
    ],
  ] as const) {
    const [stream, far] = await streamPair();
    const sent = new Promise<string>((resolve) =>
      far.addEventListener('message', ({ data }) => resolve(Buffer.from(data.subarray()).toString('hex'))),
    );
    const asking = ask(stream).catch(() => undefined);
    expect(await sent).toBe(frozen);
    far.abort(new Error('seen'));
    await asking;
  }
});

verifies('fog-blob/R1', 'anything else than an ask is answered with nothing', async () => {
  const good = { v: 1, kind: 'module', digest };
  const bad = [
    { ...good, v: 2 },
    { ...good, kind: 'all' },
    { ...good, digest: 'x' },
    { ...good, more: 1 },
    [],
    null,
    7,
  ];
  for (const ask of [...bad.map((value) => JSON.stringify(value)), 'not json', '']) {
    const holding = shelf();
    const { stream, ended } = await served(holding);
    await lpStream(stream).write(Buffer.from(ask), within());
    expect(await ended, ask).toBe('WIRE_MALFORMED');
    expect(holding.read, ask).toBe(0);
  }
});

verifies('fog-blob/R2', 'a module comes whole, whatever its length', async () => {
  for (const length of [1, 65_536, 65_537, 200_001]) {
    const module = Buffer.alloc(length, 7);
    const name = createHash('sha256').update(module).digest('hex');
    const { stream, ended } = await served(shelf(module));
    const into = sink(length);
    expect(await askModule(stream, name, { sink: into, ...within() })).toEqual({ kind: 'whole' });
    expect(Buffer.concat(into.pieces).equals(module)).toBe(true);
    expect(await ended).toBe('answered');
  }
});

verifies('fog-blob/R2', 'a module goes out as frozen', async () => {
  const { stream } = await served();
  const wire = lpStream(stream);
  stream.send(hex(vectors.askModule));
  await wire.read(within());
  stream.send(hex(vectors.next));
  expect(Buffer.from((await wire.read(within())).subarray()).toString('utf8')).toBe(vectors.module);
});

verifies('fog-blob/R2', 'nothing is sent ahead of the word that asks for it, and four pieces for each', async () => {
  const { stream, ended } = await served(shelf(Buffer.alloc(6 * 65_536, 7)), 500);
  const name = createHash('sha256')
    .update(Buffer.alloc(6 * 65_536, 7))
    .digest('hex');
  const got: number[] = [];
  const wire = lpStream(stream, { maxBufferSize: 1024 * 1024 });
  await wire.write(Buffer.from(JSON.stringify({ v: 1, kind: 'module', digest: name })), within());
  await wire.read(within());
  stream.send(hex(vectors.next));
  for (let piece = 0; piece < 4; piece++) got.push((await wire.read(within())).byteLength);
  expect(got).toEqual([65_536, 65_536, 65_536, 65_536]);
  await expect(wire.read(within(100))).rejects.toThrow();
  // It waits for the word until its own deadline.
  expect(await ended).toBe('WIRE_TIMEOUT');
});

verifies('fog-blob/R2', 'what is not here is refused as unknown, and nothing follows', async () => {
  const absent = 'a'.repeat(64);
  const first = await served();
  expect(await askManifest(first.stream, absent, within())).toMatchObject({ kind: 'refused', because: 'unknown' });
  const second = await served();
  const into = sink();
  expect(await askModule(second.stream, absent, { sink: into, ...within() })).toMatchObject({ because: 'unknown' });
  expect(into.pieces).toEqual([]);
});

verifies('fog-blob/R2', 'the frozen refusals are understood', async () => {
  for (const because of ['unknown', 'busy'] as const) {
    const answer = await askManifest(await replying(hex(vectors[because])), digest, within());
    expect(answer).toEqual({ v: 1, kind: 'refused', because });
  }
});

verifies('fog-blob/R3', 'bytes that were changed on the way are not the module', async () => {
  const changed = Buffer.from(vectors.module.replace('fog', 'dog'));
  const asking = askModule(await replying(hex(vectors.found), framed(changed)), digest, { sink: sink(), ...within() });
  await expect(asking).rejects.toMatchObject({ code: 'WIRE_MALFORMED' });
  const good = await replying(hex(vectors.found), hex(vectors.piece));
  expect(await askModule(good, digest, { sink: sink(), ...within() })).toEqual({ kind: 'whole' });
});

verifies('fog-blob/R4', 'another length than the manifest says is refused before a piece is read', async () => {
  for (const bytes of [19, 21]) {
    const into = sink(bytes);
    const asking = askModule(await replying(hex(vectors.found), hex(vectors.piece)), digest, {
      sink: into,
      ...within(),
    });
    await expect(asking).rejects.toMatchObject({ code: 'WIRE_MALFORMED' });
    expect(into.pieces).toEqual([]);
  }
});

verifies('fog-blob/R4', 'a piece that is too short or goes beyond the end is refused', async () => {
  for (const piece of [Buffer.alloc(0), Buffer.alloc(19), Buffer.alloc(21)]) {
    const into = sink();
    const asking = askModule(await replying(hex(vectors.found), framed(piece)), digest, { sink: into, ...within() });
    await expect(asking).rejects.toMatchObject({ code: 'WIRE_MALFORMED' });
    expect(into.pieces).toEqual([]);
  }
});

verifies('fog-blob/R4', 'an answer of another shape, or over 16 MiB, is refused', async () => {
  const good = { v: 1, kind: 'found', manifest: vectors.manifest, bytes: 20 };
  for (const bad of [
    { ...good, bytes: 16 * 1024 * 1024 + 1 },
    { ...good, bytes: 0 },
    { ...good, manifest: 'no jws' },
    { ...good, x: 1 },
    null,
  ]) {
    const bytes = Buffer.from(JSON.stringify(bad));
    const length = Buffer.from(bytes.length > 127 ? [(bytes.length & 127) | 128, bytes.length >>> 7] : [bytes.length]);
    const asking = askManifest(await replying(Buffer.concat([length, bytes])), digest, within());
    await expect(asking).rejects.toMatchObject({ code: 'WIRE_MALFORMED' });
  }
});

verifies('fog-blob/R5', 'ask and answer are refused from their announced length', async () => {
  const { stream, ended } = await served();
  stream.send(Uint8Array.of(0x81, 0x02)); // 257, and not one byte of it
  expect(await ended).toBe('WIRE_TOO_LARGE');
  const asking = askManifest(await replying(Uint8Array.of(0x81, 0x80, 0x04)), digest, within()); // 65,537
  await expect(asking).rejects.toMatchObject({ code: 'WIRE_TOO_LARGE' });
});

const trust = (changes: object = {}) => ({
  publishers: [vectors.publisher],
  approved: [],
  nowMs: 1_800_000_000_000,
  ...changes,
});

verifies('fog-blob/R6', 'a manifest counts for the module, the date and the publisher that it names', () => {
  expect(judgeModule(vectors.manifest, digest, trust())).toEqual({ kind: 'trusted', manifest: vectors.payload });
  const by = (changes: object) => judgeModule(vectors.manifest, digest, trust(changes));
  expect(by({ publishers: [hostB.node.peerId] })).toEqual({ kind: 'refused', because: 'untrusted' });
  expect(by({ publishers: [], approved: [digest] })).toMatchObject({ kind: 'trusted' });
  expect(by({ publishers: [], approved: ['b'.repeat(64)] })).toEqual({ kind: 'refused', because: 'untrusted' });
  expect(by({ nowMs: 1_900_000_000_000 })).toEqual({ kind: 'refused', because: 'expired' });
  expect(by({ nowMs: 1_899_999_999_999 })).toMatchObject({ kind: 'trusted' });
  expect(judgeModule(vectors.manifest, 'b'.repeat(64), trust())).toEqual({ kind: 'refused', because: 'other-module' });
});

verifies('fog-blob/R6', 'a manifest that was changed, or that another key signed, is refused', () => {
  const [header, , signature] = vectors.manifest.split('.');
  const other = Buffer.from(JSON.stringify({ ...vectors.payload, caps: { fs: 'read', net: true, env: [] } }));
  const changed = `${header}.${other.toString('base64url')}.${signature}`;
  expect(judgeModule(changed, digest, trust()).kind).toBe('refused');
  const forged = hostB.node.jws('village-module+jws', vectors.payload);
  expect(judgeModule(forged, digest, trust())).toEqual({ kind: 'refused', because: 'bad-signature' });
  expect(judgeModule(hostA.node.jws('village-module+jws', vectors.payload), digest, trust())).toMatchObject({
    kind: 'trusted',
  });
  expect(judgeModule(hostA.node.jws('village-invite+jws', vectors.payload), digest, trust())).toMatchObject({
    because: 'malformed',
  });
});

verifies('fog-blob/R6', 'a manifest of another shape is refused, whoever signed it', () => {
  const { caps, ...others } = vectors.payload;
  for (const payload of [
    others,
    { ...vectors.payload, v: 2 },
    { ...vectors.payload, more: 1 },
    { ...vectors.payload, runtime: 'sh' },
    { ...vectors.payload, entry: '../../bin/sh.mjs' },
    { ...vectors.payload, bytes: 16 * 1024 * 1024 + 1 },
    { ...vectors.payload, caps: { ...caps, fs: 'all' } },
    { ...vectors.payload, caps: { ...caps, env: ['PATH=x'] } },
    { ...vectors.payload, publisher: 'nobody' },
  ]) {
    const signed = hostA.node.jws('village-module+jws', payload);
    expect(judgeModule(signed, digest, trust()), JSON.stringify(payload)).toMatchObject({
      kind: 'refused',
      because: 'malformed',
    });
  }
  for (const text of ['', 'a.b.c', `${vectors.manifest}.x`, 'x'.repeat(9_000)]) {
    expect(judgeModule(text, digest, trust())).toMatchObject({ because: 'malformed' });
  }
});

verifies(
  'fog-blob/R7',
  'a node that sends as many modules as it can says so, and has room again when one is out',
  async () => {
    const holding = shelf(undefined, 1);
    const leave = holding.enter();
    const full = await served(holding);
    expect(await askModule(full.stream, digest, { sink: sink(), ...within() })).toMatchObject({
      kind: 'refused',
      because: 'busy',
    });
    expect((await askManifest((await served(holding)).stream, digest, within())).kind).toBe('found');
    leave?.();
    const free = await served(holding);
    expect(await askModule(free.stream, digest, { sink: sink(), ...within() })).toEqual({ kind: 'whole' });
    await free.ended;
    expect(holding.inside).toBe(0);
  },
);

verifies('fog-blob/R8', 'whoever is kept waiting hangs up', async () => {
  const silent = await served(shelf(), 100);
  expect(await silent.ended).toBe('WIRE_TIMEOUT');
  const asking = askModule(await replying(hex(vectors.found)), digest, { sink: sink(), ...within(100) });
  await expect(asking).rejects.toMatchObject({ code: 'WIRE_TIMEOUT' });
  const answering = shelf();
  const [stream, far] = await streamPair();
  const stalled = answerBlob(far, answering, within(100)).catch((error: { code: string }) => error.code);
  stream.pause();
  expect(await stalled).toBe('WIRE_TIMEOUT');
  expect(answering.inside).toBe(0);
});
