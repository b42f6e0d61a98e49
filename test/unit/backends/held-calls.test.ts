import { describe, expect, test } from 'vitest';
import { call } from '../../../node/backends/call.ts';
import { CallGate } from '../../../node/backends/call-gate.ts';
import { Expiry } from '../../../node/backends/expiry.ts';
import { HeldCalls } from '../../../node/backends/held-calls.ts';
import { readState } from '../../../node/backends/request-state.ts';
import { CLIENT_ABILITIES, type ClientAbilities, type RpcRequest } from '../../../src/mcp/index.ts';
import { type CallOptions, contextFor } from '../../support/hosting.ts';
import { connect, INITIALIZED, type ScriptedChannel } from '../../support/scripted-channel.ts';
import { until } from '../../support/until.ts';

const ALL: ClientAbilities = new Set(CLIENT_ABILITIES);

type Body = { id: unknown; result: Record<string, never> & { requestState: string }; error: { code: number } };

/** A server with a session, and agents without one who call it. */
async function bridged(options: { limitMs?: number } = {}) {
  const expiry = new Expiry();
  const { connection, channel } = connect(({ id, method }, say) => {
    if (method === 'initialize') say({ jsonrpc: '2.0', id, result: INITIALIZED });
  });
  await connection.open({ tryStateless: false, timeoutMs: 3_000 });
  channel.sent.length = 0;
  const held = new HeldCalls({ nodeId: 'node-1', expiry });
  let made = 0;
  const ask = async (params: Record<string, unknown>, from: CallOptions = {}): Promise<Body> => {
    const request: RpcRequest = { jsonrpc: '2.0', id: ++made, method: 'tools/call', params: { name: 'x', ...params } };
    const context = contextFor({ era: 'stateless', client: ALL, ...from });
    const reply = await held.run({ server: 'tiny', request, context, limitMs: options.limitMs ?? 60_000 }, (one) =>
      call(connection, request, { context: one, deadlineAt: Number.POSITIVE_INFINITY, ttlMs: 0 }),
    );
    return JSON.parse(Buffer.from(reply.body).toString());
  };
  return { channel, held, ask };
}

const say = (channel: ScriptedChannel, message: Record<string, unknown>): void =>
  channel.events.message({ jsonrpc: '2.0', ...message }, undefined);
const question = (channel: ScriptedChannel, id: string): void =>
  say(channel, { id, method: 'sampling/createMessage', params: { maxTokens: 1, of: id } });
const callId = (channel: ScriptedChannel) =>
  until(() => channel.sent.findLast(({ method }) => method === 'tools/call')?.id);
const finish = async (channel: ScriptedChannel): Promise<void> =>
  say(channel, { id: await callId(channel), result: { content: [] } });
const heard = (channel: ScriptedChannel, id: string) =>
  until(() => channel.sent.find((message) => message.id === id && message.method === undefined));
const cancelled = (channel: ScriptedChannel) =>
  channel.sent.filter(({ method }) => method === 'notifications/cancelled');

/** A call that has asked for input once. */
async function parked(options: { from?: CallOptions; limitMs?: number } = {}) {
  const made = await bridged(options);
  const asking = made.ask({}, options.from);
  await callId(made.channel);
  question(made.channel, 'q');
  const first = await asking;
  return { ...made, first, state: first.result.requestState };
}

