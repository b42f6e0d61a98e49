import { describe, expect, test } from 'vitest';
import type { CallRequest } from '../../../node/governance/index.ts';
import { unapproved } from '../../../node/router/gate.ts';
import type { Job } from '../../../node/router/job.ts';
import { standingOf } from '../../../node/router/vote-port.ts';
import { runApproved, votePort } from '../../../node/vote-on-calls.ts';
import { parseExactJson } from '../../../src/kernel/index.ts';
import type { RpcRequest } from '../../../src/mcp/index.ts';

const principal = { agentId: 'local@here', homeNode: 'here', issuedAtMs: 5, level: 'OPERATOR', permissions: undefined };
const request: RpcRequest = {
  jsonrpc: '2.0',
  id: 7,
  method: 'tools/call',
  params: { name: 'spend', arguments: { amount: 5 } },
};
const job = (changes: object = {}): Job =>
  ({
    side: 'call',
    request,
    server: 'bank',
    target: 'spend',
    called: 'spend',
    scope: { server: undefined, name: 'spend' },
    peer: '',
    permission: { level: 'OPERATOR', auditRequired: false, requiresApproval: 'minor_change' },
    context: { principal, era: 'session', signal: AbortSignal.timeout(1_000) },
    ...changes,
  }) as unknown as Job;

type Desk = Parameters<typeof votePort>[0];
const calls = { isRunning: () => false, serveOnce: () => undefined };

async function asked(proposeCall: (request: CallRequest) => unknown, changes: object = {}) {
  const desk = { calls, proposeCall: async (one: CallRequest) => proposeCall(one) } as unknown as Desk;
  const reply = await votePort(desk).ask(job(changes));
  return { ...reply, body: JSON.parse(Buffer.from(reply.body).toString()) as Record<string, any> };
}

describe('a call that needs a vote', () => {
  test('is asked about here, served only when approved, and free where the matrix asks for nothing', () => {
    const approved = { isApproved: () => true };
    const not = { isApproved: () => false };
    expect(standingOf(job(), not)).toBe('ask');
    expect(standingOf(job(), approved)).toBe('approved');
    expect(standingOf(job({ side: 'serve' }), not)).toBe('denied');
    expect(standingOf(job({ side: 'serve' }), approved)).toBe('approved');
    expect(standingOf(job(), undefined)).toBe('denied');
    expect(standingOf(job({ permission: { level: 'OPERATOR', auditRequired: false } }), not)).toBe('free');
    expect(standingOf(job({ request: { ...request, method: 'resources/read' } }), not)).toBe('free');
  });

  test('is denied to a peer as any other call that nobody approved', () => {
    const asks = (standing: 'denied' | 'ask') => unapproved(job({ standing }));
    expect(asks('denied')).toMatchObject({ error: 'PERMISSION_DENIED', reason: 'needs-vote' });
    expect(asks('ask')).toBeUndefined();
  });

  test('is answered with the proposal that it became, as a result that is no error', async () => {
    const seen: CallRequest[] = [];
    const value = { proposal_id: 'p', voting_deadline: 'd', required_votes: 1 };
    const { body, outcome } = await asked((one) => (seen.push(one), { kind: 'done', value }));
    expect(seen).toEqual([{ tool: 'spend', arguments: { amount: 5 }, type: 'minor_change' }]);
    expect(body['result'].structuredContent).toMatchObject({
      status: 'awaiting_vote',
      proposal_id: 'p',
      retryable: false,
    });
    expect([body['id'], body['result'].isError, outcome]).toEqual([7, undefined, 'ok']);
  });

  test('is proposed with no number that the vote would round', async () => {
    const args = parseExactJson('{"amount":12345678901234567890}');
    const seen: unknown[] = [];
    const changes = { request: { ...request, params: { name: 'spend', arguments: args } } };
    const { body } = await asked((one) => seen.push(one), changes);
    expect(body['error'].data.code).toBe('INVALID_PARAMS');
    expect(seen).toEqual([]);
  });

  test('is answered with why nobody took it', async () => {
    const refusal = { code: 'NO_SPONSOR', message: 'nobody', retryAfterMs: 10 };
    const { body, outcome } = await asked(() => ({ kind: 'refused', refusal }));
    expect(body['result']).toMatchObject({
      isError: true,
      structuredContent: { code: 'NO_SPONSOR', retry_after_ms: 10 },
    });
    expect(outcome).toBe('tool_error');
    const failed = await asked(() => {
      throw new Error('the disk');
    });
    expect(failed.body['error']).toMatchObject({ data: { code: 'INTERNAL_ERROR' } });
  });
});

describe('an approved call', () => {
  const desk = (minted: object) =>
    ({ mint: async () => minted, verify: async () => ({ kind: 'ok', principal }) }) as unknown as Parameters<
      typeof runApproved
    >[0];
  const may = desk({ kind: 'minted', token: 't' });
  const call = { agent: 'local@here', tool: 'spend', arguments: { amount: 5 } };
  const replying = (...bodies: object[]) => {
    const seen: unknown[] = [];
    const handle = async (asked: { request: RpcRequest }) => {
      seen.push(asked.request.params?.['arguments']);
      return { body: Buffer.from(JSON.stringify(bodies[Math.min(seen.length, bodies.length) - 1])) };
    };
    return { seen, router: { handle } as unknown as Parameters<typeof runApproved>[1] };
  };

  test('is made with the very arguments that were approved, by the agent that asked', async () => {
    const { router, seen } = replying({ result: { structuredContent: { paid: true } } });
    expect(await runApproved(may, router)(call)).toEqual({ ok: true, result: { paid: true } });
    expect(seen[0]).toBe(call.arguments);
  });

  test('of an agent that may not speak any more is not made', async () => {
    const { router, seen } = replying({});
    const ended = await runApproved(desk({ kind: 'refused', message: 'gone' }), router)(call);
    expect([ended, seen]).toEqual([{ ok: false, result: { code: 'MAY_NOT_SPEAK', message: 'gone' } }, []]);
  });

  test('is tried again where it was denied, and only there', async () => {
    const denied = { error: { data: { code: 'PERMISSION_DENIED' } } };
    const late = replying(denied, { result: { structuredContent: { paid: true } } });
    expect(await runApproved(may, late.router)(call)).toMatchObject({ ok: true });
    const unknown = replying({ error: { data: { code: 'OUTCOME_UNKNOWN' } } });
    expect(await runApproved(may, unknown.router)(call)).toMatchObject({ ok: false });
    expect([late.seen.length, unknown.seen.length]).toEqual([2, 1]);
  });
});
