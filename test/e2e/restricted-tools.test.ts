import { afterAll, expect, test } from 'vitest';
import type { ServerDefinition } from '../../src/mcp/index.ts';
import { hashDefinition } from '../../src/routing/index.ts';
import { callTool, healthy, host, TINY, tiny } from '../support/hosting.ts';
import { cleanUp } from '../support/process-node.ts';
import { twoNodes } from '../support/two-nodes.ts';

afterAll(cleanUp);

test.each([
  { keys: { includeTools: ['echo', 'pid(any)', 'none'] }, left: ['echo', 'pid'] },
  { keys: { includeTools: [] }, left: [] },
  { keys: { includeTools: ['echo', 'pid'], excludeTools: ['pid'] }, left: ['echo'] },
  { keys: { includeTools: ['echo', 'pid'], tools: ['pid', 'env'] }, left: ['pid'] },
  { keys: { tools: ['echo', 'pid'], disabledTools: ['echo'] }, left: ['pid'] },
])('of a running server those tools are offered that $keys leaves: $left', async ({ keys, left }) => {
  await using hosted = await host({ tiny: tiny('plain', keys) });
  const server = await hosted.until('tiny', healthy);
  expect(server.definition()?.tools.map(({ name }) => name)).toEqual(left);
  for (const name of ['echo', 'pid']) {
    const { error } = await callTool(server, name, { message: 'x' });
    expect(error?.code).toBe(left.includes(name) ? undefined : -32602);
  }
});

test('a tool that is kept back leaves no trace in what other nodes are told, and its definition is as if it were not there', async () => {
  const levels = { toolLevels: { env: 'GOVERNANCE', echo: 'READ_ONLY' }, toolCacheTtlMs: { env: 1_000, echo: 1_000 } };
  const more = { ...levels, idempotent: ['env', 'echo'] };
  const without = { toolLevels: { echo: 'READ_ONLY' }, toolCacheTtlMs: { echo: 1_000 }, idempotent: ['echo'] };
  await using hosted = await host({
    kept: tiny('plain', { ...more, includeTools: ['echo', 'pid'] }),
    plain: tiny('plain', { ...without, tools: ['echo', 'pid'] }),
    less: tiny('plain', { ...more, disabledTools: ['env'] }),
  });
  const offered = async (alias: string) => (await hosted.until(alias, healthy)).definition() as ServerDefinition;
  const [kept, plain, less] = [await offered('kept'), await offered('plain'), await offered('less')];
  expect(JSON.stringify(kept)).not.toContain('env');
  expect(JSON.stringify(hosted.server('kept').access)).not.toContain('env');
  expect(JSON.stringify(less)).not.toContain('env');
  expect(hashDefinition(kept)?.definitionHash).toBe(hashDefinition(plain)?.definitionHash);
});

test('on another node it is neither listed, described, found nor called', async () => {
  const server = { command: process.execPath, args: [TINY, 'plain'], disabledTools: ['pid'], alwaysAllow: ['pid'] };
  const { host: own, far } = await twoNodes({ files: server });
  for (const node of [own, far]) {
    const { tools } = await node.json<{ tools: readonly { readonly name: string }[] }>(['tools', 'list']);
    const names = tools.map(({ name }) => name);
    expect(names).toContain('files__echo');
    expect(names).not.toContain('files__pid');
    expect((await node.cli(['tools', 'describe', 'files__pid'])).code).not.toBe(0);
    expect((await node.cli(['tools', 'call', 'files__pid', '--args', '{}'])).code).not.toBe(0);
    expect((await node.cli(['tools', 'call', 'files__echo', '--args', '{"message":"hi"}'])).code).toBe(0);
  }
  const status = JSON.stringify(await own.json(['status']));
  expect(status).toContain('mcpServers.files.alwaysAllow');
  expect(status).not.toContain('mcpServers.files.disabledTools');
}, 60_000);
