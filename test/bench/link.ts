/**
 * The bytes between two nodes and nothing else: `node --expose-gc --max-semi-space-size=32 test/bench/link.ts [batches in flight] [seconds]`.
 * Two processes, each a node's own libp2p; each batch holds what sixteen calls come to (`BATCH` bytes, one write), and is answered by one.
 * CPU is µs a batch and node, a batch read and one written.
 */
import { fork } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import type { Stream } from '@libp2p/interface';
import { AdmissionGate } from '../../node/host/admission-gate.ts';
import { createLibp2pNode } from '../../node/host/libp2p-node.ts';
import { villageNames } from '../../node/host/village-protocols.ts';
import { mcp } from '../../protocols/mcp/index.ts';

const BATCH_BYTES = Number(process.env['BATCH'] ?? 8_000);
const IN_FLIGHT = Number(process.argv[2] ?? 3);
const SECONDS = Number(process.argv[3] ?? 3);
const WARM_UP_MS = 2_000;
/** Calls would fill the young generation about as often. Without it only full collections would free the buffers of the batches. */
const BATCHES_PER_SCAVENGE = 100;
const serves = process.argv[4] === 'serve';
const names = villageNames('0'.repeat(64));
const protocol = names.protocol(mcp.name);
const frames = randomBytes(BATCH_BYTES);

async function host() {
  const node = await createLibp2pNode({
    peerSeed: randomBytes(32),
    names,
    listen: ['/ip4/127.0.0.1/tcp/0'],
    transport: 'tcp',
    datastore: undefined,
    topics: [],
    gate: { gate: new AdmissionGate(), waitMs: 1_000 },
    onNeighbour: undefined,
    gossip: { heartbeatMs: 10_000, seenMs: 60_000 },
    reprovide: { validityMs: 3_600_000, intervalMs: 3_600_000 },
  });
  await node.start();
  return node;
}

/** Answers each batch that is complete, until `on` says no. */
function answering(stream: Stream, on: () => boolean): { batches: number; reads: number } {
  const seen = { batches: 0, reads: 0 };
  let bytes = 0;
  stream.addEventListener('message', ({ data }) => {
    seen.reads += 1;
    for (const part of data instanceof Uint8Array ? [data] : data) bytes += part.length;
    for (; bytes >= BATCH_BYTES; bytes -= BATCH_BYTES) {
      seen.batches += 1;
      if (seen.batches % BATCHES_PER_SCAVENGE === 0) gc?.({ type: 'minor' });
      if (on()) stream.send(Buffer.from(frames));
    }
  });
  return seen;
}

async function serving(): Promise<void> {
  const node = await host();
  await node.handle(protocol, (stream) => void answering(stream, () => true));
  process.on('message', () => process.send?.(process.cpuUsage()));
  process.send?.(node.getMultiaddrs().map(String));
}

async function asking(): Promise<void> {
  const child = fork(import.meta.filename, [String(IN_FLIGHT), String(SECONDS), 'serve']);
  const next = () => new Promise<unknown>((resolve) => child.once('message', resolve));
  const cpuThere = async (): Promise<number> => {
    child.send('cpu');
    const { user, system } = (await next()) as NodeJS.CpuUsage;
    return user + system;
  };
  const { multiaddr } = await import('@multiformats/multiaddr');
  const addresses = ((await next()) as string[]).map((address) => multiaddr(address));
  const node = await host();
  const stream = await node.dialProtocol(addresses, protocol);
  let on = true;
  const seen = answering(stream, () => on);
  for (let batch = 0; batch < IN_FLIGHT; batch += 1) stream.send(Buffer.from(frames));
  const passed = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
  await passed(WARM_UP_MS);
  const before = { ...seen, there: await cpuThere(), here: process.cpuUsage(), at: performance.now() };
  await passed(SECONDS * 1_000);
  const here = process.cpuUsage(before.here);
  const there = (await cpuThere()) - before.there;
  const batches = seen.batches - before.batches;
  const seconds = (performance.now() - before.at) / 1_000;
  const perBatch = (us: number) => (us / batches).toFixed(1);
  console.log(
    `${perBatch(here.user + here.system)} (${perBatch(here.system)} of it the kernel's) µs a batch asking, ${perBatch(there)} answering; ` +
      `${Math.round(batches / seconds)} batches/s of ${BATCH_BYTES} bytes, ${((seen.reads - before.reads) / batches).toFixed(2)} reads each`,
  );
  on = false;
  await node.stop();
  child.kill();
}

await (serves ? serving() : asking());
