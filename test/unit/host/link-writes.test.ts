import { noise } from '@chainsafe/libp2p-noise';
import type { ConnectionProtector, Libp2p, Stream } from '@libp2p/interface';
import { tcp } from '@libp2p/tcp';
import { yamux } from '@libp2p/yamux';
import { createLibp2p } from 'libp2p';
import { afterEach, describe, expect, test } from 'vitest';
import { boundedConnections } from '../../../node/host/bounded-lengths.ts';
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
afterEach(async () => {
  for (const node of nodes.splice(0)) await node.stop();
});

/** A node that counts what reaches its transport: in how many parts. */
async function ours() {
  const wrote = { parts: 0 };
  const counted = (): ConnectionProtector => ({
    async protect(connection) {
      const made = await boundedConnections(['/noise'])().protect(connection);
      const send = made.send.bind(made);
      made.send = (data) => {
        wrote.parts += data instanceof Uint8Array ? 1 : [...data].length;
        return send(data);
      };
      return made;
    },
  });
  const node = await createLibp2p({
    ...COMMON(),
    connectionProtector: wholeWrites(counted),
    connectionEncrypters: [easedLengths(noise({ crypto: noiseCrypto }))],
    streamMuxers: [sparedUpdates(shortWay(yamux()))],
  });
  nodes.push(node);
  return { node, wrote };
}

/** A node as libp2p makes it. */
async function plain() {
  const node = await createLibp2p({ ...COMMON(), connectionEncrypters: [noise()], streamMuxers: [yamux()] });
  nodes.push(node);
  return { node, wrote: { parts: Number.NaN } };
}

const COMMON = () => ({
  logger: quietLogger,
  addresses: { listen: ['/ip4/127.0.0.1/tcp/0'] },
  transports: [tcp()],
});

async function joined(one: Libp2p, other: Libp2p): Promise<{ here: Stream; there: Stream }> {
  const { promise, resolve } = Promise.withResolvers<Stream>();
  await other.handle(PROTOCOL, resolve);
  const here = await one.dialProtocol(other.getMultiaddrs(), PROTOCOL, { signal: AbortSignal.timeout(10_000) });
  return { here, there: await promise };
}

/** Sends `bytes` in pieces as the stream takes them, and answers when all of them are there. */
async function carry(from: Stream, to: Stream, { bytes, piece }: { bytes: number; piece: number }): Promise<void> {
  let got = 0;
  let wrong = 0;
  to.addEventListener('message', ({ data }) => {
    for (const byte of data.subarray().filter((_, at) => at % 997 === 0)) if (byte !== 7) wrong += 1;
    got += data.byteLength;
  });
  let left = bytes;
  const push = (): void => {
    while (left > 0 && !from.writableNeedsDrain) {
      const size = Math.min(piece, left);
      left -= size;
      from.send(Buffer.alloc(size, 7));
    }
  };
  from.addEventListener('drain', () => queueMicrotask(push));
  push();
  await until(() => got === bytes, { timeoutMs: 15_000, what: `${bytes} bytes at the other end` });
  expect(wrong).toBe(0);
}

describe('a connection between two nodes', () => {
  test.each([
    ['two of ours', ours, ours],
    ['ours and one as libp2p makes it', ours, plain],
    ['one as libp2p makes it and ours', plain, ours],
  ])('carries far more than a window either way: %s', async (_who, one, other) => {
    const { here, there } = await joined((await one()).node, (await other()).node);
    await carry(here, there, { bytes: 6 * MIB, piece: 50_000 });
    await carry(there, here, { bytes: 3 * MIB, piece: 900 });
  });

  test('makes one write of each message, and answers none of the small ones with one of its own', async () => {
    const [one, other] = [await ours(), await ours()];
    const { here, there } = await joined(one.node, other.node);
    await carry(here, there, { bytes: 1, piece: 1 });
    const before = [one.wrote.parts, other.wrote.parts];
    await carry(here, there, { bytes: 100 * 800, piece: 800 });
    expect([one.wrote.parts, other.wrote.parts].map((parts, at) => parts - (before[at] as number))).toEqual([100, 0]);
  });
});
