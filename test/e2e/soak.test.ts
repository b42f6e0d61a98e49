import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { isDeepStrictEqual } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { EVERYTHING } from '../support/agents.ts';
import { initialize, JSON_TYPE, stateless } from '../support/echo-gateway.ts';
import { events, open, type Reply, send } from '../support/http.ts';
import { cleanUp, type ProcessNode } from '../support/process-node.ts';
import { type TwoNodes, twoNodes } from '../support/two-nodes.ts';
import { until } from '../support/until.ts';

const SESSIONS = 1000;
const AT_ONCE = 20;
const ECHO = { name: 'everything__echo', arguments: { message: 'still here' } };

let village: TwoNodes;
let gateway: string;
let bearer: Record<string, string>;

beforeAll(async () => {
  village = await twoNodes({ everything: { command: process.execPath, args: [EVERYTHING, 'stdio'] } });
  gateway = village.far.ready.gateway;
  bearer = { Authorization: `Bearer ${await village.far.token()}` };
}, 60_000);

afterAll(() => cleanUp());

type Headers = Record<string, string>;
const request = (method: string, params?: object) => ({ jsonrpc: '2.0', id: 1, method, params });
const post = (body: object, headers: Headers = {}, path = '/mcp'): Promise<Reply> =>
  send(new URL(path, gateway).href, {
    method: 'POST',
    headers: { ...JSON_TYPE, ...bearer, ...headers },
    body: JSON.stringify(body),
  });
const stream = (path: string, headers: Headers = {}): Promise<IncomingMessage> =>
  open(new URL(path, gateway).href, { headers: { Accept: 'text/event-stream', ...bearer, ...headers } });

async function openSession(): Promise<Headers> {
  const opened = await post(initialize('2025-11-25'));
  return { 'Mcp-Session-Id': String(opened.headers['mcp-session-id']), 'MCP-Protocol-Version': '2025-11-25' };
}
const closeSession = (headers: Headers) => send(gateway, { method: 'DELETE', headers: { ...bearer, ...headers } });

/** Ways to come, use a tool a hop away, and go. Each answers what the tool said. */
const VISITS: readonly (() => Promise<string>)[] = [
  async () => {
    const headers = await openSession();
    const { text } = await post(request('tools/call', ECHO), headers);
    await closeSession(headers);
    return text;
  },
  async () => {
    const headers = await openSession();
    const listening = await stream('/mcp', headers);
    const { text } = await post(request('tools/call', ECHO), headers);
    listening.destroy();
    await closeSession(headers);
    return text;
  },
  async () => {
    const listening = await stream('/sse');
    const incoming = events(listening);
    const path = String((await incoming.next()).value?.data);
    await post(initialize('2024-11-05'), {}, path);
    await incoming.next();
    await post(request('tools/call', ECHO), {}, path);
    const reply = await incoming.next();
    listening.destroy();
    return String(reply.value?.data);
  },
  async () => {
    const notifications = { toolsListChanged: true };
    const [listen, { headers: listenHeaders }] = stateless('l', 'subscriptions/listen', { notifications });
    const listening = await open(gateway, {
      method: 'POST',
      headers: { ...JSON_TYPE, ...bearer, ...listenHeaders },
      body: JSON.stringify(listen),
    });
    await events(listening).next();
    const [call, { headers }] = stateless(1, 'tools/call', ECHO);
    const { text } = await post(call, headers);
    listening.destroy();
    return text;
  },
];

async function visits(count: number): Promise<void> {
  let next = 0;
  const visitor = async () => {
    for (let mine = next++; mine < count; mine = next++) {
      expect(await VISITS[mine % VISITS.length]?.()).toContain('Echo: still here');
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, visitor));
}

/** What a node holds: of the gateway from its metrics, of the operating system from its process. */
async function held(node: ProcessNode) {
  const metrics = await (
    await fetch(new URL('/metrics', node.ready.admin), { headers: { Connection: 'close' } })
  ).text();
  const gauge = (name: string) => Number(new RegExp(`^${name} (\\d+)$`, 'm').exec(metrics)?.[1] ?? Number.NaN);
  const gauges = ['village_sessions', 'village_subscriptions', 'village_calls_in_flight'].map(gauge);
  return { gauges, ...ofProcess(node.ready.pid) };
}

/** Sockets and children of a process; what is counted by the kernel no code of ours can forget. Linux alone tells. */
function ofProcess(pid: number): { sockets: number; children: readonly string[] } {
  if (process.platform !== 'linux') return { sockets: 0, children: [] };
  const kindOf = (fd: string) => {
    try {
      return readlinkSync(`/proc/${pid}/fd/${fd}`);
    } catch {
      return ''; // closed since it was listed
    }
  };
  const sockets = readdirSync(`/proc/${pid}/fd`).filter((fd) => kindOf(fd).startsWith('socket:')).length;
  const children = readdirSync(`/proc/${pid}/task`)
    .flatMap((task) => readFileSync(`/proc/${pid}/task/${task}/children`, 'utf8').trim().split(' '))
    .filter((child) => child !== '');
  return { sockets, children };
}

const bothHold = () => Promise.all([village.host, village.far].map(held));

/** Waits until both nodes hold what they held `before`; says how they differ when they never do. */
async function hold(before: Awaited<ReturnType<typeof bothHold>>): Promise<void> {
  let now = before;
  const same = async () => {
    now = await bothHold();
    return isDeepStrictEqual(now, before);
  };
  await until(same, { timeoutMs: 8000, intervalMs: 100 }).catch(() => expect(now).toEqual(before));
}

test('a thousand sessions that come and go leave no session, stream, socket or child behind', async () => {
  await visits(2 * AT_ONCE);
  const before = await bothHold();
  for (const { gauges } of before) expect(gauges).toEqual([0, 0, 0]);
  await visits(SESSIONS);
  await hold(before);
  for (const { log } of [village.host, village.far]) expect(log).not.toContain('MaxListenersExceededWarning');
}, 60_000);

test('a client that goes while a server waits for its answer leaves nothing behind', async () => {
  const before = await bothHold();
  for (let visit = 0; visit < 20; visit += 1) {
    const hello = initialize('2025-11-25') as { params: { capabilities: object } };
    hello.params.capabilities = { sampling: {} };
    const opened = await post(hello);
    const headers = { 'Mcp-Session-Id': String(opened.headers['mcp-session-id']) };
    const asked = await open(gateway, {
      method: 'POST',
      headers: { ...JSON_TYPE, ...bearer, ...headers },
      body: JSON.stringify(
        request('tools/call', { name: 'everything__trigger-sampling-request', arguments: { prompt: 'x' } }),
      ),
    });
    expect((await events(asked).next()).value?.data).toContain('sampling/createMessage');
    asked.destroy();
    expect((await closeSession(headers)).status).toBeLessThan(300);
  }
  await hold(before);
}, 60_000);
