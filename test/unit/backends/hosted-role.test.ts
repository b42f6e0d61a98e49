import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import type { BackendContext } from '../../../node/backends/backend.ts';
import { HostedRole } from '../../../node/backends/hosted-role.ts';
import type { Role, RoleTool } from '../../../node/backends/role.ts';
import { Reports } from '../../support/mesh-hosts.ts';

const context = (era: 'session' | 'stateless' = 'session') =>
  ({ era, signal: AbortSignal.timeout(1_000) }) as BackendContext;
const listeners = new Set<(uri: string) => void>();
const role: Role = {
  name: 'library',
  title: 'Library',
  version: '1',
  instructions: '',
  tools: [],
  resources: [
    { uri: 'lib://index', name: 'index', mimeType: 'application/json', ttlMs: 5, read: () => ({ books: 1 }) },
  ],
  templates: [{ uriTemplate: 'lib://book/{id}', name: 'book' }],
  readTemplate: (uri) => (uri === 'lib://book/1' ? { title: 'One' } : undefined),
  prompts: [],
  share: 'local',
  onUpdated: (listener) => {
    listeners.add(listener);
    return () => listeners.delete(listener);
  },
};
const hosted = (changes: Partial<Role> = {}) =>
  new HostedRole({ ...role, ...changes }, { wallMs: () => 0, reporter: new Reports() });

async function ask(server: HostedRole, method: string, uri: string, era?: 'session' | 'stateless') {
  const { body } = await server.request({ jsonrpc: '2.0', id: 1, method, params: { uri } }, context(era));
  return JSON.parse(Buffer.from(body).toString()) as {
    result?: { contents?: { text: string }[] };
    error?: { code: number };
  };
}

describe('a role', () => {
  test('reads what a template names, in both eras, and nothing that it does not', async () => {
    for (const era of ['session', 'stateless'] as const) {
      const read = await ask(hosted(), 'resources/read', 'lib://book/1', era);
      expect(read.result?.contents).toEqual([
        { uri: 'lib://book/1', mimeType: 'application/json', text: '{"title":"One"}' },
      ]);
    }
    expect((await ask(hosted(), 'resources/read', 'lib://book/2')).error?.code).toBe(-32002);
    expect((await ask(hosted(), 'resources/read', 'lib://book/2', 'stateless')).error?.code).toBe(-32602);
  });

  test('that tells of changes can be subscribed to, and says so; another cannot', async () => {
    const server = hosted();
    const heard: string[] = [];
    const stop = server.onResourceUpdated?.((uri) => heard.push(uri));
    expect((await ask(server, 'resources/subscribe', 'lib://index')).result).toEqual({});
    for (const listener of listeners) listener('lib://index');
    stop?.();
    for (const listener of listeners) listener('lib://index');
    expect(heard).toEqual(['lib://index']);
    expect(server.definition().capabilities['resources']).toEqual({ subscribe: true });

    const { onUpdated: _, ...silent } = role;
    const other = new HostedRole(silent, { wallMs: () => 0, reporter: new Reports() });
    expect((await ask(other, 'resources/subscribe', 'lib://index')).error?.code).toBe(-32601);
    expect(other.onResourceUpdated).toBeUndefined();
    expect(other.definition().capabilities['resources']).toEqual({});
  });

  test('says what is wrong with arguments in a few KiB, whatever they are', async () => {
    const tool: RoleTool = {
      name: 'lend',
      description: '',
      input: z.strictObject({ books: z.array(z.number()) }),
      output: z.strictObject({}),
      handle: () => ({ kind: 'result', value: {} }),
    } as unknown as RoleTool;
    const server = hosted({ tools: [tool] });
    const refusal = async (args: unknown) => {
      const params = { name: 'lend', arguments: args };
      const { body } = await server.request({ jsonrpc: '2.0', id: 1, method: 'tools/call', params }, context());
      const { result } = JSON.parse(Buffer.from(body).toString());
      return { length: body.length, ...result.structuredContent };
    };
    const many = Object.fromEntries(Array.from({ length: 10_000 }, (_, at) => [`unknown ${at}`, 1]));
    const long = { books: [], ['k'.repeat(1_000_000)]: 1 };
    const wrong = { books: Array.from({ length: 10_000 }, () => 'x') };
    for (const args of [many, long, wrong]) {
      const { length, code, issues } = await refusal(args);
      expect({ code, issues: issues.length > 0 && issues.length <= 8 }).toEqual({
        code: 'INVALID_ARGUMENTS',
        issues: true,
      });
      expect(length).toBeLessThan(16_384);
    }
    expect(await refusal({ books: [], shelf: 1 })).toMatchObject({ field: 'shelf', issues: [{ field: 'shelf' }] });
  });

  test('stays at home where it says so', () => {
    expect([hosted().share, hosted({ share: undefined }).share]).toEqual(['local', 'mesh']);
  });
});
