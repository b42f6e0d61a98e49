import { describe, expect, test } from 'vitest';
import { PeerBackend } from '../../../node/backends/peer.ts';
import type { CallEnd } from '../../../protocols/mcp/index.ts';
import { echoRequest, principal } from '../../support/mux-peers.ts';

const context = {
  principal: principal(),
  era: 'session',
  callId: Buffer.alloc(16),
  deadlineAt: 0,
  signal: new AbortController().signal,
} as const;

async function repliedTo(end: CallEnd, expiresAtMs = principal().expiresAtMs) {
  const backend = new PeerBackend({ call: async () => end }, { nodeId: 'b', alias: 'everything' });
  const asking = { ...context, principal: { ...context.principal, expiresAtMs } };
  const reply = await backend.request(echoRequest('hi', 7), asking);
  return { ...reply, body: Buffer.from(reply.body).toString() };
}

const FAILURES: readonly (readonly [CallEnd, { code: number; name: string; outcome: string; notStarted?: true }])[] = [
  [
    { kind: 'unsent', because: 'closed' },
    { code: -32011, name: 'NODE_UNREACHABLE', outcome: 'failed', notStarted: true },
  ],
  [
    { kind: 'unsent', because: 'busy' },
    { code: -32006, name: 'NO_HEALTHY_SERVER', outcome: 'failed', notStarted: true },
  ],
  [
    { kind: 'unsent', because: 'too-large' },
    { code: -32008, name: 'TOO_LARGE', outcome: 'failed', notStarted: true },
  ],
  [
    { kind: 'unsent', because: 'no-delegation' },
    { code: -32003, name: 'PERMISSION_DENIED', outcome: 'denied', notStarted: true },
  ],
  [
    { kind: 'refused', because: 'draining' },
    { code: -32011, name: 'NODE_UNREACHABLE', outcome: 'failed', notStarted: true },
  ],
  [
    { kind: 'refused', because: 'delegation-refused' },
    { code: -32003, name: 'PERMISSION_DENIED', outcome: 'denied', notStarted: true },
  ],
  [
    { kind: 'refused', because: 'hash-mismatch' },
    { code: -32603, name: 'INTERNAL_ERROR', outcome: 'failed', notStarted: true },
  ],
  [{ kind: 'lost' }, { code: -32007, name: 'OUTCOME_UNKNOWN', outcome: 'unknown' }],
  [
    { kind: 'silent', sent: true },
    { code: -32007, name: 'OUTCOME_UNKNOWN', outcome: 'unknown' },
  ],
  [
    { kind: 'deadline', sent: true },
    { code: -32009, name: 'DEADLINE_EXCEEDED', outcome: 'unknown' },
  ],
  [
    { kind: 'deadline', sent: false },
    { code: -32009, name: 'DEADLINE_EXCEEDED', outcome: 'failed', notStarted: true },
  ],
  [
    { kind: 'cancelled', sent: false },
    { code: -32007, name: 'OUTCOME_UNKNOWN', outcome: 'unknown' },
  ],
  [
    { kind: 'result', body: Buffer.alloc(0), outcome: 'unknown', reason: 'TOO_LARGE', notStarted: false },
    { code: -32008, name: 'TOO_LARGE', outcome: 'unknown' },
  ],
  [
    { kind: 'result', body: Buffer.alloc(0), outcome: 'failed', reason: 'INTERNAL_ERROR', notStarted: false },
    { code: -32603, name: 'INTERNAL_ERROR', outcome: 'failed' },
  ],
];

describe('a server on another node', () => {
  test.each(FAILURES)('%j becomes a JSON-RPC error that says what is known', async (end, expected) => {
    const reply = await repliedTo(end);
    const { id, error } = JSON.parse(reply.body);
    expect({ id, code: error.code, name: error.data.code, outcome: reply.outcome }).toEqual({
      id: 7,
      code: expected.code,
      name: expected.name,
      outcome: expected.outcome,
    });
    expect(reply.reason).toBe(expected.name);
    expect(reply.notStarted).toBe(expected.notStarted);
    const staysSo = expected.outcome === 'denied' || expected.name === 'TOO_LARGE';
    expect(error.data.retryable).toBe(expected.notStarted === true && !staysSo);
  });

  test('who cannot be spoken for there is told what would change that', async () => {
    const { error } = JSON.parse((await repliedTo({ kind: 'unsent', because: 'no-delegation' })).body);
    expect(error.message).toContain(`cannot speak for ${principal().agentId}`);
    expect(error.data).toMatchObject({ retryable: false, hint: expect.stringContaining('agents key import') });
  });

  test('a result passes as the bytes that came', async () => {
    const body = Buffer.from('{"jsonrpc":"2.0","id":7,"result":{}}');
    const reply = await repliedTo({ kind: 'result', body, outcome: 'ok', reason: '', notStarted: false });
    expect(reply).toMatchObject({ body: body.toString(), outcome: 'ok', reason: '' });
  });
});

test.each<CallEnd>([
  { kind: 'unsent', because: 'no-delegation' },
  { kind: 'refused', because: 'delegation-expired' },
  { kind: 'refused', because: 'unknown-delegation' },
  { kind: 'refused', because: 'delegation-refused' },
])('a call whose token ended on its way is told to bring a new one: %o', async (end) => {
  const reply = await repliedTo(end, Date.now() - 1);
  expect(JSON.parse(reply.body)).toMatchObject({ id: 7, error: { code: -32001, data: { code: 'UNAUTHENTICATED' } } });
  expect(reply).toMatchObject({ outcome: 'denied', notStarted: true });
});
