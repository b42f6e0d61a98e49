import type { Stream } from '@libp2p/interface';
import { streamPair } from '@libp2p/utils';
import fc from 'fast-check';
import { serveAdmission } from '../../protocols/admission/index.ts';
import { answerAudit } from '../../protocols/audit/index.ts';
import { answerDirectory } from '../../protocols/directory/index.ts';
import { readFog } from '../../protocols/fog/index.ts';
import { answerBlob } from '../../protocols/fog-blob/index.ts';
import { answerGovernance } from '../../protocols/governance/index.ts';
import { answerHello, type Introduction } from '../../protocols/hello/index.ts';
import { answerRevocations } from '../../protocols/revocation/index.ts';
import { SOMEWHERE } from '../support/somewhere.ts';
import { FRAME_HEADER_BYTES, FrameReader, WireError, writeFrameHead } from '../../protocols/wire/index.ts';
import { facing } from '../support/mux-peers.ts';
import { cuts, piecesOf, samplesOf, spoiltJson, spoiltText } from './mutations.ts';
import { target, type Target } from './target.ts';

const vectors = JSON.parse(samplesOf('mcp')[0] ?? '{}') as { frames: { delegate: string; call: string } };
const NODE = '12D3KooWRawPbxPtP1eZaJpumGnyWX2DcUyd3RQnydr3eAto4Az7';
const DEADLINE_MS = 300;
/** Beyond the deadline that a handler was given. */
const HANG_MS = 3_000;
const deadline = () => ({ signal: AbortSignal.timeout(DEADLINE_MS) });
const peer = () => ({ nodeId: NODE, ...deadline() });

const introduction = (): Introduction => ({
  kind: 'hello',
  v: 1,
  village: '9f'.repeat(32),
  chain: ['e30.e30.AA'],
  protocols: { hello: [1] },
  boot_seq: 7,
  now_ms: 1_790_000_000_000,
});

/** What each protocol does with a stream that a peer opened, before desks that know nothing. */
const HANDLERS: Readonly<Record<string, (stream: Stream) => Promise<unknown>>> = {
  hello: (stream) =>
    answerHello(
      stream,
      {
        introduce: introduction,
        verify: () => ({ kind: 'refused', because: 'broken-chain' }),
      },
      peer(),
    ),
  admission: (stream) => {
    const refuse = async () => ({ v: 1, kind: 'refused', because: 'foreign' }) as const;
    return serveAdmission(stream, { redeem: refuse, renew: refuse }, peer());
  },
  audit: (stream) => answerAudit(stream, { answer: async () => ({ v: 1, outcome: 'refused' }) }, deadline()),
  directory: (stream) => answerDirectory(stream, { describe: () => 'h.p.s', define: () => undefined }, deadline()),
  'fog-blob': (stream) =>
    answerBlob(stream, { module: async () => undefined, enter: () => () => undefined }, deadline()),
  fog: (stream) => {
    const heard = async () => undefined;
    const desk = {
      hear: heard,
      hearAd: heard,
      hearMap: heard,
      askedForMap: heard,
      askedForLogs: heard,
      hearLogs: heard,
    };
    return readFog(stream, desk, { between: { village: 'ab'.repeat(32), from: NODE, to: NODE }, deadline });
  },
  governance: (stream) =>
    answerGovernance(
      stream,
      {
        logs: () => new Map([['curator', [{ seq: 0, id: '1'.repeat(64), jws: 'h.p.s' }]]]),
        receipts: () => [],
        receiptsDigest: () => '0'.repeat(32),
        sponsor: async () => ({ v: 1, kind: 'refused', because: 'no-voter' }) as never,
      },
      deadline(),
    ),
  revocation: (stream) =>
    answerRevocations(stream, { digest: () => '0'.repeat(64), after: () => [], chainOf: () => undefined }, deadline()),
};

/** Texts that a protocol has on the wire: JSON in its vectors, in hex or plain. */
function messagesOf(protocol: string): string[] {
  return samplesOf(protocol).flatMap((sample) => {
    if (/^(?:[0-9a-f]{2})+$/.test(sample)) {
      const bytes = Buffer.from(sample, 'hex').toString('utf8');
      const begin = bytes.indexOf('{');
      return begin < 0 ? [] : [bytes.slice(begin)];
    }
    return sample.startsWith('{') ? [sample] : [];
  });
}

function varint(length: number): number[] {
  const bytes: number[] = [];
  for (let left = length; ; left = Math.floor(left / 128)) {
    if (left < 128) return [...bytes, left];
    bytes.push((left % 128) + 128);
  }
}

const prefixed = (text: string) => Buffer.from([...varint(Buffer.byteLength(text)), ...Buffer.from(text)]);

