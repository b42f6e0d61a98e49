import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { agentV1, EVERYTHING } from '../support/agents.ts';
import { initialize } from '../support/echo-gateway.ts';
import { open as openStream, send } from '../support/http.ts';
import { cleanUp, dataFolder, ProcessNode, ROOT, run } from '../support/process-node.ts';
import { until } from '../support/until.ts';

const everything = { command: process.execPath, args: [EVERYTHING, 'stdio'] };
let node: ProcessNode;
let token: string;

beforeAll(async () => {
  node = await ProcessNode.start({ name: 'whole', config: { mcpServers: { everything }, tools: { mode: 'search' } } });
  token = await node.token();
  await until(async () => JSON.stringify(await node.json(['tools', 'list'])).includes('everything__echo'), {
    timeoutMs: 20_000,
  });
}, 60_000);
afterAll(() => cleanUp());

test('an agent of a node in search mode finds a tool and calls it, and may ask for the whole list', async () => {
  const agent = await agentV1(node.ready.gateway, token);
  expect((await agent.listTools()).tools.map(({ name }) => name)).toEqual(['find_tools', 'call_tool']);
  const found = await agent.callTool({ name: 'find_tools', arguments: { query: 'sum of two numbers' } });
  const [best] = (found.structuredContent as { tools: { name: string }[] }).tools;
  expect(best?.name).toBe('everything__get-sum');
  const given = { name: best?.name, arguments: { a: 20, b: 22 } };
  expect(JSON.stringify((await agent.callTool({ name: 'call_tool', arguments: given })).content)).toContain('42');
  await agent.close();
  const whole = await agentV1(`${node.ready.gateway}?mode=list`, token);
  expect((await whole.listTools()).tools.length).toBeGreaterThan(10);
  await whole.close();
});

test('the registry names the servers of the village, each with an address that works', async () => {
  const headers = { Authorization: `Bearer ${token}` };
  const { json } = await send(new URL('/v0.1/servers?search=everything', node.ready.gateway).href, { headers });
  const [{ server }] = json.servers;
  expect(server).toMatchObject({ name: 'local.village/everything', title: 'Everything Reference Server' });
  const agent = await agentV1(`${server.remotes[0].url}?mode=list`, token);
  expect((await agent.listTools()).tools.map(({ name }) => name)).toContain('get-sum');
  await agent.close();
});

test('a revoked agent loses its open stream at once', async () => {
  const headers = { Authorization: `Bearer ${token}`, Accept: 'application/json, text/event-stream' };
  const asked = { method: 'POST', headers: { ...headers, 'Content-Type': 'application/json' } };
  const begun = await send(node.ready.gateway, { ...asked, body: JSON.stringify(initialize('2025-11-25')) });
  const session = { ...headers, 'Mcp-Session-Id': String(begun.headers['mcp-session-id']) };
  const stream = await openStream(node.ready.gateway, { headers: session });
  const ended = once(stream.resume(), 'end');
  await node.json(['revoke', 'agent', 'local']);
  await ended;
  expect((await send(node.ready.gateway, { headers: session })).status).toBe(401);
  token = await node.token();
});

test('what `client connect` writes is a program that serves MCP from anywhere, with an empty environment', async () => {
  const home = dataFolder('home');
  const verb = [join(ROOT, 'node/main.ts'), 'client', 'connect', 'cursor', '--data', node.data];
  const ran = await run(process.execPath, verb, { env: { HOME: home } });
  expect(ran.code, ran.stderr).toBe(0);
  const { command, args } = JSON.parse(readFileSync(join(home, '.cursor/mcp.json'), 'utf8')).mcpServers.village;
  const bridge = spawn(command, args, { cwd: '/', env: {}, stdio: ['pipe', 'pipe', 'inherit'] });
  const lines = createInterface({ input: bridge.stdout });
  bridge.stdin.write(`${JSON.stringify(initialize('2025-11-25'))}\n`);
  const [text] = await once(lines, 'line');
  expect(JSON.parse(String(text)).result.serverInfo.name).toBe('village');
  bridge.stdin.end();
  await once(bridge, 'exit');
});
