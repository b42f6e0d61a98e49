import { noise } from '@chainsafe/libp2p-noise';
import type { Stream } from '@libp2p/interface';
import { tcp } from '@libp2p/tcp';
import { yamux } from '@libp2p/yamux';
import { multiaddr } from '@multiformats/multiaddr';
import { createLibp2p } from 'libp2p';
import { once } from 'node:events';
import { connect } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type TestHost, TestVillage } from '../support/mesh-hosts.ts';

/** As a length it never ends; reading it byte by byte takes a second, in which nobody else is served. */
const ENDLESS = Buffer.alloc(256 * 1024, 0xff);
const SOON_MS = 1_500;

let village: TestVillage;
let host: TestHost;

beforeEach(async () => {
  village = new TestVillage();
  host = village.make({ transport: 'tcp', listen: ['/ip4/127.0.0.1/tcp/0'] });
  await host.host.start();
});
afterEach(() => village.stop());

const address = (): string => host.host.addresses()[0] as string;
const soon = () => AbortSignal.timeout(SOON_MS);

/** Processor time of this process that `work` takes, ms. */
async function cost(work: () => Promise<unknown>): Promise<number> {
  const before = process.cpuUsage();
  await work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
}

describe('a stranger that sends a length without end', () => {
  test.each([
    ['as its first bytes', ''],
    ['after the greeting of the negotiation', '\x13/multistream/1.0.0\n'],
  ])('is cut off at once, %s', async (_when, first) => {
    const port = Number(/\/tcp\/(\d+)\//.exec(address())?.[1]);
    const socket = connect(port, '127.0.0.1');
    await once(socket, 'connect');
    const spent = await cost(async () => {
      const closed = Promise.withResolvers<void>();
      soon().addEventListener('abort', () => closed.reject(new Error('the connection is still open')));
      socket.on('error', () => undefined).once('close', () => closed.resolve());
      socket.write(Buffer.concat([Buffer.from(first, 'latin1'), ENDLESS]));
      await closed.promise;
    });
    expect(spent).toBeLessThan(400);
  });

  test('on a stream of an encrypted connection loses that stream at once', async () => {
    const stranger = await createLibp2p({
      transports: [tcp()],
      connectionEncrypters: [noise()],
      streamMuxers: [yamux()],
    });
    village.cleanUp(async () => stranger.stop());
    const connection = await stranger.dial(multiaddr(address()), { signal: soon() });
    const { muxer } = connection as unknown as { muxer: { createStream(): Promise<Stream> } };
    const stream = await muxer.createStream();
    const spent = await cost(async () => {
      const closed = once(stream, 'close', { signal: soon() });
      stream.addEventListener('message', () => undefined);
      stream.send(ENDLESS);
      await closed;
    });
    expect(stream.status).toBe('reset');
    expect(spent).toBeLessThan(400);
  });
});
