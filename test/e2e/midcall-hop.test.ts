import { Client } from '@modelcontextprotocol/client';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readState } from '../../node/backends/request-state.ts';
import { answeringAgent, overHttp } from '../support/answering-agent.ts';
import { ENVELOPE, stateless } from '../support/echo-gateway.ts';
import { send } from '../support/http.ts';
import { cleanUp, type ProcessNode, ROOT } from '../support/process-node.ts';
import { AMPLE, twoNodes } from '../support/two-nodes.ts';
import { until } from '../support/until.ts';
import { writeFileSync } from 'node:fs';

const fixture = (name: string) => ({ command: process.execPath, args: [join(ROOT, 'test/fixtures/servers', name)] });
const conformance = (name: string) => ({
  command: process.execPath,
  args: [join(ROOT, 'test/fixtures/conformance', name)],
});
const asking = fixture('asking.mjs');
const servers = { asking, session: conformance('session.ts'), stateless: conformance('stateless.ts') };

let host: ProcessNode;
let far: ProcessNode;
let token: string;

beforeAll(async () => {
  ({ host, far } = await twoNodes(servers));
  token = await far.token();
}, 60_000);

afterAll(() => cleanUp());

const CAPABLE = { sampling: {}, elicitation: { form: {}, url: {} }, roots: {} };

/** One request of an agent without a session, on `node`. */
async function ask(node: ProcessNode, params: Record<string, unknown>, agent = token) {
  const [message, { headers }] = stateless(1, 'tools/call', params);
  const capable = { ...ENVELOPE, 'io.modelcontextprotocol/clientCapabilities': CAPABLE };
  const body = JSON.stringify({ ...message, params: { ...params, _meta: capable } });
  const common = { authorization: `Bearer ${agent}`, 'content-type': 'application/json' };
  const accept = 'application/json, text/event-stream';
  const reply = await send(node.ready.gateway, { method: 'POST', headers: { ...headers, ...common, accept }, body });
  return reply.json as { result: Record<string, never>; error: { code: number; message: string } };
}

describe('a hop away', () => {
  test('a server with sessions samples at an SDK client without, by its retry', async () => {
    const shown: unknown[] = [];
    const client = new Client(
      { name: 'modern', version: '1' },
      { capabilities: { sampling: {} }, versionNegotiation: { mode: { pin: '2026-07-28' } } },
    );
    client.setRequestHandler('sampling/createMessage', async ({ params }) => {
      shown.push(params.messages);
      return { role: 'assistant' as const, model: 'm', content: { type: 'text' as const, text: 'of course' } };
    });
    const headers = { authorization: `Bearer ${token}` };
    await client.connect(new StreamableHTTPClientTransport(new URL(far.ready.gateway), { requestInit: { headers } }));
    const result = await client.callTool({ name: 'asking__ask', arguments: { prompt: 'may I?', times: 2 } });
    expect(JSON.stringify(shown)).toContain('may I?');
    expect(shown).toHaveLength(2);
    expect(JSON.stringify(result)).toContain('of course');
    await client.close();
  });

  test('a server without sessions asks a client with one, round after round', async () => {
    const { client, elicited } = await answeringAgent(overHttp(far.ready.gateway, token));
    const name = 'stateless__test_input_required_result_elicitation';
    const result = await client.callTool({ name, arguments: {} });
    expect(elicited).toHaveLength(1);
    expect(JSON.stringify(result)).toContain('Ada');
    await client.close();
  });

  test('a requestState is good only for the agent that got it', async () => {
    const params = { name: 'asking__ask', arguments: { prompt: 'secret' } };
    const first = await ask(far, params);
    const retry = { ...params, requestState: first.result['requestState'], inputResponses: { 'question-1': {} } };
    expect((await ask(host, retry, await host.token())).error.code).toBe(-32602);
    const state = String(first.result['requestState']);
    expect((await ask(far, { ...retry, requestState: `${state}x` })).error.code).toBe(-32602);
    expect((await ask(far, retry)).result).toMatchObject({ resultType: 'complete' });
  });

  test('a call that its agent leaves while it is asked is cancelled at the server, and the client no longer asked', async () => {
    const left = Promise.withResolvers<void>();
    const { client, sampled } = await answeringAgent(overHttp(far.ready.gateway, token), {
      model: () => left.promise.then(() => 'too late'),
    });
    const leave = new AbortController();
    const call = client.callTool({ name: 'asking__ask', arguments: { prompt: 'slow' } }, undefined, {
      signal: leave.signal,
    });
    await until(() => sampled.length === 1);
    leave.abort();
    await expect(call).rejects.toThrow();
    const cancelled = async () => JSON.stringify(await client.callTool({ name: 'asking__cancelled', arguments: {} }));
    await until(async () => /\[\d+/.test(await cancelled()));
    left.resolve();
    await client.close();
  });

  test('of two nodes with the same server, the retry goes to the one where the call waits', async () => {
    writeFileSync(join(far.data, 'village.json'), JSON.stringify({ mcpServers: { asking }, limits: AMPLE }));
    const places = new Set<string>();
    const converse = async () => {
      const params = { name: 'asking__ask', arguments: { prompt: 'where?', ms: 5 } };
      const { requestState } = (await ask(far, params)).result;
      places.add(readState(requestState)?.nodeId ?? 'nowhere');
      const retry = { ...params, requestState, inputResponses: { 'question-1': { seen: true } } };
      expect(JSON.stringify((await ask(far, retry)).result)).toContain('seen');
    };
    // Alone at first: no server is known to ask before it did. What is idle and near is preferred.
    await until(() => converse().then(() => places.has(far.ready.node_id)), { timeoutMs: 15_000 });
    // What waits for its turn at one node sends the next to the other.
    await until(() => Promise.all(Array.from({ length: 6 }, converse)).then(() => places.size === 2), {
      timeoutMs: 15_000,
    });
    expect([...places].toSorted()).toEqual([host.ready.node_id, far.ready.node_id].toSorted());
  }, 30_000);
});
