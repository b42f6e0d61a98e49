/**
 * The whole program beside a bare `node:http` echo and the SDK's own server, in one run: `node test/bench/village.ts`.
 * Two real nodes, everything switched on (token, permission, limits, audit, metrics); the call is `mesh_ping`, answered here and one hop
 * away. On a busy machine read the CPU column (all processes that take part) and the ratios, not the requests per second.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { call, initialize, JSON_TYPE, stateless } from '../support/echo-gateway.ts';
import { send } from '../support/http.ts';
import { cleanUp, ProcessNode } from '../support/process-node.ts';
import { type Load, load, median, perSecond, post } from './load.ts';

const ROUNDS = Number(process.env['ROUNDS'] ?? 3);
const SECONDS = Number(process.env['SECONDS'] ?? 3);
const CONNECTIONS = Number(process.env['CONNECTIONS'] ?? 64);
const TARGET = fileURLToPath(new URL('gateway-target.ts', import.meta.url));
const OPEN = { limits: { perAgentPerMinute: 1e8, perSourcePerMinute: 1e8, perNodePerSecond: 1e7 } };
const TICK_US = 10_000;

interface Variant {
  readonly name: string;
  readonly port: number;
  readonly pids: readonly number[];
  readonly request: (connection: number) => Buffer;
  readonly runs: (Load & { cpuUs: number })[];
}

/** User and system time of a process so far, µs. */
function cpuOf(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
  return (Number(fields[11]) + Number(fields[12])) * TICK_US;
}

function rssMiB(pid: number): number {
  return Math.round(Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024);
}

async function rival(name: string, kind: string): Promise<Variant & { readonly child: ChildProcess }> {
  const child = fork(TARGET, [kind]);
  const [{ port }] = (await once(child, 'message')) as [{ port: number }];
  const headers: Record<string, string> = { Authorization: 'Bearer alice' };
  if (kind === 'sdk') {
    const body = JSON.stringify(initialize('2025-11-25'));
    const reply = await send(`http://127.0.0.1:${port}/mcp`, {
      method: 'POST',
      headers: { ...JSON_TYPE, ...headers },
      body,
    });
    headers['Mcp-Session-Id'] = String(reply.headers['mcp-session-id']);
    headers['MCP-Protocol-Version'] = '2025-11-25';
  }
  const request = (connection: number): Buffer => post(port, headers, call(connection, 'echo'));
  return { name, port, pids: [child.pid as number], request, runs: [], child };
}

const a = await ProcessNode.start({ name: 'bench-a', config: OPEN });
const { invite } = await a.json<{ invite: string }>(['invite']);
const b = await ProcessNode.start({ name: 'bench-b', config: OPEN, args: ['--join', invite] });
const authorization = `Bearer ${await b.token()}`;
const port = Number(new URL(b.ready.gateway).port);
const ping = (args: object) => (connection: number) => {
  const [message, mirrored] = stateless(connection, 'tools/call', { name: 'mesh_ping', arguments: args });
  return post(port, { authorization, ...mirrored.headers }, message);
};

const rivals = [await rival('bare node:http', 'bare'), await rival('SDK v1 server', 'sdk')];
const variants: Variant[] = [
  rivals[0] as Variant,
  { name: 'village, local', port, pids: [b.ready.pid], request: ping({}), runs: [] },
  {
    name: 'village, one hop',
    port,
    pids: [b.ready.pid, a.ready.pid],
    request: ping({ node_id: a.ready.node_id }),
    runs: [],
  },
  rivals[1] as Variant,
];

for (const { port: at, request } of variants) await load(at, { connections: CONNECTIONS, seconds: 1.5, request });
const alone = new Map<string, number>();
for (const { name, port: at, request } of variants) {
  alone.set(name, (await load(at, { connections: 1, seconds: 1, request })).p50Ms);
}
for (let round = 0; round < ROUNDS; round += 1) {
  for (const { port: at, request, pids, runs } of variants) {
    const before = pids.reduce((sum, pid) => sum + cpuOf(pid), 0);
    const run = await load(at, { connections: CONNECTIONS, seconds: SECONDS, request });
    const after = pids.reduce((sum, pid) => sum + cpuOf(pid), 0);
    runs.push({ ...run, cpuUs: (after - before) / run.requests });
  }
}

const base = variants[0] as Variant;
console.log(
  `${CONNECTIONS} connections, ${ROUNDS} rounds of ${SECONDS} s, medians; ratios are within a round; "alone" is the median of one call at a time`,
);
for (const { name, pids, runs } of variants) {
  const ratio = median(runs.map((run, round) => perSecond(run) / perSecond(base.runs[round] ?? run)));
  console.log(
    [
      name.padEnd(17),
      `${Math.round(median(runs.map(perSecond)))} req/s`.padStart(13),
      `${ratio.toFixed(2)} of bare`.padStart(13),
      `CPU ${median(runs.map(({ cpuUs }) => cpuUs)).toFixed(0)} µs`.padStart(11),
      `p50 ${median(runs.map(({ p50Ms }) => p50Ms)).toFixed(2)} ms`.padStart(13),
      `p99 ${median(runs.map(({ p99Ms }) => p99Ms)).toFixed(1)} ms`.padStart(13),
      `alone ${(alone.get(name) ?? Number.NaN).toFixed(2)} ms`.padStart(14),
      `${pids.map(rssMiB).join('+')} MiB`.padStart(12),
      `failed ${runs.reduce((sum, { failed }) => sum + failed, 0)}`,
    ].join('  '),
  );
}
for (const { child } of rivals) child.disconnect();
await cleanUp();
