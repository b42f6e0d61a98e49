import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { agentV1 } from '../support/agents.ts';
import { bearer, stateless } from '../support/echo-gateway.ts';
import { send } from '../support/http.ts';
import { cleanUp, dataFolder, ProcessNode, ROOT } from '../support/process-node.ts';
import { until } from '../support/until.ts';

const TINY = join(ROOT, 'test/fixtures/servers/tiny.mjs');
const away = -32006;
const unknown = -32602;

/** While this file is there, the server ends as soon as it begins. */
const off = join(dataFolder('switch'), 'off');
const program = `if (require('fs').existsSync(${JSON.stringify(off)})) process.exit(3); import(${JSON.stringify(TINY)});`;
const config = { mcpServers: { moody: { command: process.execPath, args: ['-e', program] } } };

let a: ProcessNode;
let b: ProcessNode;

beforeAll(async () => {
  writeFileSync(off, '');
  a = await ProcessNode.start({ name: 'a', config });
  const { invite } = await a.json<{ invite: string }>(['invite']);
  b = await ProcessNode.start({ name: 'b', args: ['--join', invite] });
}, 60_000);
afterAll(() => cleanUp());

/** One request of an agent of `b`, without a session. */
async function asked(token: string, method: string, params: Record<string, unknown> = {}, path = '/mcp') {
  const [message, { headers }] = stateless(1, method, params);
  const url = new URL(path, b.ready.gateway).href;
  return send(url, { method: 'POST', headers: { ...bearer(token), ...headers }, body: JSON.stringify(message) });
}
const echo = { name: 'moody__echo', arguments: { message: 'well?' } };
const called = async (token: string) => (await asked(token, 'tools/call', echo)).json;
const missing = async (token: string) => (await asked(token, 'tools/list')).json.result._meta?.['village.mesh/missing'];

test('a node that comes while a server has yet to come up knows that it is away, and tells those who may use it', async () => {
  await b.json(['agents', 'add', 'helper', '--level', 'READ_ONLY']);
  const [agent, helper] = [await b.token(), await b.token('helper')];
  await until(async () => (await missing(agent)) !== undefined, { timeoutMs: 10_000 });
  const server = { server: 'moody', node: a.ready.node_id, problem: 'its node says that it does not serve it now' };
  expect(await missing(agent)).toMatchObject([server]);
  const error = { code: away, message: expect.stringContaining(server.problem), data: { retryable: true } };
  expect(await called(agent)).toMatchObject({ error });
  for (const method of ['tools/list', 'server/discover']) {
    expect((await asked(agent, method, {}, '/mcp/moody')).json, method).toMatchObject({ error: { code: away } });
    expect((await asked(helper, method, {}, '/mcp/moody')).json, method).toMatchObject({ error: { code: unknown } });
  }
  const path = new URL('/mcp/moody', b.ready.gateway).href;
  await expect(agentV1(path, agent)).rejects.toMatchObject({ code: away });
  expect(await b.json(['status'])).toMatchObject({ missing: [server] });
  // Who may not use it does not learn that it is there at all.
  expect(await missing(helper)).toBeUndefined();
  expect(await called(helper)).toMatchObject({ error: { code: unknown } });
}, 30_000);

test('it is there as soon as it came up', async () => {
  const agent = await b.token();
  rmSync(off);
  await until(async () => (await missing(agent)) === undefined, { timeoutMs: 40_000 });
  expect(await called(agent)).toMatchObject({ result: { content: [{ text: 'well?' }] } });
}, 60_000);

test('a node that died and comes back while the other is gone knows what it knew', async () => {
  await b.kill();
  await a.kill();
  b = await ProcessNode.start({ data: b.data });
  const agent = await b.token();
  const server = {
    server: 'moody',
    node: a.ready.node_id,
    problem: 'its node was not heard of since this node started',
  };
  expect(await missing(agent)).toMatchObject([server]);
  expect(await called(agent)).toMatchObject({
    error: { code: away, message: expect.stringContaining(server.problem) },
  });
}, 60_000);

test('it works when the other returns, and is unknown once that said goodbye, also to a later run', async () => {
  a = await ProcessNode.start({ data: a.data });
  let agent = await b.token();
  await until(async () => (await called(agent)).result !== undefined, { timeoutMs: 30_000 });
  await a.stop();
  await until(async () => (await called(agent)).error?.code === unknown, { timeoutMs: 15_000 });
  await b.stop();
  b = await ProcessNode.start({ data: b.data });
  agent = await b.token();
  expect(await missing(agent)).toBeUndefined();
  expect(await called(agent)).toMatchObject({ error: { code: unknown } });
}, 90_000);
