import { describe, expect, test } from 'vitest';
import type { RouterCall } from '../../../node/gateway/index.ts';
import { SearchMode } from '../../../node/router/index.ts';
import type { Level } from '../../../src/permissions/index.ts';
import { buildCatalogue } from '../../../src/routing/index.ts';
import { EchoRouter } from '../../support/echo-router.ts';
import { genesis } from '../../support/small-village.ts';
import { definition, NODE_A, NODE_B, offer } from '../routing/offers.ts';

const access = (level: Level, tools: Record<string, Level> = {}) => ({ access: { level, tools } });
const catalogue = buildCatalogue(
  [
    offer('paper', NODE_A, {
      definition: definition(['read_page', 'burn_page'], access('OPERATOR', { burn_page: 'GOVERNANCE' })),
    }),
    offer('stone', NODE_B, { definition: definition(['read_stone'], access('READ_ONLY')), definitionHash: 'h2' }),
  ],
  1,
);

function open(
  mode: 'list' | 'search' = 'search',
  missing: readonly { server: string; since: string }[] = [],
  hidden = '',
) {
  const router = new EchoRouter();
  const search = new SearchMode(router, {
    catalogue: () => catalogue,
    policy: () => genesis,
    missing: () => missing,
    hides: ({ ownName }) => ownName === hidden,
    mode: () => mode,
  });
  return { router, search };
}

function call(method: string, params: Record<string, unknown> = {}, more: Partial<RouterCall> = {}): RouterCall {
  return {
    request: { jsonrpc: '2.0', id: 7, method, params },
    principal: {
      agentId: 'gardener',
      role: 'Upkeep',
      level: 'OPERATOR',
      permissions: undefined,
      tokenId: '',
      issuedAtMs: 0,
      expiresAtMs: 1,
      homeNode: 'here',
    },
    era: 'session',
    view: undefined,
    sourceIp: '127.0.0.1',
    sessionId: undefined,
    signal: new AbortController().signal,
    ...more,
  };
}

async function answer(search: SearchMode, asked: RouterCall): Promise<any> {
  return JSON.parse(Buffer.from((await search.handle(asked)).body).toString());
}
const find = (given: Record<string, unknown>, more: Partial<RouterCall> = {}): Promise<any> =>
  answer(open().search, call('tools/call', { name: 'find_tools', arguments: given }, more));
const names = (reply: any): string[] => reply.result.structuredContent.tools.map(({ name }: { name: string }) => name);