describe('a call of an agent without a session on a server that asks', () => {
  test('is answered that input is required, and goes on with the retry under the retry’s id', async () => {
    const { channel, held, ask, first, state } = await parked();
    expect(first).toMatchObject({
      id: 1,
      result: {
        resultType: 'input_required',
        inputRequests: { 'question-1': { method: 'sampling/createMessage', params: { maxTokens: 1, of: 'q' } } },
      },
    });
    expect(readState(state)).toMatchObject({ nodeId: 'node-1', server: 'tiny', round: 1 });
    const retry = ask({ requestState: state, inputResponses: { 'question-1': { model: 'm' } } });
    expect(await heard(channel, 'q')).toEqual({ jsonrpc: '2.0', id: 'q', result: { model: 'm' } });
    await finish(channel);
    expect(await retry).toEqual({ jsonrpc: '2.0', id: 2, result: { content: [], resultType: 'complete' } });
    expect(held.size).toBe(0);
    expect(channel.sent.filter(({ method }) => method === 'tools/call')).toHaveLength(1);
  });

  test('that failed because its client cannot be asked says so in the one way this era has', async () => {
    const { channel, ask } = await bridged();
    const asking = ask({}, { client: new Set() });
    const id = await callId(channel);
    question(channel, 'q');
    expect(await heard(channel, 'q')).toMatchObject({ error: { code: -32601 } });
    say(channel, { id, error: { code: -32603, message: 'I wanted to ask' } });
    expect(await asking).toMatchObject({
      id: 1,
      error: { code: -32021, data: { requiredCapabilities: { sampling: {} } } },
    });
  });

  test('that can do without the answer is answered as ever', async () => {
    const { channel, ask } = await bridged();
    const asking = ask({}, { client: new Set() });
    const id = await callId(channel);
    question(channel, 'q');
    await heard(channel, 'q');
    say(channel, { id, result: { content: [] } });
    expect(await asking).toMatchObject({ id: 1, result: { content: [] } });
  });

  test('puts questions asked in one breath together, and asks again for what was left unanswered', async () => {
    const { channel, ask } = await bridged();
    const asking = ask({});
    await callId(channel);
    for (const id of ['a', 'b', 'c']) question(channel, id);
    const first = await asking;
    expect(Object.keys(first.result['inputRequests'] as unknown as object)).toHaveLength(3);
    const inputResponses = { 'question-1': { n: 1 }, 'question-3': { n: 3 }, 'question-2': 'no object', other: {} };
    const second = await ask({ requestState: first.result.requestState, inputResponses });
    expect(Object.keys(second.result['inputRequests'] as unknown as object)).toEqual(['question-2']);
    expect(await heard(channel, 'c')).toMatchObject({ result: { n: 3 } });
    const third = ask({ requestState: second.result.requestState, inputResponses: { 'question-2': { n: 2 } } });
    expect(await heard(channel, 'b')).toMatchObject({ result: { n: 2 } });
    await finish(channel);
    expect((await third).result['resultType']).toBe('complete');
  });

  test('shows an elicitation by URL without the id that only sessions know', async () => {
    const { channel, ask } = await bridged();
    const asking = ask({});
    await callId(channel);
    const params = { mode: 'url', url: 'https://a.example', message: 'm' };
    say(channel, { id: 'q', method: 'elicitation/create', params: { ...params, elicitationId: 'e' } });
    expect((await asking).result['inputRequests']).toEqual({ 'question-1': { method: 'elicitation/create', params } });
  });

  const required = (data: unknown) => ({ error: { code: -32042, message: 'first this', data } });
  const elicitation = { mode: 'url', elicitationId: 'e', url: 'https://a.example', message: 'm' };

  test('turns elicitations that the server demands by its error into required input, and the retry is the call anew', async () => {
    const { channel, ask } = await bridged();
    const asking = ask({});
    say(channel, { id: await callId(channel), ...required({ elicitations: [elicitation, elicitation] }) });
    const { result } = await asking;
    const { elicitationId: _, ...params } = elicitation;
    const question = { method: 'elicitation/create', params };
    expect(result).toEqual({
      resultType: 'input_required',
      inputRequests: { 'elicitation-1': question, 'elicitation-2': question },
    });
    const retry = ask({ inputResponses: { 'elicitation-1': { action: 'accept' } } });
    await until(() => channel.sent.filter(({ method }) => method === 'tools/call').length === 2);
    expect(channel.sent.at(-1)?.params).toEqual({ name: 'x' });
    await finish(channel);
    expect((await retry).result['resultType']).toBe('complete');
  });

  test.each([
    [{ elicitations: [elicitation] }, new Set(['elicitationForm'] as const), -32021],
    [{ elicitations: [] }, ALL, -32603],
    [{ elicitations: [{ mode: 'form' }] }, ALL, -32603],
    [undefined, ALL, -32603],
  ])('turns the demand %j, where it cannot be met, into an error that its era knows', async (data, client, code) => {
    const { channel, ask } = await bridged();
    const asking = ask({}, { client });
    say(channel, { id: await callId(channel), ...required(data) });
    expect((await asking).error.code).toBe(code);
  });

  test('ends by its retry what the server ended meanwhile', async () => {
    const { channel, held, ask, state } = await parked();
    await finish(channel);
    expect(await ask({ requestState: state })).toMatchObject({ id: 2, result: { resultType: 'complete' } });
    expect(held.size).toBe(0);
  });

  test('is not gone on with by another agent, another request, a used or a changed state', async () => {
    const { channel, ask, state } = await parked();
    const flipped = `${state.slice(0, -2)}${state.endsWith('AA') ? 'BB' : 'AA'}`;
    const [prefix, payload, seal] = state.split('.') as [string, string, string];
    const elsewhere = JSON.stringify(['node-1', 'tiny', readState(state)?.held, 2]);
    const forged = `${prefix}.${Buffer.from(elsewhere).toString('base64url')}.${seal}`;
    const tries: [Record<string, unknown>, CallOptions?][] = [
      [{ requestState: state }, { agent: 'mallory' }],
      [{ requestState: state, name: 'y' }],
      [{ requestState: state, arguments: { more: 1 } }],
      [{ requestState: flipped }],
      [{ requestState: forged }],
      [{ requestState: `${prefix}.${payload}` }],
      [{ requestState: 'a server’s own' }],
      [{ requestState: 7 }],
      [{ requestState: `${state}${'x'.repeat(2_000)}` }],
      [{ requestState: state, inputResponses: [] }],
    ];
    for (const [params, from] of tries) {
      expect((await ask(params, from)).error.code, JSON.stringify(params)).toBe(-32602);
    }
    const retry = ask({ requestState: state, inputResponses: { 'question-1': {} } });
    expect((await ask({ requestState: state })).error.code).toBe(-32602);
    await heard(channel, 'q');
    question(channel, 'r');
    const second = await retry;
    expect((await ask({ requestState: state })).error.code).toBe(-32602);
    const third = ask({ requestState: second.result.requestState, inputResponses: { 'question-2': {} } });
    await heard(channel, 'r');
    await finish(channel);
    expect((await third).result['resultType']).toBe('complete');
  });

  test('is cancelled at the server when its agent does not come back, and cannot be gone on with then', async () => {
    const { channel, held, ask, state } = await parked({ from: { ms: 60 } });
    await until(() => cancelled(channel).length === 1);
    expect(await heard(channel, 'q')).toMatchObject({ error: { code: -32603 } });
    await until(() => held.size === 0);
    expect((await ask({ requestState: state })).error.code).toBe(-32602);
  });

  test('is cancelled at the server when its agent leaves the retry', async () => {
    const { channel, held, ask, state } = await parked();
    const leave = new AbortController();
    const retry = ask({ requestState: state, inputResponses: { 'question-1': {} } }, { signal: leave.signal });
    await heard(channel, 'q');
    leave.abort();
    expect((await retry).error.code).toBe(-32007);
    expect(cancelled(channel)).toHaveLength(1);
    expect(held.size).toBe(0);
  });

  test('waits as long as its agent’s patience or the server’s limit allows, each time anew', async () => {
    const { channel, ask, state } = await parked({ limitMs: 80 });
    const retry = ask({ requestState: state, inputResponses: { 'question-1': {} } });
    await heard(channel, 'q');
    expect((await retry).error.code).toBe(-32009);
    expect(cancelled(channel)).toHaveLength(1);
  });

  test('gives progress under the token of the request that waits, and none to one that wants none', async () => {
    const { channel, ask } = await bridged();
    const related: Record<string, unknown>[] = [];
    const onRelated = (message: Record<string, unknown>) => related.push(message);
    const asking = ask({ _meta: { progressToken: 'first' } }, { onRelated });
    const id = await callId(channel);
    const progress = (): void =>
      say(channel, { method: 'notifications/progress', params: { progressToken: id, progress: 1 } });
    progress();
    question(channel, 'q');
    let last = await asking;
    for (const [round, token] of [undefined, 'third'].entries()) {
      const meta = token === undefined ? {} : { _meta: { progressToken: token } };
      const inputResponses = { [`question-${round + 1}`]: {} };
      const retry = ask({ requestState: last.result.requestState, inputResponses, ...meta }, { onRelated });
      await heard(channel, round === 0 ? 'q' : 'r0');
      progress();
      question(channel, `r${round}`);
      last = await retry;
    }
    const tokens = related.map(({ params }) => (params as { progressToken: string }).progressToken);
    expect(tokens).toEqual(['first', 'third']);
  });

  test('finds the server refused where its agent’s client lacks what is asked, and goes on', async () => {
    const { channel, ask } = await bridged();
    const asking = ask({}, { client: new Set(['roots']) });
    await callId(channel);
    question(channel, 'q');
    expect(await heard(channel, 'q')).toMatchObject({ error: { code: -32601 } });
    await finish(channel);
    expect((await asking).result['resultType']).toBe('complete');
  });

  test('is held for less long while other calls wait for it, asked for before or after', async () => {
    const expiry = new Expiry();
    const { connection, channel } = connect(({ id, method }, say_) => {
      if (method === 'initialize') say_({ jsonrpc: '2.0', id, result: INITIALIZED });
    });
    await connection.open({ tryStateless: false, timeoutMs: 3_000 });
    const held = new HeldCalls({ nodeId: 'node-1', expiry, yieldsMs: 60 });
    const gate = new CallGate({ expiry, ttlMs: 0 });
    gate.oneAtATime();
    gate.open(connection);
    const begin = (id: number) => {
      const request: RpcRequest = { jsonrpc: '2.0', id, method: 'tools/call', params: { name: 'x' } };
      const context = contextFor({ era: 'stateless', client: ALL });
      return held.run({ server: 'tiny', request, context, limitMs: 60_000 }, (one) =>
        gate.run(request, one, { deadlineAt: Number.POSITIVE_INFINITY }),
      );
    };
    const calls = () => channel.sent.filter(({ method }) => method === 'tools/call').length;
    const first = begin(1);
    await until(() => calls() === 1);
    question(channel, 'a');
    await first;
    const second = begin(2); // waits for the one that waits for its agent, which never comes
    const third = begin(3);
    await until(() => calls() === 2);
    question(channel, 'b');
    await second;
    await until(() => calls() === 3);
    expect(cancelled(channel)).toHaveLength(2);
    await finish(channel);
    expect((await third).outcome).toBe('ok');
  });

  test('has at most eight questions open', async () => {
    const { channel, ask } = await bridged();
    const asking = ask({});
    await callId(channel);
    for (let n = 0; n < 9; n++) question(channel, `q${n}`);
    expect(await heard(channel, 'q8')).toMatchObject({ error: { code: -32004 } });
    expect(Object.keys((await asking).result['inputRequests'] as unknown as object)).toHaveLength(8);
  });

  test('is not held where its agent has sixteen already: the server is refused and the call goes on', async () => {
    const { held } = await bridged();
    const server = () => bridged();
    const others = await Promise.all(Array.from({ length: 17 }, server));
    const replies = others.map(async ({ channel }) => {
      const request = { jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'x' } } as const;
      const context = contextFor({ era: 'stateless', client: ALL });
      return held.run({ server: 'tiny', request, context, limitMs: 60_000 }, async (one) => {
        const answer = await one.ask?.({ method: 'roots/list' }, { signal: one.signal });
        channel.close();
        return { body: Buffer.from(JSON.stringify(answer)), outcome: 'ok', reason: '' };
      });
    });
    const refused = await Promise.race(
      replies.map(async (reply) => Buffer.from((await reply).body).toString()).slice(16),
    );
    expect(refused).toContain('-32004');
    expect(held.size).toBe(16);
  });
});