function handlerTarget(protocol: string): Target {
  const texts = messagesOf(protocol);
  const values = texts.flatMap((text) => {
    try {
      return [JSON.parse(text) as unknown];
    } catch {
      return [];
    }
  });
  const message = fc.oneof(
    fc.constantFrom(...texts).map(prefixed),
    spoiltJson(values).map((value) => prefixed(JSON.stringify(value) ?? 'null')),
    spoiltText(texts).map(prefixed),
    spoiltText(texts).map((text) => Buffer.from(text)),
    fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes)),
  );
  return target({
    name: `${protocol} streams`,
    input: fc.record({ messages: fc.array(message, { minLength: 1, maxLength: 3 }), cuts }),
    mustSee: ['served', 'refused'],
    holds: async ({ messages, cuts: at }, seen) => {
      const [near, far] = await streamPair(SOMEWHERE);
      const handled = (HANDLERS[protocol] as (stream: Stream) => Promise<unknown>)(near).then(
        () => undefined,
        (error: unknown) => error,
      );
      for (const piece of piecesOf(Buffer.concat(messages), at)) if (far.status === 'open') far.send(piece);
      await far.close().catch(() => undefined); // the handler may have hung up first
      const error = await within(handled);
      seen(error === undefined ? 'served' : 'refused');
      if (error !== undefined && !(error instanceof WireError)) throw new Error('not a WireError', { cause: error });
    },
  });
}

async function within<T>(answer: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error('the handler hangs')), DEADLINE_MS + HANG_MS);
  });
  return Promise.race([answer, late]).finally(() => clearTimeout(timer));
}

const FRAMES = samplesOf('mcp')
  .filter((sample) => /^(?:[0-9a-f]{2}){9,}$/.test(sample))
  .map((sample) => Buffer.from(sample, 'hex'))
  .filter((bytes) => bytes.readUInt32BE(0) === bytes.length - 4);

/** A frame with a head that is right for its payload, or with a few bytes of it changed. */
const frame = fc
  .tuple(
    fc.constantFrom(...FRAMES),
    fc.array(fc.tuple(fc.nat(400), fc.nat(255)), { maxLength: 3 }),
    fc.constantFrom('whole', 'cut', 'long'),
  )
  .map(([bytes, changes, how]) => {
    const payload = Buffer.from(bytes.subarray(FRAME_HEADER_BYTES));
    for (const [at, byte] of changes) if (payload.length > 0) payload[at % payload.length] = byte;
    const kept = how === 'cut' ? payload.subarray(0, payload.length >> 1) : payload;
    const body = how === 'long' ? Buffer.concat([kept, kept]) : kept;
    const made = Buffer.alloc(FRAME_HEADER_BYTES + body.length);
    body.copy(made, writeFrameHead(made, 0, bytes[4] as number, bytes.readUInt32BE(5), body.length));
    return made;
  });
const bytes = fc
  .array(fc.oneof({ weight: 5, arbitrary: frame }, { weight: 1, arbitrary: fc.uint8Array({ maxLength: 30 }) }), {
    minLength: 1,
    maxLength: 6,
  })
  .map((parts) => Buffer.concat(parts));
/** A delegation and a call under it, as they should be. */
const CALLED = Buffer.from(vectors.frames.delegate + vectors.frames.call, 'hex');

const mux = target({
  name: 'mcp sessions',
  input: fc.record({
    bytes: fc.oneof(
      bytes,
      bytes.map((after) => Buffer.concat([CALLED, after])),
    ),
    cuts,
  }),
  mustSee: ['served', 'ended', 'went on'],
  holds: async (made, seen) => {
    const { raw, it } = await facing();
    for (const piece of piecesOf(made.bytes, made.cuts)) {
      if (raw.stream.status !== 'open') break;
      raw.stream.send(piece);
      await new Promise((resolve) => setImmediate(resolve));
    }
    await new Promise((resolve) => setImmediate(resolve));
    if (it.served.length > 0) seen('served');
    seen(it.ends.length > 0 ? 'ended' : 'went on');
    if (it.faults.length > 0) throw new Error('a fault', { cause: it.faults[0] });
    if (it.ends.length > 1) throw new Error(`ended ${it.ends.length} times`);
    for (const code of it.ends) if (code !== '' && !code.startsWith('WIRE_')) throw new Error(`ended with ${code}`);
    raw.stream.abort(new Error('done'));
  },
});

const reader = target({
  name: 'frames',
  input: fc.record({ bytes, cuts }),
  mustSee: ['frames', 'refused'],
  holds: (made, seen) => {
    const whole = framesIn([made.bytes]);
    const pieces = framesIn(piecesOf(made.bytes, made.cuts));
    seen(whole.refused === undefined ? 'frames' : 'refused');
    // However they were cut on the way; what stood before a wrong length counts either way.
    if (whole.frames.join() !== pieces.frames.join() || whole.refused !== pieces.refused) {
      throw new Error(`cut: ${JSON.stringify(pieces)}; whole: ${JSON.stringify(whole)}`);
    }
  },
});

function framesIn(pieces: readonly Uint8Array[]): { frames: string[]; refused: string | undefined } {
  const frames: string[] = [];
  const into = new FrameReader(
    (type, key, from, start, end) => frames.push(`${type} ${key} ${from.toString('hex', start, end)}`),
    { maxPayloadBytes: 4_096 },
  );
  try {
    for (const piece of pieces) into.push(piece);
    return { frames, refused: undefined };
  } catch (error) {
    if (!(error instanceof WireError)) throw error;
    return { frames, refused: error.code };
  }
}

export const STREAMS: readonly Target[] = [...Object.keys(HANDLERS).map(handlerTarget), mux, reader];