describe('in search mode', () => {
  test('the list holds two tools, whatever there is', async () => {
    const reply = await answer(open().search, call('tools/list'));
    expect(reply.id).toBe(7);
    expect(reply.result.tools.map(({ name }: { name: string }) => name)).toEqual(['find_tools', 'call_tool']);
    const stateless = await answer(open().search, call('tools/list', {}, { era: 'stateless' }));
    expect(stateless.result).toMatchObject({ resultType: 'complete', ttlMs: 5000, cacheScope: 'private' });
  });

  test('find_tools returns whole definitions under the names that call_tool takes', async () => {
    const reply = await find({ query: 'read stone' });
    expect(names(reply)).toEqual(['stone__read_stone', 'paper__read_page']);
    expect(reply.result.structuredContent.tools[0]).toEqual({
      name: 'stone__read_stone',
      description: 'does read_stone',
      inputSchema: { type: 'object' },
    });
    expect(JSON.parse(reply.result.content[0].text)).toEqual(reply.result.structuredContent);
  });

  test('find_tools finds only what this agent may call', async () => {
    expect(names(await find({ query: 'page' }))).toEqual(['paper__read_page']);
    const principal = { ...call('x').principal, level: 'READ_ONLY' as const };
    expect(names(await find({ query: 'read page stone' }, { principal }))).toEqual(['stone__read_stone']);
    const narrowed = { ...call('x').principal, permissions: ['paper__burn_page'] };
    expect(names(await find({ query: 'read' }, { principal: narrowed }))).toEqual([]);
  });

  test('find_tools finds nothing that no list shows', async () => {
    const { search } = open('search', [], 'read_stone');
    const found = call('tools/call', { name: 'find_tools', arguments: { query: 'read stone' } });
    expect(names(await answer(search, found))).toEqual(['paper__read_page']);
  });

  test('the list and what is found say which servers are not there', async () => {
    const missing = [{ server: 'wood', since: '2026-01-01T00:00:00.000Z' }];
    const { search } = open('search', missing);
    const found = call('tools/call', { name: 'find_tools', arguments: { query: 'wood' } });
    for (const asked of [call('tools/list'), found]) {
      expect((await answer(search, asked)).result._meta).toEqual({ 'village.mesh/missing': missing });
    }
    expect((await answer(search, { ...found, view: 'stone' })).result._meta).toBeUndefined();
  });

  test('find_tools keeps to a number, a server and a view', async () => {
    expect(names(await find({ query: 'read', limit: 1 }))).toHaveLength(1);
    expect(names(await find({ query: 'read', server: 'paper' }))).toEqual(['paper__read_page']);
    expect(names(await find({ query: 'read', server: 'nowhere' }))).toEqual([]);
    expect(names(await find({ query: 'read' }, { view: 'stone' }))).toEqual(['read_stone']);
  });

  test.each([
    [{}],
    [{ query: 5 }],
    [{ query: 'x'.repeat(1001) }],
    [{ query: 'x', limit: 0 }],
    [{ query: 'x', limit: 51 }],
    [{ query: 'x', limit: 1.5 }],
    [{ query: 'x', server: 1 }],
  ])('find_tools %j is -32602', async (given) => {
    expect((await find(given)).error.code).toBe(-32602);
  });

  test('call_tool goes the way of every call, as the very same caller', async () => {
    const { router, search } = open();
    const ask = async () => ({ result: {} });
    const asked = call(
      'tools/call',
      { name: 'call_tool', arguments: { name: 'echo', arguments: { message: 'hi' } }, _meta: { progressToken: 1 } },
      { ask, view: 'paper', logLevel: 'info' },
    );
    expect((await answer(search, asked)).result.content).toEqual([{ type: 'text', text: 'hi' }]);
    const seen = router.calls[0];
    expect(seen?.request).toEqual({
      jsonrpc: '2.0',
      id: 7,
      method: 'tools/call',
      params: { name: 'echo', arguments: { message: 'hi' }, _meta: { progressToken: 1 } },
    });
    expect(seen).toMatchObject({ principal: asked.principal, view: 'paper', ask, logLevel: 'info', era: 'session' });
    expect(seen?.signal).toBe(asked.signal);
  });

  test.each([[{}], [{ name: 5 }], [{ name: 'x', arguments: 'y' }], [{ name: 'call_tool' }], [{ name: 'find_tools' }]])(
    'call_tool %j is -32602 and goes nowhere',
    async (given) => {
      const { router, search } = open();
      const reply = await answer(search, call('tools/call', { name: 'call_tool', arguments: given }));
      expect([reply.error.code, router.calls.length]).toEqual([-32602, 0]);
    },
  );

  test('a tool may still be called by its own name, and everything else is as ever', async () => {
    const { router, search } = open();
    await search.handle(call('tools/call', { name: 'echo' }));
    await search.handle(call('resources/read', { uri: 'x' }));
    expect(router.calls).toHaveLength(2);
  });
});

test('a caller chooses its mode, whatever is configured', async () => {
  const listed = async (mode: 'list' | 'search', toolsMode?: 'list' | 'search'): Promise<number> =>
    (await answer(open(mode).search, call('tools/list', {}, { toolsMode }))).result.tools.length;
  expect(await listed('list')).toBeGreaterThan(2);
  expect(await listed('list', 'search')).toBe(2);
  expect(await listed('search')).toBe(2);
  expect(await listed('search', 'list')).toBeGreaterThan(2);
});
