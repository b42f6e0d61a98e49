import { noise } from '@chainsafe/libp2p-noise';
import type { ConnectionEncrypter, Libp2p, MessageStream, Stream } from '@libp2p/interface';
import { tcp } from '@libp2p/tcp';
import { yamux } from '@libp2p/yamux';
import { createLibp2p } from 'libp2p';
import { afterEach, describe, expect, test } from 'vitest';
import { boundedAnswers } from '../../../node/host/bounded-answers.ts';
import { quietLogger } from '../../../node/host/quiet-logger.ts';
import { shortWay } from '../../../node/host/short-way.ts';
import { until } from '../../support/until.ts';

const PROTOCOL = '/test/1';
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
  const there = await promise;
  // On its own it would end the connection at an answer to what it did not ask.
  (peer.sealed() as unknown as { onData: () => void }).onData = () => undefined;
  return { peer, ours, here, there };
}

const PING = Buffer.from([0, 2, 0, 1, 0, 0, 0, 0, 0, 0, 0, 7]);
const pings = (count: number) => Buffer.alloc(count * PING.length, PING);

describe.each([
  ['yamux', boundedAnswers(yamux())],
  ['yamux on the short way', shortWay(boundedAnswers(yamux()))],
])('bounded answers of %s', (_name, make) => {
  test('end the connection of a peer that pings on and on and reads none of what it is told', async () => {
    const { peer, ours } = await joined(make as ReturnType<typeof yamux>);
    const { stream: raw } = ours.sealed() as unknown as { stream: { sendData(data: unknown): object } };
    const sendData = raw.sendData.bind(raw);
    raw.sendData = (data) => ({ ...sendData(data), canSendMore: false });
    peer.sealed().send(pings(40_000));
    const kept = () => ours.sealed().writeBufferLength;
    await until(() => kept() > 39_000 * PING.length, { timeoutMs: 10_000, what: 'answers that wait' });
    expect(ours.sealed().status).toBe('open');
    peer.sealed().send(pings(20_000));
    await until(() => ours.sealed().status === 'aborted', { timeoutMs: 10_000, what: 'the end of the connection' });
    expect(kept()).toBe(0);
  });

  test('go out as long as they are read, however many', async () => {
    const { peer, ours, here, there } = await joined(make as ReturnType<typeof yamux>);
    let got = 0;
    there.addEventListener('message', ({ data }) => {
      got += data.byteLength;
    });
    for (let sent = 0; sent < 60_000; sent += 2_000) {
      peer.sealed().send(pings(2_000));
      here.send(Buffer.alloc(1));
      await until(() => got === sent / 2_000 + 1, { timeoutMs: 10_000, what: 'what follows the pings', intervalMs: 1 });
    }
    expect(ours.sealed().status).toBe('open');
  });
});
