import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { EVERYTHING } from '../support/agents.ts';
import { attributesOf, Collector, type ReceivedSpan } from '../support/collector.ts';
import { cleanUp, dataFolder, ProcessNode, ROOT } from '../support/process-node.ts';
import { until } from '../support/until.ts';

const TINY = join(ROOT, 'test', 'fixtures', 'servers', 'tiny.mjs');
const CLIENTS_TRACE = '0af7651916cd43dd8448eb211c80319c';
const CLIENTS_SPAN = 'b7ad6b7169203331';

let collector: Collector;
let serving: ProcessNode;
let asking: ProcessNode;
let token: string;

beforeAll(async () => {
  collector = await Collector.listen();
  const telemetry = { otlp: { endpoint: collector.endpoint, headersFile: 'collector.json', sampleRatio: 0 } };
  const folder = (name: string): string => {
    const data = dataFolder(name);
    writeFileSync(join(data, 'collector.json'), '{"authorization":"Bearer of-the-collector"}', { mode: 0o600 });
    return data;
  };
  const mcpServers = {
    tiny: { command: process.execPath, args: [TINY] },
    everything: { command: process.execPath, args: [EVERYTHING, 'stdio'] },
  };
  serving = await ProcessNode.start({ data: folder('serving'), config: { telemetry, mcpServers } });
  const { invite } = await serving.json<{ invite: string }>(['invite']);
  asking = await ProcessNode.start({ data: folder('asking'), config: { telemetry }, args: ['--join', invite] });
  token = await asking.token();
  await until(async () => (await call('tiny__echo', {}))?.result !== undefined, { timeoutMs: 15_000 });
  await until(async () => (await ask('resources/read', { uri: DOCUMENT })).result !== undefined, { timeoutMs: 15_000 });
}, 60_000);

afterAll(async () => {
  await cleanUp();
  await collector?.close();
});

interface Reply {
  readonly result?: {
    readonly isError?: boolean;
    /** What the fixture's tool `echo` was given beside its arguments. */
    readonly structuredContent?: {
      readonly meta: { readonly traceparent?: string; readonly tracestate?: string } | null;
    };
  };
  readonly error?: { readonly code: number };
}

const DOCUMENT = 'demo://resource/static/document/architecture.md';

const call = (name: string, args: object, headers: Record<string, string> = {}): Promise<Reply> =>
  ask('tools/call', { name, arguments: args }, { 'mcp-name': name, ...headers });

async function ask(method: string, params: object, headers: Record<string, string> = {}): Promise<Reply> {
  return (await (await post(method, params, headers)).json()) as Reply;
}

