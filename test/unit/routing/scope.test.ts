import { describe, expect, test } from 'vitest';
import { includes, spelledScope } from '../../../src/permissions/index.ts';
import { scopeOf, scopeOfAll, scopeOfRequest } from '../../../src/routing/index.ts';

const third = { kind: 'third_party', alias: 'everything' } as const;
const role = { kind: 'role', alias: 'p2p' } as const;
const spelled = (...asked: Parameters<typeof scopeOfRequest>) => spelledScope(scopeOfRequest(...asked));
const request = (method: string, params: Record<string, unknown>) =>
  ({ jsonrpc: '2.0', id: 1, method, params }) as const;

describe('what a request needs its token to include', () => {
  test.each([
    ['tools/call', { name: 'echo' }, 'everything__echo', 'echo'],
    ['prompts/get', { name: 'hello' }, 'everything__hello', 'hello'],
    ['completion/complete', { ref: { type: 'ref/prompt', name: 'hello' } }, 'everything__hello', 'hello'],
    ['completion/complete', { ref: { type: 'ref/resource', uri: 'a://b' } }, 'everything__*', 'p2p__*'],
    ['completion/complete', { ref: { type: 'ref/resource', uri: 'a://b', name: 'x' } }, 'everything__*', 'p2p__*'],
    ['resources/read', { uri: 'a://b', name: 'echo' }, 'everything__*', 'p2p__*'],
    ['resources/subscribe', { uri: 'a://b' }, 'everything__*', 'p2p__*'],
    ['tools/call', { name: 7 }, 'everything__*', 'p2p__*'],
    ['tasks/get', { taskId: 't', name: 'echo' }, 'everything__*', 'p2p__*'],
  ])('%s %j of a third-party server: %s; of a role: %s', (method, params, ofServer, ofRole) => {
    expect(spelled(third, request(method, params))).toBe(ofServer);
    expect(spelled(role, request(method, params))).toBe(ofRole);
  });

  test('is, of a task, what its tool needs', () => {
    expect(spelled(third, request('tasks/get', { taskId: 't' }), 'research')).toBe('everything__research');
  });

  test('is spelled as agents see it, whatever the server calls it', () => {
    expect(spelledScope(scopeOf(third, 'get.sum/now'))).toBe('everything__get_sum_now');
    const long = spelledScope(scopeOf(third, 'x'.repeat(80)));
    expect(long).toMatch(/^everything__x{43}-[0-9a-f]{8}$/);
    expect(includes(long, scopeOf(third, 'x'.repeat(80)))).toBe(true);
    expect(includes('everything__x*', scopeOf(third, 'x'.repeat(80)))).toBe(true);
  });

  test('is for resources more than any one tool', () => {
    expect(includes('everything__*', scopeOfAll(third))).toBe(true);
    expect(includes('everything__echo', scopeOfAll(third))).toBe(false);
    expect(includes('everything__e*', scopeOfAll(third))).toBe(false);
  });
});
