/**
 * What the gateway costs beside a bare `node:http` echo and the SDK's own server, all in one run: `node test/bench/gateway.ts`.
 * The router behind the gateway is an echo in the same process, so this is the price of HTTP, sessions, eras and tokens alone.
 * On a busy machine read the CPU column and the ratios, not the requests per second.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { call, initialize, JSON_TYPE, stateless } from '../support/echo-gateway.ts';
import { send } from '../support/http.ts';
import { type Load, load, median, perSecond, post } from './load.ts';

const ROUNDS = Number(process.env['ROUNDS'] ?? 3);
const SECONDS = Number(process.env['SECONDS'] ?? 2);
const CONNECTIONS = Number(process.env['CONNECTIONS'] ?? 32);
const TARGET = fileURLToPath(new URL('gateway-target.ts', import.meta.url));

interface Variant {
  readonly name: string;
  readonly kind: string;
  readonly child: ChildProcess;
  readonly port: number;
  readonly request: (connection: number) => Buffer;
  readonly runs: (Load & { cpuUs: number })[];
}

async function ask<T>(child: ChildProcess, question?: string): Promise<T> {
  const answer = once(child, 'message');
  if (question !== undefined) child.send(question);
  const [message] = await answer;
  return message as T;
}

async function variant(name: string, kind: string): Promise<Variant> {
  const child = fork(TARGET, [kind]);
  const { port } = await ask<{ port: number }>(child);
  const headers: Record<string, string> = { Authorization: 'Bearer alice' };
  if (kind !== 'bare' && !name.includes('stateless')) {
    const body = JSON.stringify(initialize('2025-11-25'));
    const reply = await send(`http://127.0.0.1:${port}/mcp`, {
      method: 'POST',
      headers: { ...JSON_TYPE, ...headers },
      body,
    });
    headers['Mcp-Session-Id'] = String(reply.headers['mcp-session-id']);
    headers['MCP-Protocol-Version'] = '2025-11-25';
  }
  const request = (connection: number): Buffer => {
    if (!name.includes('stateless')) return post(port, headers, call(connection, 'echo'));
    const [message, mirrored] = stateless(connection, 'tools/call', { name: 'echo', arguments: { message: 'hi' } });
    return post(port, { ...headers, ...mirrored.headers }, message);
  };
  return { name, kind, child, port, request, runs: [] };
}

const variants = [
  await variant('bare node:http', 'bare'),
  await variant('gateway, session', 'gateway'),
  await variant('gateway, stateless', 'gateway'),
  await variant('SDK v1 server', 'sdk'),
];
for (const { port, request } of variants) await load(port, { connections: CONNECTIONS, seconds: 1, request });
for (let round = 0; round < ROUNDS; round += 1) {
  for (const { child, port, request, runs } of variants) {
    const before = await ask<{ cpuUs: number }>(child, 'cpu');
    const run = await load(port, { connections: CONNECTIONS, seconds: SECONDS, request });
    const after = await ask<{ cpuUs: number }>(child, 'cpu');
    runs.push({ ...run, cpuUs: (after.cpuUs - before.cpuUs) / run.requests });
  }
}

const base = variants[0];
console.log(`${CONNECTIONS} connections, ${ROUNDS} rounds of ${SECONDS} s, medians; ratios are within a round`);
for (const { name, child, runs } of variants) {
  const ratio = median(runs.map((run, round) => perSecond(run) / perSecond(base?.runs[round] ?? run)));
  const { rssMiB } = await ask<{ rssMiB: number }>(child, 'rss');
  console.log(
    [
      name.padEnd(20),
      `${Math.round(median(runs.map(perSecond)))} req/s`.padStart(13),
      `${ratio.toFixed(2)} of bare`.padStart(13),
      `CPU ${median(runs.map(({ cpuUs }) => cpuUs)).toFixed(0)} µs`.padStart(11),
      `p50 ${median(runs.map(({ p50Ms }) => p50Ms)).toFixed(2)} ms`.padStart(13),
      `p99 ${median(runs.map(({ p99Ms }) => p99Ms)).toFixed(1)} ms`.padStart(13),
      `${rssMiB} MiB`.padStart(8),
      `failed ${runs.reduce((sum, { failed }) => sum + failed, 0)}`,
    ].join('  '),
  );
  child.disconnect();
}
