/**
 * Calls between two peers over one libp2p stream, two processes on this machine: `node test/bench/mux.ts [noise|tls]`.
 * CPU is user + system of each process, per call, while both share the machine's cores.
 */
import { fork } from 'node:child_process';
import { noise } from '@chainsafe/libp2p-noise';
import type { Stream } from '@libp2p/interface';
import { tcp } from '@libp2p/tcp';
import { tls } from '@libp2p/tls';
import { yamux } from '@libp2p/yamux';
import { multiaddr } from '@multiformats/multiaddr';
import { createLibp2p } from 'libp2p';
import { quietLogger } from '../../node/host/quiet-logger.ts';
import { DeadlineTimer } from '../../node/router/deadline-timer.ts';
import { PeerSession, type ServedCall, type ServedReply } from '../../protocols/mcp/index.ts';
import type { Principal } from '../../src/permissions/index.ts';

const PROTOCOL = '/bench/mcp/1';
const security = process.argv[2] === 'tls' ? 'tls' : 'noise';
const agent: Principal = {
  agentId: 'local@abcdefgh',
  role: 'agent',
  level: 'OPERATOR',
  permissions: undefined,
  tokenId: 'aa',
  issuedAtMs: 0,
  expiresAtMs: Number.MAX_SAFE_INTEGER,
  homeNode: 'a',
};
const big = Buffer.alloc(8 * 1024 * 1024, 'x');

async function serve({ request, target }: ServedCall): Promise<ServedReply> {
  if (target === 'big') return { body: big, outcome: 'ok', reason: '' };
  const result = { content: [{ type: 'text', text: JSON.stringify(request.params?.['arguments']) }] };
  return { body: Buffer.from(JSON.stringify({ jsonrpc: '2.0', id: request.id, result })), outcome: 'ok', reason: '' };
}

function sessionOn(stream: Stream): PeerSession {
  return new PeerSession(
    stream,
    {
      clock: { now: () => performance.now(), wall: () => Date.now() },
      deadlines: new DeadlineTimer(),
      defer: setImmediate,
      delegationFor: () => 'delegation',
      accept: () => ({ kind: 'accepted', principal: agent, expiresAtMs: Number.MAX_SAFE_INTEGER }),
      serve,
      onNotice: () => {},
      onEnd: () => {},
      onDraining: () => {},
      onFault: (error) => console.error(error),
      onRefused: () => undefined,
    },
    { peer: 'peer', maxInFlight: 256 },
  );
}

async function host() {
  return createLibp2p({
    logger: quietLogger,
    addresses: { listen: ['/ip4/127.0.0.1/tcp/0'] },
    transports: [tcp()],
    connectionEncrypters: [security === 'tls' ? tls() : noise()],
    streamMuxers: [yamux()],
  });
}

async function serving(): Promise<void> {
  const node = await host();
  await node.handle(PROTOCOL, (stream) => void sessionOn(stream));
  process.on('message', () => process.send?.(process.cpuUsage()));
  process.send?.(String(node.getMultiaddrs()[0]));
}

let made = 0;
const never = new AbortController().signal;

function ask(session: PeerSession, name: string) {
  const callId = Buffer.alloc(16);
  callId.writeUInt32BE(++made, 0);
  return session.call({
    server: 'everything',
    request: {
      jsonrpc: '2.0',
      id: made,
      method: 'tools/call',
      params: { name, arguments: { message: 'm'.repeat(60) } },
    },
    context: { principal: agent, era: 'session', callId, deadlineAt: performance.now() + 30_000, signal: never },
  });
}

async function calls(session: PeerSession, count: number, concurrency: number): Promise<number[]> {
  const tookMs: number[] = [];
  let left = count;
  const one = async () => {
    while (left-- > 0) {
      const from = performance.now();
      const end = await ask(session, 'echo');
      if (end.kind !== 'result') throw new Error(JSON.stringify(end));
      tookMs.push(performance.now() - from);
    }
  };
  await Promise.all(Array.from({ length: concurrency }, one));
  return tookMs.sort((a, b) => a - b);
}

async function asking(): Promise<void> {
  const child = fork(import.meta.filename, [security, 'serve']);
  const next = () => new Promise<unknown>((resolve) => child.once('message', resolve));
  const cpuThere = async () => {
    child.send('cpu');
    const { user, system } = (await next()) as NodeJS.CpuUsage;
    return user + system;
  };
  const address = String(await next());
  const node = await host();
  const connection = await node.dial(multiaddr(address));
  const session = sessionOn(await connection.newStream(PROTOCOL));
  await calls(session, 30_000, 64);
  const rows: Record<string, unknown>[] = [];
  for (const [concurrency, count] of [
    [1, 5_000],
    [16, 30_000],
    [64, 100_000],
    [256, 150_000],
  ] as const) {
    const there = await cpuThere();
    const here = process.cpuUsage();
    const from = performance.now();
    const tookMs = await calls(session, count, concurrency);
    const ms = performance.now() - from;
    const spent = process.cpuUsage(here);
    rows.push({
      'in flight': concurrency,
      'calls/s': Math.round((count / ms) * 1000),
      'p50 ms': Number(tookMs[count >> 1]?.toFixed(3)),
      'p99 ms': Number(tookMs[Math.floor(count * 0.99)]?.toFixed(3)),
      'µs CPU asking': Number(((spent.user + spent.system) / count).toFixed(1)),
      'µs CPU serving': Number((((await cpuThere()) - there) / count).toFixed(1)),
    });
  }
  console.log(`tcp + ${security} + yamux, echo of 60 characters`);
  console.table(rows);
  const from = performance.now();
  let small = 0;
  const large = ask(session, 'big').then(() => performance.now() - from);
  let done = false;
  void large.then(() => {
    done = true;
  });
  const waits: number[] = [];
  while (!done) {
    const at = performance.now();
    await ask(session, 'echo');
    waits.push(performance.now() - at);
    small += 1;
  }
  waits.sort((a, b) => a - b);
  console.log(
    `8 MiB result in ${(await large).toFixed(0)} ms; ${small} small calls meanwhile, p50 ${waits[small >> 1]?.toFixed(2)} ms, worst ${waits.at(-1)?.toFixed(2)} ms`,
  );
  await node.stop();
  child.kill();
}

await (process.argv[3] === 'serve' ? serving() : asking());
