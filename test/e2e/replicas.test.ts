import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { send } from '../support/http.ts';
import { cleanUp, dataFolder, ProcessNode, ROOT, villageJson } from '../support/process-node.ts';
import { until } from '../support/until.ts';

const SERVER = join(ROOT, 'test', 'fixtures', 'servers', 'counting.mjs');
const LIMITS = { perAgentPerMinute: 1_000_000, perSourcePerMinute: 1_000_000, perNodePerSecond: 100_000 };
const folder = dataFolder('counted');

interface Call {
  readonly id: string;
  readonly begunMs: number;
  readonly endedMs: number;
  /** The error's string code; empty: it was answered. */
  readonly code: string;
}

let asking: ProcessNode;
let hosts: ProcessNode[];
let token: string;
let number = 0;

const fileOf = (host: number) => join(folder, `host-${host}`);
const configOf = (host: number) => ({
  limits: LIMITS,
  mcpServers: { counting: { command: process.execPath, args: [SERVER, fileOf(host)], idempotent: ['again'] } },
});
const counts = (host: number) => readFileSync(fileOf(host), 'utf8').split('\n').filter(Boolean);
const hostsNow = async () =>
  (await asking.json<{ servers: { alias: string; state: string; node_id: string }[] }>(['servers'])).servers.filter(
    ({ alias }) => alias === 'counting',
  );

beforeAll(async () => {
  asking = await ProcessNode.start({ name: 'asking', config: { limits: LIMITS } });
  const { invite } = await asking.json<{ invite: string }>(['invite', '--uses', '3']);
  hosts = await Promise.all([0, 1, 2].map((host) => started(host, invite)));
  token = await asking.token();
  await until(async () => (await hostsNow()).length === 3, { timeoutMs: 20_000, what: 'three replicas' });
}, 60_000);

afterAll(cleanUp);

async function started(host: number, invite: string): Promise<ProcessNode> {
  writeFileSync(fileOf(host), '');
  const data = dataFolder(`host-${host}`);
  await villageJson(data, ['join', invite]);
  return ProcessNode.start({ data, config: configOf(host) });
}

async function call(tool: string, ms = 0): Promise<Call> {
  const id = `${tool}-${number++}`;
  const begunMs = performance.now();
  const name = `counting__${tool}`;
  const params = {
    name,
    arguments: { id, ms },
    _meta: {
      'io.modelcontextprotocol/protocolVersion': '2026-07-28',
      'io.modelcontextprotocol/clientInfo': { name: 'test', version: '1' },
      'io.modelcontextprotocol/clientCapabilities': {},
    },
  };
  const { text } = await send(asking.ready.gateway, {
    method: 'POST',
    headers: {
      Authorization: `Bearer ${token}`,
      'Content-Type': 'application/json',
      Accept: 'application/json, text/event-stream',
      'MCP-Protocol-Version': '2026-07-28',
      'Mcp-Method': 'tools/call',
      'Mcp-Name': name,
    },
    body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params }),
  });
  const [, json = text] = /^data: (.*)$/m.exec(text) ?? [];
  const { error } = JSON.parse(json) as { error?: { data?: { code?: string } } };
  const endedMs = performance.now();
  return { id, begunMs, endedMs, code: error === undefined ? '' : (error.data?.code ?? 'unknown error') };
}

/** Sixteen callers, one call after the other each, until `enough`. */
async function load(enough: () => boolean, tool: () => string, ms: number): Promise<Call[]> {
  const calls: Call[] = [];
  const caller = async () => {
    while (!enough()) calls.push(await call(tool(), ms));
  };
  await Promise.all(Array.from({ length: 16 }, caller));
  return calls;
}

test('a drained server is asked no more, its calls end, and it is asked again afterwards', async () => {
  const [first] = hosts as [ProcessNode];
  const long = Array.from({ length: 12 }, () => call('wait', 2_000));
  await until(() => counts(0).length > 0, { timeoutMs: 2_000, what: 'the first host to have some' });
  await first.json(['servers', 'drain', 'counting']);
  await until(async () => (await hostsNow()).filter(({ state }) => state === 'draining').length === 1, {
    timeoutMs: 10_000,
    what: 'the asking node to hear of it',
  });
  const before = counts(0).length;
  const through = await load(
    () => number > 100,
    () => 'add',
    0,
  );
  expect(new Set(through.map(({ code }) => code))).toEqual(new Set(['']));
  expect(counts(0)).toHaveLength(before);
  expect(new Set((await Promise.all(long)).map(({ code }) => code))).toEqual(new Set(['']));
  await first.json(['servers', 'undrain', 'counting']);
  await until(
    async () => {
      await Promise.all(Array.from({ length: 16 }, () => call('add', 20)));
      return counts(0).length > before;
    },
    { timeoutMs: 20_000, what: 'the first host to be asked again' },
  );
}, 60_000);