async function post(
  method: string,
  params: object,
  headers: Record<string, string> = {},
  gateway: string = asking.ready.gateway,
): Promise<Response> {
  const meta = {
    'io.modelcontextprotocol/protocolVersion': '2026-07-28',
    'io.modelcontextprotocol/clientInfo': { name: 'test', version: '1' },
    'io.modelcontextprotocol/clientCapabilities': {},
  };
  const named = 'uri' in params ? { 'mcp-name': String(params.uri) } : {};
  return fetch(gateway, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${token}`,
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      'mcp-protocol-version': '2026-07-28',
      'mcp-method': method,
      ...named,
      ...headers,
    },
    body: JSON.stringify({
      jsonrpc: '2.0',
      id: 7,
      method,
      params: { ...params, _meta: meta },
    }),
    signal: AbortSignal.timeout(10_000),
  });
}

const inTrace = (traceId: string): ReceivedSpan[] => collector.spans.filter((span) => span.traceId === traceId);
const traced = (traceId: string, flags = '01') => ({ traceparent: `00-${traceId}-${CLIENTS_SPAN}-${flags}` });

describe('a call that its caller traces', () => {
  test('is one chain of spans from the gateway over the hop to the server', async () => {
    const reply = await call(
      'tiny__echo',
      { message: 'a secret of the caller' },
      {
        ...traced(CLIENTS_TRACE),
        tracestate: 'rojo=00f067aa0ba902b7,congo=t61rcWkgMzE',
      },
    );
    const spans = await until(() => (inTrace(CLIENTS_TRACE).length >= 4 ? inTrace(CLIENTS_TRACE) : undefined), {
      timeoutMs: 15_000,
    });
    expect(collector.problems).toEqual([]);
    expect(spans).toHaveLength(4);
    const child = (of: string): ReceivedSpan => {
      const found = spans.filter(({ parentSpanId }) => parentSpanId === of);
      expect(found).toHaveLength(1);
      return found[0] as ReceivedSpan;
    };
    const gateway = child(CLIENTS_SPAN);
    const hop = child(gateway.spanId);
    const served = child(hop.spanId);
    const backend = child(served.spanId);
    expect([gateway.kind, hop.kind, served.kind, backend.kind]).toEqual([2, 3, 2, 3]);
    expect(new Set(spans.map(({ name }) => name))).toEqual(new Set(['tools/call echo']));
    expect(attributesOf(gateway)).toMatchObject({
      'mcp.method.name': 'tools/call',
      'gen_ai.operation.name': 'execute_tool',
      'gen_ai.tool.name': 'echo',
      'village.side': 'call',
      'village.server': 'tiny',
      'village.outcome': 'ok',
    });
    expect(attributesOf(hop)).toMatchObject({ 'network.transport': 'tcp', 'village.peer': serving.ready.node_id });
    expect(attributesOf(served)).toMatchObject({ 'village.side': 'serve' });
    expect(attributesOf(backend)).toMatchObject({ 'network.transport': 'pipe' });
    // Its parent is in another process: 0x300 says that this is known, and so.
    expect([gateway.flags, hop.flags, served.flags, backend.flags]).toEqual([0x301, 0x101, 0x301, 0x101]);
    expect(new Set(spans.map((span) => attributesOf(span)['village.call_id'])).size).toBe(1);
    expect(reply.result?.structuredContent?.meta).toMatchObject({
      traceparent: `00-${CLIENTS_TRACE}-${backend.spanId}-01`,
      tracestate: 'rojo=00f067aa0ba902b7,congo=t61rcWkgMzE',
    });
    const said = collector.received.map((one) => one.body).join('');
    expect(said).not.toContain('a secret of the caller');
    expect(said).not.toContain(token);
    for (const { headers } of collector.received) expect(headers.authorization).toBe('Bearer of-the-collector');
  });

  test('ends its spans as the call ended', async () => {
    const failing = 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa1';
    const unknown = 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa2';
    expect((await call('tiny__fail', {}, traced(failing))).result?.isError).toBe(true);
    expect((await call('tiny__invented', {}, traced(unknown))).error?.code).toBe(-32602);
    await until(() => inTrace(failing).length === 4 && inTrace(unknown).length === 1, { timeoutMs: 15_000 });
    for (const span of inTrace(failing)) {
      expect(span.status).toEqual({ code: 2 });
      expect(attributesOf(span)).toMatchObject({ 'village.outcome': 'tool_error', 'error.type': 'tool_error' });
    }
    const [span] = inTrace(unknown);
    // What no server has is a name of the caller's making.
    expect(span?.name).toBe('tools/call');
    expect(attributesOf(span as ReceivedSpan)).toMatchObject({
      'error.type': '-32602',
      'rpc.response.status_code': '-32602',
    });
    expect(collector.received.map(({ body }) => body).join('')).not.toContain('invented');
    expect(collector.problems).toEqual([]);
  });
});

/** The spans of a trace, each hung from the one before; fails where they are not one chain of so many. */
async function chainOf(traceId: string, length: number): Promise<readonly ReceivedSpan[]> {
  await until(() => inTrace(traceId).length >= length, { timeoutMs: 15_000, what: `${length} spans of ${traceId}` });
  const chain: ReceivedSpan[] = [];
  for (let parent = CLIENTS_SPAN; ; ) {
    const [next, other] = inTrace(traceId).filter(({ parentSpanId }) => parentSpanId === parent);
    expect(other).toBeUndefined();
    if (next === undefined) break;
    chain.push(next);
    parent = next.spanId;
  }
  expect(chain).toHaveLength(inTrace(traceId).length);
  expect(chain).toHaveLength(length);
  return chain;
}

describe('what is asked that is no tool', () => {
  const read = 'dddddddddddddddddddddddddddddd01';
  const prompt = 'dddddddddddddddddddddddddddddd02';
  const subscribed = 'dddddddddddddddddddddddddddddd03';
  const list = 'dddddddddddddddddddddddddddddd04';
  const wrongList = 'dddddddddddddddddddddddddddddd05';

  test('is one chain of spans over the hop as well: reading a resource, a prompt, a subscription', async () => {
    expect((await ask('resources/read', { uri: DOCUMENT }, traced(read))).result).toBeDefined();
    const name = 'everything__simple-prompt';
    expect((await ask('prompts/get', { name }, { 'mcp-name': name, ...traced(prompt) })).result).toBeDefined();
    const notifications = { resourceSubscriptions: [DOCUMENT] };
    const listening = await post('subscriptions/listen', { notifications }, traced(subscribed));
    expect(listening.status).toBe(200);
    const kinds = [2, 3, 2, 3];
    for (const [traceId, spanName] of [
      [read, 'resources/read'],
      [prompt, 'prompts/get simple-prompt'],
      [subscribed, 'resources/subscribe'],
    ] as const) {
      const chain = await chainOf(traceId, 4);
      expect(chain.map(({ kind }) => kind)).toEqual(kinds);
      expect(new Set(chain.map((span) => span.name))).toEqual(new Set([spanName]));
    }
    await listening.body?.cancel();
    // What is read is none of a collector's business, nor is where it lies.
    expect(collector.received.map(({ body }) => body).join('')).not.toContain('architecture.md');
    expect(collector.problems).toEqual([]);
  });

  test('is a span of this node where it answers from what it knows: a list', async () => {
    expect((await ask('tools/list', {}, traced(list))).result).toBeDefined();
    expect((await ask('tools/list', { cursor: 'x' }, traced(wrongList))).error).toBeDefined();
    const [answered] = await chainOf(list, 1);
    expect(answered).toMatchObject({ name: 'tools/list', kind: 2, flags: 0x301, status: {} });
    expect(attributesOf(answered as ReceivedSpan)).toMatchObject({
      'mcp.method.name': 'tools/list',
      'village.side': 'call',
      'village.outcome': 'ok',
    });
    const [refused] = await chainOf(wrongList, 1);
    expect(refused?.status).toEqual({ code: 2 });
    expect(collector.problems).toEqual([]);
  });
});

describe('what a call sets going', () => {
  test('is part of its trace: the search for a place', async () => {
    const deploying = 'dddddddddddddddddddddddddddddd06';
    const wanted = {
      agent_type: 'sage',
      shard_id: 'of-a-trace',
      wait: 'accepted',
      resource_allocation: { cpu_cores: 0.1, memory_gb: 0.125 },
    };
    // The preset agents' keys are with the founder.
    const authorization = `Bearer ${await serving.token('magi')}`;
    const headers = { authorization, 'mcp-name': 'deploy_agent_shard', ...traced(deploying) };
    const params = { name: 'deploy_agent_shard', arguments: wanted };
    const replied = await post('tools/call', params, headers, serving.ready.gateway);
    expect(((await replied.json()) as Reply).error).toBeUndefined();
    const spans = await until(
      () => (inTrace(deploying).some(({ name }) => name === 'fog deploy') ? inTrace(deploying) : undefined),
      { timeoutMs: 15_000 },
    );
    const [gateway] = spans.filter(({ parentSpanId }) => parentSpanId === CLIENTS_SPAN);
    const [deploy] = spans.filter(({ parentSpanId }) => parentSpanId === gateway?.spanId);
    expect([gateway?.name, deploy?.name, deploy?.kind]).toEqual(['tools/call deploy_agent_shard', 'fog deploy', 1]);
    expect(collector.received.map(({ body }) => body).join('')).not.toContain('"of-a-trace"');
    expect(collector.problems).toEqual([]);
  });
});

describe('a call that is not to be traced', () => {
  test.each([
    ['its caller says so', `00-bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb1-${CLIENTS_SPAN}-00`],
    ['it says nothing, and the ratio is 0', undefined],
    ['what it says is not well-formed', `00-BBBBBBBBBBBBBBBBBBBBBBBBBBBBBBB1-${CLIENTS_SPAN}-01`],
  ])('sends nothing: %s', async (_why, traceparent) => {
    const before = await settled();
    const reply = await call('tiny__echo', {}, traceparent === undefined ? {} : { traceparent });
    const passedOn = traceparent?.endsWith('-00') === true ? traceparent : undefined;
    expect(reply.result?.structuredContent?.meta?.traceparent).toBe(passedOn);
    expect(await settled()).toBe(before);
  });
});

describe('a node that is stopped', () => {
  test('sends the spans of its last call first', async () => {
    const last = 'ccccccccccccccccccccccccccccccc1';
    await call('tiny__echo', {}, traced(last));
    expect(await asking.stop()).toBe(0);
    expect(inTrace(last).filter((span) => attributesOf(span)['village.side'] === 'call')).toHaveLength(1);
  });
});

/** How many spans there are once a call made now has told of itself: what came before it is there by then. */
async function settled(): Promise<number> {
  const marker = randomBytes(16).toString('hex');
  await call('tiny__echo', {}, traced(marker));
  await until(() => inTrace(marker).length === 4, { timeoutMs: 15_000 });
  return collector.spans.filter(({ traceId }) => !markers.add(marker).has(traceId)).length;
}
const markers = new Set<string>();
