import { describe, expect, test } from 'vitest';
import { BLOCKED_KEY, isBlocked } from '../../../node/router/emergency.ts';
import { stopped } from '../../../node/router/gate.ts';
import type { PolicyValue } from '../../../src/constitution/index.ts';

const policy = (value: PolicyValue | undefined) => ({
  value: (key: string) => (key === BLOCKED_KEY ? value : undefined),
});

describe('an emergency', () => {
  test.each([
    ['nothing decided', undefined, 'memory', false],
    ['an empty list', [], 'memory', false],
    ['its name', ['memory'], 'memory', true],
    ['another’s name', ['memory'], 'files', false],
    ['everything', ['*'], 'memory', true],
    ['everything, which never is governance', ['*'], 'governance', false],
    ['everything, which never is the mesh', ['*'], 'p2p', false],
    ['what is no list', 'memory', 'memory', false],
  ] as const)('with %s', (_what, value, server, blocked) => {
    expect(isBlocked(server, policy(value as PolicyValue | undefined))).toBe(blocked);
  });

  test('keeps a call away that is allowed otherwise, and says that it is one', () => {
    const principal = {
      agentId: 'sage',
      role: 'x',
      level: 'GOVERNANCE',
      permissions: undefined,
      tokenId: '',
      issuedAtMs: 0,
      expiresAtMs: 1,
      homeNode: 'a',
    } as const;
    const question = {
      request: { jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'look' } },
      server: 'memory',
      target: 'look',
      permission: { level: 'READ_ONLY', auditRequired: false },
      context: { principal },
    } as unknown as Parameters<typeof stopped>[0];
    expect(stopped(question, { blocked: true })).toMatchObject({ error: 'BLOCKED', reason: 'emergency' });
    expect(stopped(question, { blocked: false })).toBeUndefined();
  });
});
