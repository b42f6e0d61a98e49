import { describe, expect, test } from 'vitest';
import type { Job } from '../../../node/router/job.ts';
import { shed } from '../../../node/router/overload.ts';
import type { Level } from '../../../src/permissions/index.ts';
import { agentNamed } from '../../support/router-network.ts';

const ORDER = ['READ_ONLY', 'OPERATOR', 'COORDINATOR', 'GOVERNANCE', 'EMERGENCY'] as const;

interface Asked {
  readonly by?: Level;
  readonly needs?: Level;
  readonly tool?: string;
  readonly server?: string;
  readonly kind?: 'role' | 'third_party';
}

function refusal(levels: number, asked: Asked = {}) {
  const { by = 'READ_ONLY', needs = 'READ_ONLY', tool = 'work', server = 'tools', kind = 'role' } = asked;
  const job = {
    ...{ context: { principal: agentNamed('ann', 'aa', by) }, permission: { level: needs, auditRequired: false } },
    ...{ target: tool, server, service: { kind } },
  };
  return shed(job as unknown as Job, { levels });
}

describe('a node under pressure', () => {
  test.each([
    [0, ORDER],
    [1, ORDER.slice(1)],
    [2, ORDER.slice(2)],
    [3, ORDER.slice(3)],
    [4, ORDER.slice(4)],
  ])('with %d levels turned away serves %j', (levels, served) => {
    expect(ORDER.filter((by) => refusal(levels, { by }) === undefined)).toEqual(served);
  });

  test('says when to come again, and to whom it says so', () => {
    expect(refusal(2, { by: 'OPERATOR' })).toMatchObject({
      ...{ error: 'RATE_LIMITED', reason: 'overload', retryAfterMs: 2_000 },
      message: expect.stringContaining('up to OPERATOR'),
    });
  });

  test.each([
    ['of the health of a node', { tool: 'mesh_ping', server: 'p2p' }],
    ['of the health of the village', { tool: 'network_health', server: 'p2p' }],
    ['to vote', { tool: 'governance_vote', server: 'governance' }],
    ['of the emergency', { tool: 'emergency_override', server: 'governance', needs: 'EMERGENCY' }],
  ] as const)('lets a call through to the last, whoever asks: %s', (_what, asked) => {
    expect(refusal(4, { by: 'READ_ONLY', ...asked })).toBeUndefined();
  });

  test('is not deceived by the name of a tool of somebody else', () => {
    for (const tool of ['mesh_ping', 'system_overview', 'governance_vote'])
      expect(refusal(4, { tool, server: 'governance', kind: 'third_party' })).toBeDefined();
  });
});
