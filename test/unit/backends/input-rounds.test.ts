import { describe, expect, test } from 'vitest';
import { call } from '../../../node/backends/call.ts';
import { CLIENT_ABILITIES, type ClientAbilities, type ClientQuestion, META } from '../../../src/mcp/index.ts';
import { type CallOptions, contextFor } from '../../support/hosting.ts';
import { connect } from '../../support/scripted-channel.ts';

const ALL: ClientAbilities = new Set(CLIENT_ABILITIES);
const DISCOVERED = { supportedVersions: ['2026-07-28'], capabilities: { tools: {} } };
const form = (message: string) => ({ method: 'elicitation/create', params: { message } });

type Params = Record<string, unknown>;

/** An agent with a session calls a server without; `results` are what the server answers, one round after the other. */
async function rounds(results: (unknown | ((params: Params) => unknown))[], from: CallOptions = {}) {
  const seen: Params[] = [];
  const asked: ClientQuestion[] = [];
  const { connection, channel } = connect(({ id, method, params }, say) => {
    if (method === 'server/discover') say({ jsonrpc: '2.0', id, result: DISCOVERED });
    if (method !== 'tools/call') return;
    seen.push(params as Params);
    const next = results[Math.min(seen.length, results.length) - 1];
    if (next === 'gone') connection.close();
    else say({ jsonrpc: '2.0', id, result: typeof next === 'function' ? next(params) : next });
    if (results[seen.length] === 'busy') channel.accepts = 'busy';
  });
  await connection.open({ tryStateless: true, timeoutMs: 3_000 });
  const context = contextFor({
    client: ALL,
    answers: (question) => {
      asked.push(question);
      return { result: { action: 'accept', content: { to: question.params?.['message'] } } };
    },
    ...from,
  });
  const params = { name: 'x', arguments: { a: 1 } };
  const request = { jsonrpc: '2.0', id: 'mine', method: 'tools/call', params } as const;
  const reply = await call(connection, request, { context, deadlineAt: context.deadlineAt, ttlMs: 0 });
  return { seen, asked, reply, body: JSON.parse(Buffer.from(reply.body).toString()) };
}

const needs = (inputRequests: object | undefined, requestState?: unknown) => ({
  resultType: 'input_required',
  ...(inputRequests === undefined ? {} : { inputRequests }),
  ...(requestState === undefined ? {} : { requestState }),
});
const DONE = { resultType: 'complete', content: [{ type: 'text', text: 'done' }] };

describe('a call of an agent with a session on a server without', () => {
  test('is made again with what its client answered and the state as it came, until it is complete', async () => {
    const state = '  bytes "as" they\u2028are ';
    const { seen, asked, body } = await rounds([
      needs({ one: form('first'), two: form('second') }, state),
      needs({ three: form('third') }),
      DONE,
    ]);
    expect(body).toEqual({ jsonrpc: '2.0', id: 'mine', result: { content: DONE.content } });
    expect(asked.map(({ params }) => params?.['message'])).toEqual(['first', 'second', 'third']);
    const accepted = (to: string) => ({ action: 'accept', content: { to } });
    expect(seen).toMatchObject([
      { name: 'x', arguments: { a: 1 } },
      { name: 'x', requestState: state, inputResponses: { one: accepted('first'), two: accepted('second') } },
      { name: 'x', inputResponses: { three: accepted('third') } },
    ]);
    expect(seen[0]).not.toHaveProperty('inputResponses');
    expect(seen[2]).not.toHaveProperty('requestState');
  });

  test('gives an elicitation by URL the id that its client expects', async () => {
    const byUrl = { method: 'elicitation/create', params: { mode: 'url', url: 'https://a.example', message: 'm' } };
    const { asked } = await rounds([needs({ one: byUrl }), DONE]);
    expect(asked).toEqual([
      { ...byUrl, params: { ...byUrl.params, elicitationId: expect.stringMatching(/^[0-9a-f-]{36}$/) } },
    ]);
  });

  test('tells the server what its client can do, and the level it wants logged', async () => {
    const client = new Set(['elicitationUrl', 'roots'] as const);
    const { seen } = await rounds([DONE], { client, logLevel: 'notice' });
    expect(seen[0]?.['_meta']).toMatchObject({
      [META.clientCapabilities]: { elicitation: { url: {} }, roots: {} },
      [META.logLevel]: 'notice',
    });
  });

  test('is made again without an answer where only a state is given', async () => {
    const { seen, body } = await rounds([needs(undefined, 's'), DONE]);
    expect(seen[1]).toMatchObject({ requestState: 's' });
    expect(seen[1]).not.toHaveProperty('inputResponses');
    expect(body.result.content).toEqual(DONE.content);
  });

  test('fails with the capability named that its client lacks', async () => {
    const { body, asked } = await rounds([needs({ one: form('x') })], { client: new Set(['sampling']) });
    expect(body.error).toMatchObject({ code: -32021, data: { requiredCapabilities: { elicitation: { form: {} } } } });
    expect(asked).toEqual([]);
  });

  test('fails as its client did, when that would not answer', async () => {
    const { body, seen } = await rounds([needs({ one: form('x') })], {
      answers: () => ({ error: { code: -1, message: 'User rejected sampling request' } }),
    });
    expect(body.error).toEqual({ code: -1, message: 'User rejected sampling request' });
    expect(seen).toHaveLength(1);
  });

  test('is not made more than eight times again', async () => {
    const { body, seen, reply } = await rounds([needs({ one: form('x') }, 's')]);
    expect(body.error.code).toBe(-32603);
    expect(reply.outcome).toBe('failed');
    expect(seen).toHaveLength(9);
  });

  test.each([
    needs({}),
    needs(undefined),
    needs({ one: form('x') }, 7),
    needs({ one: { params: {} } }),
    needs({ one: 'x' }),
    needs([form('x')]),
    needs(Object.fromEntries(Array.from({ length: 33 }, (_, n) => [n, form('x')]))),
    { resultType: 'something-new' },
  ])('fails where the server answers %j', async (result) => {
    const { body, asked } = await rounds([result]);
    expect(body.error.code).toBe(-32603);
    expect(asked).toEqual([]);
  });

  test('takes `__proto__` for a key like any other', async () => {
    const { seen } = await rounds([needs(JSON.parse('{"__proto__":{"method":"roots/list"}}')), DONE]);
    expect(Object.keys(seen[1]?.['inputResponses'] as object)).toEqual(['__proto__']);
  });

  test('is unknown in its outcome when a later round cannot be made, never to be begun elsewhere', async () => {
    const gone = await rounds([needs({ one: form('x') }), 'gone']);
    expect(gone.reply).toMatchObject({ outcome: 'unknown', reason: 'OUTCOME_UNKNOWN' });
    const busy = await rounds([needs({ one: form('x') }), 'busy']);
    expect(busy.reply).toMatchObject({ outcome: 'unknown', reason: 'OUTCOME_UNKNOWN' });
    const leave = new AbortController();
    const left = await rounds([needs({ one: form('x') }), DONE], {
      signal: leave.signal,
      answers: () => {
        leave.abort();
        return { result: {} };
      },
    });
    expect(left.reply.notStarted).toBeUndefined();
    expect(left.reply.outcome).toBe('unknown');
    expect(left.seen).toHaveLength(1);
  });
});
