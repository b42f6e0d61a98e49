import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { noise } from '@chainsafe/libp2p-noise';
import type { Connection, ConnectionEncrypter, Libp2p, MessageStream, Stream } from '@libp2p/interface';
import { tcp } from '@libp2p/tcp';
import { yamux } from '@libp2p/yamux';
import { multiaddr } from '@multiformats/multiaddr';
import { createLibp2p } from 'libp2p';
import { afterEach, describe, expect, test } from 'vitest';
import { noiseCrypto } from '../../../node/host/noise-crypto.ts';
import { easedLengths } from '../../../node/host/noise-lengths.ts';
import { quietLogger } from '../../../node/host/quiet-logger.ts';
import { shortWay } from '../../../node/host/short-way.ts';
import { sparedUpdates } from '../../../node/host/spared-updates.ts';
import { wholeWrites } from '../../../node/host/whole-writes.ts';
import { until } from '../../support/until.ts';

const PROTOCOL = '/test/1';
const MIB = 1024 * 1024;
const nodes: Libp2p[] = [];
const servers: Server[] = [];
afterEach(async () => {
  for (const node of nodes.splice(0)) await node.stop();
  for (const server of servers.splice(0)) server.close();
});

interface Node {
  readonly node: Libp2p;
  /** The transport's connection, the last that was made. */
  readonly raw: () => MessageStream;
  /** Noise's connection, the last that was made. */
  readonly sealed: () => MessageStream;
  /** Pieces that went through Noise's own way of sending. */
  readonly long: { sent: number };
}

async function started(short: boolean): Promise<Node> {
  let raw: MessageStream | undefined;
  let sealed: MessageStream | undefined;
  const long = { sent: 0 };
  const watched = (make: ReturnType<typeof noise>) => (components: Parameters<ReturnType<typeof noise>>[0]) => {
    const inner: ConnectionEncrypter = make(components);
    const watch = <Made extends { connection: MessageStream }>(made: Made): Made => {
      sealed = made.connection;
      const send = sealed.send.bind(sealed);
      sealed.send = (data) => {
        long.sent += 1;
        return send(data);
      };
      return made;
    };
    return {
      protocol: inner.protocol,
      secureInbound: async (...args: Parameters<ConnectionEncrypter['secureInbound']>) =>
        watch(await inner.secureInbound(...args)),
      secureOutbound: async (...args: Parameters<ConnectionEncrypter['secureOutbound']>) =>
        watch(await inner.secureOutbound(...args)),
    };
  };
  const node = await createLibp2p({
    logger: quietLogger,
    addresses: { listen: ['/ip4/127.0.0.1/tcp/0'] },
    transports: [tcp()],
    connectionMonitor: { enabled: false },
    ...(short
      ? {
          connectionProtector: wholeWrites(() => ({ protect: async (connection) => (raw = connection) })),
          connectionEncrypters: [watched(easedLengths(noise({ crypto: noiseCrypto })) as ReturnType<typeof noise>)],
          streamMuxers: [sparedUpdates(shortWay(yamux()))],
        }
      : { connectionEncrypters: [watched(noise())], streamMuxers: [yamux()] }),
  });
  nodes.push(node);
  return { node, raw: () => raw as MessageStream, sealed: () => sealed as MessageStream, long };
}

const ours = () => started(true);
const plain = () => started(false);

/** A stream between two nodes, through `by` where given. */
async function joined(one: Libp2p, other: Libp2p, by?: (port: number) => Promise<number>) {
  const { promise, resolve } = Promise.withResolvers<Stream>();
  await other.handle(PROTOCOL, resolve);
  const port = Number(
    other
      .getMultiaddrs()[0]
      ?.getComponents()
      .find(({ name }) => name === 'tcp')?.value,
  );
  const to = multiaddr(`/ip4/127.0.0.1/tcp/${by === undefined ? port : await by(port)}`);
  const here = await one.dialProtocol(to, PROTOCOL, { signal: AbortSignal.timeout(10_000) });
  return { here, there: await promise };
}

/** A port that passes what is sent to `target` on as `pass` says. */
function through(pass: (bytes: Buffer, to: Socket) => void): (target: number) => Promise<number> {
  return async (target) => {
    const server = createServer((near) => {
      const far = connect(target, '127.0.0.1');
      near.on('data', (bytes) => pass(bytes, far)).on('error', () => far.destroy());
      far.on('data', (bytes) => near.write(bytes)).on('error', () => near.destroy());
      near.on('close', () => far.destroy());
      far.on('close', () => near.destroy());
    });
    servers.push(server);
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return (server.address() as AddressInfo).port;
  };
}

/** What arrives, put together; each byte is told from the ones near it by its place. */
function arriving(stream: Stream) {
  const got = { bytes: 0, wrong: 0 };
  stream.addEventListener('message', ({ data }) => {
    for (const byte of data.subarray()) if (byte !== got.bytes++ % 251) got.wrong += 1;
  });
  return got;
}

