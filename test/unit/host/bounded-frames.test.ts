import { noise } from '@chainsafe/libp2p-noise';
import type { ConnectionEncrypter, Libp2p, MessageStream, Stream } from '@libp2p/interface';
import { tcp } from '@libp2p/tcp';
import { yamux } from '@libp2p/yamux';
import { createLibp2p } from 'libp2p';
import { afterEach, describe, expect, test } from 'vitest';
import { boundedFrames } from '../../../node/host/bounded-frames.ts';
import { quietLogger } from '../../../node/host/quiet-logger.ts';
import { shortWay } from '../../../node/host/short-way.ts';
import { until } from '../../support/until.ts';

const PROTOCOL = '/test/1';
const MIB = 1024 * 1024;
const WINDOW_BYTES = 256 * 1024;
type Noise = ReturnType<typeof noise>;
const nodes: Libp2p[] = [];
afterEach(async () => {
  for (const node of nodes.splice(0)) await node.stop();
});

async function started(streamMuxers: ReturnType<typeof yamux>[]) {
  let sealed: MessageStream | undefined;
  const watched = (components: Parameters<Noise>[0]): ConnectionEncrypter => {
    const inner: ConnectionEncrypter = noise()(components);
    return {
      protocol: inner.protocol,
      async secureInbound(...args: Parameters<ConnectionEncrypter['secureInbound']>) {
        const made = await inner.secureInbound(...args);
        sealed = made.connection;
        return made;
      },
      async secureOutbound(...args: Parameters<ConnectionEncrypter['secureOutbound']>) {
        const made = await inner.secureOutbound(...args);
        sealed = made.connection;
        return made;
      },
    };
  };
  const node = await createLibp2p({
    logger: quietLogger,
    addresses: { listen: ['/ip4/127.0.0.1/tcp/0'] },
    transports: [tcp()],
    connectionMonitor: { enabled: false },
    connectionEncrypters: [watched],
    streamMuxers,
  });
  nodes.push(node);
  return { node, sealed: () => sealed as MessageStream };
}

/** A peer that can send any text on its connection, and one of ours, with a stream between them. */
async function joined(muxer: ReturnType<typeof yamux>) {
  const [peer, ours] = [await started([yamux()]), await started([muxer])];
  const { promise, resolve } = Promise.withResolvers<Stream>();
  await ours.node.handle(PROTOCOL, resolve);
  const here = await peer.node.dialProtocol(ours.node.getMultiaddrs(), PROTOCOL, {
    signal: AbortSignal.timeout(10_000),
  });
  return { peer, ours, here, there: await promise };
}

function head(streamId: number, length: number): Buffer {
  const bytes = Buffer.alloc(12);
  bytes.writeUInt32BE(streamId, 4);
  bytes.writeUInt32BE(length, 8);
  return bytes;
}

describe.each([
  ['yamux', boundedFrames(yamux())],
  ['yamux on the short way', shortWay(boundedFrames(yamux()))],
])('bounded frames of %s', (_name, make) => {
  const muxer = make as ReturnType<typeof yamux>;

  test.each([
    ['its stream’s window', undefined, 16 * MIB],
    ['any window, for a stream that is not there', 99, 16 * MIB + 1],
    ['any window, by all that a length can say', 99, 0xffffffff],
  ])('end the connection at a head that says more than %s, before the rest comes', async (_what, id, length) => {
    const { peer, ours, here, there } = await joined(muxer);
    peer.sealed().send(head(id ?? Number(here.id), length));
    await until(() => ours.sealed().status === 'aborted', { timeoutMs: 5_000, what: 'the end of the connection' });
    expect(there.status).toBe('aborted');
  });

  test('let pass a frame of as much as the window holds, in parts', async () => {
    const { peer, ours, here, there } = await joined(muxer);
    const window = (there as unknown as { recvWindowCapacity: number }).recvWindowCapacity;
    expect(window).toBeGreaterThanOrEqual(WINDOW_BYTES);
    let got = 0;
    there.addEventListener('message', ({ data }) => {
      got += data.byteLength;
    });
    peer.sealed().send(head(Number(here.id), window));
    for (let at = 0; at < window; at += 50_000) peer.sealed().send(Buffer.alloc(Math.min(50_000, window - at)));
    await until(() => got === window, { timeoutMs: 5_000, what: 'the whole frame' });
    expect(ours.sealed().status).toBe('open');
  });

  test('let pass a frame for a stream that is not there any more, and what follows it', async () => {
    const { peer, here, there } = await joined(muxer);
    let got = 0;
    there.addEventListener('message', ({ data }) => {
      got += data.byteLength;
    });
    peer.sealed().send(Buffer.concat([head(99, 2 * MIB), Buffer.alloc(MIB)]));
    peer.sealed().send(Buffer.alloc(MIB));
    here.send(Buffer.alloc(100));
    await until(() => got === 100, { timeoutMs: 5_000, what: 'what follows' });
  });
});