test('a host that hangs: what may run twice is answered by another within 2 s, what may not waits for it and runs once', async () => {
  const [, second] = hosts as [ProcessNode, ProcessNode];
  const ranAt = (id: string) => [0, 1, 2].filter((host) => counts(host).includes(id));
  const before = counts(1).length;
  const long = Array.from({ length: 12 }, () => call('wait', 1_000));
  const twice = Array.from({ length: 12 }, () => call('again', 1_000));
  // Its server is a process of its own and runs on: the answers wait in the stopped node.
  const atSecond = () =>
    counts(1)
      .slice(before)
      .map((id) => id.slice(0, 4));
  await until(() => ['wait', 'agai'].every((tool) => atSecond().includes(tool)), {
    timeoutMs: 5_000,
    what: 'both there',
  });
  second.signal('SIGSTOP');
  const stoppedMs = performance.now();
  try {
    const early = await load(
      () => performance.now() > stoppedMs + 3_500,
      () => 'again',
      0,
    );
    expect(early.filter(({ code }) => code !== '')).toEqual([]);
    expect(early.filter(({ begunMs }) => begunMs > stoppedMs + 2_000).length).toBeGreaterThan(100);
    const moved = await Promise.all(twice);
    expect(moved.filter(({ code }) => code !== '')).toEqual([]);
    // Of the second that such a call takes, and 2 s.
    expect(Math.max(...moved.map(({ endedMs }) => endedMs)) - stoppedMs).toBeLessThan(3_000);
    expect(Math.max(...early.map(({ begunMs, endedMs }) => endedMs - begunMs))).toBeLessThan(2_000);
    console.error(
      Math.max(...moved.map(({ endedMs }) => endedMs)) - stoppedMs,
      Math.max(...early.map(({ begunMs, endedMs }) => endedMs - begunMs)),
      early.length,
    );
    expect(moved.filter(({ id }) => ranAt(id).length === 2).length).toBeGreaterThan(0);
  } finally {
    second.signal('SIGCONT');
  }
  const answered = await Promise.all(long);
  expect(answered.filter(({ code }) => code !== '')).toEqual([]);
  expect(answered.filter(({ id }) => ranAt(id).length !== 1)).toEqual([]);
  expect(answered.filter(({ begunMs, endedMs }) => endedMs - begunMs > 3_000).length).toBeGreaterThan(0);
}, 60_000);

test('a host killed under load: nothing runs twice that may not, what is unknown is told as unknown, and within 2 s all is well', async () => {
  const [, , third] = hosts as [ProcessNode, ProcessNode, ProcessNode];
  let killedMs = Number.POSITIVE_INFINITY;
  const enough = () => performance.now() > killedMs + 5_000;
  let turn = 0;
  const loading = load(enough, () => (turn++ % 2 === 0 ? 'add' : 'again'), 20);
  const warm = counts(2).length + 20;
  await until(() => counts(2).length > warm, { timeoutMs: 20_000, what: 'the third host to be busy' });
  killedMs = performance.now();
  await third.kill();
  const calls = await loading;
  const ran = Map.groupBy([0, 1, 2].flatMap(counts), (id) => id);
  const times = (id: string) => ran.get(id)?.length ?? 0;

  const adds = calls.filter(({ id }) => id.startsWith('add'));
  expect(adds.filter(({ id }) => times(id) > 1)).toEqual([]);
  expect(adds.filter(({ id, code }) => code === '' && times(id) !== 1)).toEqual([]);
  const failed = adds.filter(({ code }) => code !== '');
  expect(new Set(failed.map(({ code }) => code))).toEqual(new Set(failed.length === 0 ? [] : ['OUTCOME_UNKNOWN']));
  expect(calls.filter(({ id, code }) => id.startsWith('again') && code !== '')).toEqual([]);
  const late = failed.filter(({ begunMs }) => begunMs > killedMs + 2_000);
  expect(late).toEqual([]);
  expect(calls.filter(({ begunMs }) => begunMs > killedMs + 2_000).length).toBeGreaterThan(100);
}, 60_000);