/** Sends the bytes from `from` to `to` in pieces of `piece`, as the stream takes them. */
function send(stream: Stream, { to, piece, from = 0 }: { to: number; piece: number; from?: number }): void {
  let at = from;
  const push = (): void => {
    while (at < to && !stream.writableNeedsDrain) {
      const size = Math.min(piece, to - at);
      stream.send(Buffer.from(Array.from({ length: size }, (_, index) => (at + index) % 251)));
      at += size;
    }
  };
  stream.addEventListener('drain', () => queueMicrotask(push));
  push();
}

const all = (got: { bytes: number }, bytes: number) =>
  until(() => got.bytes === bytes, { timeoutMs: 15_000, what: `${bytes} bytes at the other end` });

describe('the short way between a stream and its socket', () => {
  test('is what frames take, and none of Noise’s own sends', async () => {
    const [one, other] = [await ours(), await ours()];
    const { here, there } = await joined(one.node, other.node);
    const got = arriving(there);
    send(here, { to: 1, piece: 1 });
    await all(got, 1);
    const before = one.long.sent;
    send(here, { to: 80_001, piece: 8_000, from: 1 });
    await all(got, 80_001);
    expect(one.long.sent).toBe(before);
    expect(got.wrong).toBe(0);
  });

  test.each([1, 90, 399, 400, 9_000, 65_507, 65_508, 200_000])(
    'carries pieces of %i bytes as they are, to one of ours and to one as libp2p makes it',
    async (piece) => {
      const bytes = Math.min(piece * 40, 2 * MIB);
      for (const [one, other] of [
        [await ours(), await ours()],
        [await ours(), await plain()],
        [await plain(), await ours()],
      ] as const) {
        const { here, there } = await joined(one.node, other.node);
        const [to, fro] = [arriving(there), arriving(here)];
        send(here, { to: bytes, piece });
        send(there, { to: bytes, piece });
        await all(to, bytes);
        await all(fro, bytes);
        expect([to.wrong, fro.wrong]).toEqual([0, 0]);
      }
    },
  );

  test('is left and found again where messages arrive in parts', async () => {
    const [one, other] = [await ours(), await ours()];
    let turn = 0;
    const cut = through((bytes, to) => {
      turn += 1;
      // Every third read whole, so that a message begins where a read does and where it does not.
      const size = turn % 3 === 0 ? bytes.length : 1 + ((turn * 7_919) % 1_500);
      for (let at = 0; at < bytes.length; at += size) to.setNoDelay(true).write(bytes.subarray(at, at + size));
    });
    const { here, there } = await joined(one.node, other.node, cut);
    const got = arriving(there);
    send(here, { to: MIB, piece: 3_000 });
    await all(got, MIB);
    expect(got.wrong).toBe(0);
  });

  test('keeps streams of one connection apart', async () => {
    const [one, other] = [await ours(), await ours()];
    const first = await joined(one.node, other.node);
    const { promise, resolve } = Promise.withResolvers<Stream>();
    await other.node.handle('/test/2', resolve);
    const second = await one.node.dialProtocol(other.node.getMultiaddrs(), '/test/2');
    const got = [arriving(first.there), arriving(await promise)] as const;
    send(first.here, { to: MIB, piece: 5_000 });
    send(second, { to: 300_000, piece: 700 });
    await all(got[0], MIB);
    await all(got[1], 300_000);
    expect(got.map(({ wrong }) => wrong)).toEqual([0, 0]);
  });

  test('waits for a reader that pauses, and delivers everything when it reads on', async () => {
    const [one, other] = [await ours(), await ours()];
    const { here, there } = await joined(one.node, other.node);
    const got = arriving(there);
    there.pause();
    send(here, { to: 3 * MIB, piece: 8_000 });
    await until(() => here.writableNeedsDrain || here.writeBufferLength > 0, {
      timeoutMs: 5_000,
      what: 'a full window',
    });
    expect(got.bytes).toBe(0);
    there.resume();
    await all(got, 3 * MIB);
    expect(got.wrong).toBe(0);
  });

  test('keeps every frame in its place while the transport takes no more, and tells all streams', async () => {
    const [one, other] = [await ours(), await ours()];
    const first = await joined(one.node, other.node);
    const { promise, resolve } = Promise.withResolvers<Stream>();
    await other.node.handle('/test/2', resolve);
    await other.node.handle('/test/3', () => undefined);
    const connection = one.node.getConnections()[0] as Connection;
    const idle = await connection.newStream('/test/3');
    const raw = one.raw() as unknown as { sendData(data: unknown): object; safeDispatchEvent(type: string): void };
    const sendData = raw.sendData.bind(raw);
    raw.sendData = (data) => ({ ...sendData(data), canSendMore: false });

    first.here.send(Buffer.alloc(8_000));
    expect([first.here, idle, one.sealed()].map((stream) => stream.writableNeedsDrain)).toEqual([true, true, true]);
    const opening = connection.newStream('/test/2', { signal: AbortSignal.timeout(5_000) });
    await until(() => one.sealed().writeBufferLength > 0, { timeoutMs: 5_000, what: 'what opens the stream' });

    raw.sendData = sendData;
    raw.safeDispatchEvent('drain');
    await opening;
    send(await opening, { to: 10_000, piece: 1_000 });
    await all(arriving(await promise), 10_000);
    expect(idle.writableNeedsDrain).toBe(false);
  });

  test('carries one direction on after the other is closed', async () => {
    const [one, other] = [await ours(), await ours()];
    const { here, there } = await joined(one.node, other.node);
    const [to, fro] = [arriving(there), arriving(here)];
    let closed = false;
    there.addEventListener('remoteCloseWrite', () => {
      closed = true;
    });
    send(here, { to: 20_000, piece: 4_000 });
    await here.close();
    await until(() => closed, { timeoutMs: 5_000, what: 'the end of one direction' });
    expect(to).toEqual({ bytes: 20_000, wrong: 0 });
    send(there, { to: 50_000, piece: 4_000 });
    await all(fro, 50_000);
  });

  test('ends with the stream: what is sent after an abort is refused, and the peer hears of it', async () => {
    const [one, other] = [await ours(), await ours()];
    const { here, there } = await joined(one.node, other.node);
    const got = arriving(there);
    send(here, { to: 8_000, piece: 8_000 });
    await all(got, 8_000);
    here.abort(new Error('enough'));
    await until(() => there.status === 'reset', { timeoutMs: 5_000, what: 'the reset' });
    expect(() => here.send(Buffer.alloc(10))).toThrow();
    expect(one.sealed().status).toBe('open');
  });

  test('ends the connection at a byte that was changed on its way, and delivers nothing of its message', async () => {
    const [one, other] = [await ours(), await ours()];
    let spoil = false;
    const spoiling = through((bytes, to) => {
      const last = bytes.length - 1;
      if (spoil) bytes[last] = (bytes[last] as number) ^ 1;
      to.write(bytes);
    });
    const { here, there } = await joined(one.node, other.node, spoiling);
    const got = arriving(there);
    send(here, { to: 8_000, piece: 8_000 });
    await all(got, 8_000);
    spoil = true;
    send(here, { from: 8_000, to: 16_000, piece: 8_000 });
    await until(() => other.sealed().status === 'aborted', { timeoutMs: 5_000, what: 'the end of the connection' });
    expect(got).toEqual({ bytes: 8_000, wrong: 0 });
  });

  test.each([
    ['of another version', Buffer.from([1, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0])],
    ['of an unknown type', Buffer.from([0, 9, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0])],
    [
      'longer than the window',
      Buffer.concat([Buffer.from([0, 0, 0, 0, 0, 0, 0, 1, 1, 0, 0, 0]), Buffer.alloc(16 * MIB)]),
    ],
  ])('ends the connection at a frame %s', async (_what, frame) => {
    const [one, other] = [await ours(), await ours()];
    const { there } = await joined(one.node, other.node);
    const got = arriving(there);
    one.sealed().send(frame);
    await until(() => other.sealed().status !== 'open', { timeoutMs: 10_000, what: 'the end of the connection' });
    expect(there.status).toBe('aborted');
    expect(got.bytes).toBe(0);
  });

  test('is not taken by data that looks like a frame, where a frame goes on in the next message', async () => {
    const [one, other] = [await ours(), await ours()];
    const { here, there } = await joined(one.node, other.node);
    let text = '';
    there.addEventListener('message', ({ data }) => {
      text += Buffer.from(data.subarray()).toString('hex');
    });
    const head = (length: number) => Buffer.from([0, 0, 0, 0, 0, 0, 0, Number(here.id), 0, 0, 0, length]);
    one.sealed().send(Buffer.concat([head(24), Buffer.alloc(12, 7)]));
    one.sealed().send(head(0));
    await until(() => text.length === 48, { timeoutMs: 5_000, what: 'the whole frame' });
    expect(text).toBe('07'.repeat(12) + head(0).toString('hex'));
  });

  test('drops a frame for a stream that is not there, and reads on', async () => {
    const [one, other] = [await ours(), await ours()];
    const { here, there } = await joined(one.node, other.node);
    const got = arriving(there);
    one.sealed().send(Buffer.from([0, 0, 0, 0, 0, 0, 0, 99, 0, 0, 0, 4, 1, 2, 3, 4]));
    send(here, { to: 500, piece: 100 });
    await all(got, 500);
    expect(got.wrong).toBe(0);
  });

  test('leaves a muxer alone that is not as it expects', () => {
    const inner = yamux()();
    const kept = { protocol: '/other/1', onData: () => undefined, streams: [] };
    const factory = shortWay(() => ({ ...inner, createStreamMuxer: () => kept as never }))({});
    const connection = { onData: () => undefined } as unknown as MessageStream;
    const { onData } = kept;
    expect(factory.createStreamMuxer(connection)).toBe(kept);
    expect(kept.onData).toBe(onData);
  });
});
