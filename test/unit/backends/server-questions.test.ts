import { describe, expect, test } from 'vitest';
import type { BackendContext } from '../../../node/backends/backend.ts';
import { call } from '../../../node/backends/call.ts';
import type { Connection } from '../../../node/backends/connection.ts';
import { CLIENT_ABILITIES, type ClientAbilities, type ClientQuestion } from '../../../src/mcp/index.ts';
import { type CallOptions, contextFor } from '../../support/hosting.ts';
import { connect, INITIALIZED, type ScriptedChannel } from '../../support/scripted-channel.ts';
import { until } from '../../support/until.ts';

const PROMPT = { messages: [], maxTokens: 1 };
const ALL: ClientAbilities = new Set(CLIENT_ABILITIES);

/** A server of the session era that answers no tool by itself. */
async function server(options: { oneAgent?: boolean; logging?: boolean } = {}) {
  const unmarked: true[] = [];
  const logged: unknown[] = [];
  const { connection, channel } = connect(
    ({ id, method }, say) => {
      const capabilities = { tools: {}, ...(options.logging === true ? { logging: {} } : {}) };
      if (method === 'initialize') say({ jsonrpc: '2.0', id, result: { ...INITIALIZED, capabilities } });
    },
    { askedUnmarked: () => unmarked.push(true), log: (params) => logged.push(params) },
    options.oneAgent,
  );
  await connection.open({ tryStateless: false, timeoutMs: 3_000 });
  channel.sent.length = 0;
  return { connection, channel, unmarked, logged };
}

function agent(name: string, options: CallOptions = {}) {
  const asked: ClientQuestion[] = [];
  const related: Record<string, unknown>[] = [];
  const context = contextFor({
    agent: name,
    client: ALL,
    answers: (question) => {
      asked.push(question);
      return { result: { by: name } };
    },
    onRelated: (message) => related.push(message),
    ...options,
  });
  return { asked, related, context };
}

let calls = 0;
/** A call in flight; the id it has on the wire. */
function begin(connection: Connection, channel: ScriptedChannel, context: BackendContext) {
  const request = { jsonrpc: '2.0', id: `call-${++calls}`, method: 'tools/call', params: { name: 'x' } } as const;
  const { deadlineAt } = context;
  const ended = call(connection, request, { context, deadlineAt, ttlMs: 0 });
  const id = channel.sent.findLast(({ method }) => method === 'tools/call')?.id as number;
  return {
    ended,
    id,
    answer: () => channel.events.message({ jsonrpc: '2.0', id, result: { content: [] } }, undefined),
  };
}

function asks(
  channel: ScriptedChannel,
  id: string | number,
  method = 'sampling/createMessage',
  more: object = {},
): void {
  channel.events.message({ jsonrpc: '2.0', id, method, params: { ...PROMPT, ...more } }, undefined);
}

async function answerTo(channel: ScriptedChannel, id: string | number) {
  return until(() => channel.sent.find((message) => message.id === id && message.method === undefined));
}

const TO_B = { by: 'b' };

describe('what a server asks on a byte stream', () => {
  test('goes to the client of the one call in flight', async () => {
    const { connection, channel, unmarked } = await server();
    const a = agent('a');
    begin(connection, channel, a.context);
    asks(channel, 'q');
    expect(await answerTo(channel, 'q')).toEqual({ jsonrpc: '2.0', id: 'q', result: { by: 'a' } });
    expect(a.asked).toEqual([{ method: 'sampling/createMessage', params: PROMPT }]);
    expect(unmarked).toHaveLength(1);
  });

  test('goes to nobody while two calls are in flight, whoever made them', async () => {
    for (const names of [
      ['a', 'b'],
      ['a', 'a'],
    ] as const) {
      const { connection, channel, unmarked } = await server();
      const agents = names.map((name) => agent(name));
      for (const { context } of agents) begin(connection, channel, context);
      asks(channel, 'q');
      expect(await answerTo(channel, 'q')).toMatchObject({ error: { code: -32603 } });
      expect(agents.flatMap(({ asked }) => asked)).toEqual([]);
      expect(unmarked).toHaveLength(1);
    }
  });

  test('goes to nobody between calls, and is no reason to do calls one at a time', async () => {
    const { connection, channel, unmarked } = await server();
    const a = agent('a');
    const first = begin(connection, channel, a.context);
    first.answer();
    await first.ended;
    asks(channel, 'q');
    expect(await answerTo(channel, 'q')).toMatchObject({ error: { code: -32600 } });
    asks(channel, 'r', 'roots/list');
    expect(await answerTo(channel, 'r')).toMatchObject({ result: { roots: [] } });
    expect(a.asked).toEqual([]);
    expect(unmarked).toEqual([]);
  });

  test('does not go to a caller for a request that this node itself has in flight', async () => {
    const { connection, channel } = await server();
    void connection.ask('tools/list', undefined, { deadlineAt: performance.now() + 5_000 });
    asks(channel, 'q');
    expect(await answerTo(channel, 'q')).toMatchObject({ error: { code: -32600 } });
  });

  test('does not go to the next agent where it may belong to a call that another gave up', async () => {
    const { connection, channel } = await server();
    const gone = new AbortController();
    const a = agent('a', { signal: gone.signal });
    const b = agent('b');
    const left = begin(connection, channel, a.context);
    gone.abort();
    await left.ended;
    const next = begin(connection, channel, b.context);
    asks(channel, 'late');
    expect(await answerTo(channel, 'late')).toMatchObject({ error: { code: -32603 } });
    expect([...a.asked, ...b.asked]).toEqual([]);

    left.answer(); // now it is known to be over
    asks(channel, 'own');
    expect(await answerTo(channel, 'own')).toMatchObject({ result: TO_B });
    next.answer();
  });

  test('goes to an agent that gave up another call itself', async () => {
    const { connection, channel } = await server();
    const gone = new AbortController();
    const left = begin(connection, channel, agent('b', { signal: gone.signal }).context);
    gone.abort();
    await left.ended;
    begin(connection, channel, agent('b').context);
    asks(channel, 'q');
    expect(await answerTo(channel, 'q')).toMatchObject({ result: TO_B });
  });

  test('goes to any call of the agent that the server runs for alone', async () => {
    const { connection, channel } = await server({ oneAgent: true });
    begin(connection, channel, agent('b', { answers: undefined, client: undefined } as unknown as CallOptions).context);
    begin(connection, channel, agent('b').context);
    asks(channel, 'q');
    expect(await answerTo(channel, 'q')).toMatchObject({ result: TO_B });
  });

  test('about a task goes to the call that waits for that task, whatever else is in flight', async () => {
    const { connection, channel, unmarked } = await server();
    const a = agent('a');
    const b = agent('b');
    begin(connection, channel, a.context);
    const request = { jsonrpc: '2.0', id: 1, method: 'tasks/result', params: { taskId: 't' } } as const;
    void call(connection, request, { context: b.context, deadlineAt: b.context.deadlineAt, ttlMs: 0 });
    const related = (taskId: string) => ({ _meta: { 'io.modelcontextprotocol/related-task': { taskId } } });
    asks(channel, 'q', 'elicitation/create', related('t'));
    expect(await answerTo(channel, 'q')).toMatchObject({ result: TO_B });
    asks(channel, 'r', 'elicitation/create', related('another'));
    expect(await answerTo(channel, 'r')).toMatchObject({ error: { code: -32600 } });
    expect(a.asked).toEqual([]);
    expect(unmarked).toEqual([]);
  });

  test.each([
    ['sampling/createMessage', {}, [], -32601],
    ['sampling/createMessage', { tools: [] }, ['sampling'], -32602],
    ['elicitation/create', {}, ['elicitationUrl'], -32602],
    ['elicitation/create', { mode: 'url' }, ['elicitationForm'], -32602],
    ['elicitation/create', { mode: 'url' }, ['sampling'], -32601],
    ['elicitation/create', { mode: 'voice' }, ['elicitationForm', 'elicitationUrl'], -32602],
    ['roots/list', {}, ['sampling'], -32601],
    ['files/delete', {}, CLIENT_ABILITIES, -32601],
  ] as const)('%s with %j is refused to a client that has %j', async (method, params, abilities, code) => {
    const { connection, channel } = await server({ oneAgent: true });
    const a = agent('a', { client: new Set(abilities) });
    begin(connection, channel, a.context);
    asks(channel, 'q', method, params);
    expect(await answerTo(channel, 'q')).toMatchObject({ error: { code } });
    expect(a.asked).toEqual([]);
  });

  test('ends at the client when the server withdraws it or answers the call without it', async () => {
    for (const end of ['withdraw', 'answer'] as const) {
      const { connection, channel } = await server();
      const signals: AbortSignal[] = [];
      const answers: CallOptions['answers'] = (_, { signal }) => {
        signals.push(signal);
        return new Promise((resolve) => {
          signal.addEventListener('abort', () => resolve({ error: { code: -1, message: 'withdrawn' } }));
        });
      };
      const made = begin(connection, channel, agent('a', { answers }).context);
      asks(channel, 'q');
      await until(() => signals.length === 1);
      const cancelled = { jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: 'q' } };
      if (end === 'withdraw') channel.events.message(cancelled, undefined);
      else made.answer();
      expect(await answerTo(channel, 'q')).toMatchObject({ error: { code: -1 } });
    }
  });

  test('soon after the handshake, about roots, belongs to nobody for certain: no call gets an empty list, no caller’s list gets out', async () => {
    const { connection, channel } = connect(({ id, method }, say) => {
      if (method === 'initialize') say({ jsonrpc: '2.0', id, result: INITIALIZED });
    });
    await connection.open({ tryStateless: false, timeoutMs: 3_000 });
    asks(channel, 'before', 'roots/list');
    expect(await answerTo(channel, 'before')).toMatchObject({ result: { roots: [] } });
    const a = agent('a');
    begin(connection, channel, a.context);
    asks(channel, 'q', 'roots/list');
    expect(await answerTo(channel, 'q')).toMatchObject({ error: { message: expect.stringContaining('again') } });
    expect(a.asked).toEqual([]);
  });

  test('is bounded', async () => {
    const { connection, channel } = await server();
    const a = agent('a', { answers: () => new Promise(() => {}) });
    begin(connection, channel, a.context);
    for (let n = 0; n < 65; n++) asks(channel, `q${n}`);
    expect(await answerTo(channel, 'q64')).toMatchObject({ error: { code: -32004 } });
    expect(channel.sent.filter(({ error }) => error !== undefined)).toHaveLength(1);
  });
});

describe('what a server asks on the stream of a request', () => {
  test('goes to that request’s client, however many are in flight', async () => {
    const { connection, channel, unmarked } = await server();
    const agents = ['a', 'b', 'c'].map((name) => agent(name));
    const made = agents.map(({ context }) => begin(connection, channel, context));
    const question = { jsonrpc: '2.0', id: 'q', method: 'roots/list' };
    channel.events.message(question, made[1]?.id);
    expect(await answerTo(channel, 'q')).toMatchObject({ result: TO_B });
    expect(agents.map(({ asked }) => asked.length)).toEqual([0, 1, 0]);
    expect(unmarked).toEqual([]);
  });

  test('goes to nobody when that request is over', async () => {
    const { connection, channel } = await server();
    const over = begin(connection, channel, agent('a').context);
    over.answer();
    begin(connection, channel, agent('b').context);
    channel.events.message({ jsonrpc: '2.0', id: 'q', method: 'elicitation/create', params: {} }, over.id);
    expect(await answerTo(channel, 'q')).toMatchObject({ error: { code: -32600 } });
  });
});

describe('what a server logs', () => {
  const log = (channel: ScriptedChannel, level: string, about?: number): void =>
    channel.events.message({ jsonrpc: '2.0', method: 'notifications/message', params: { level, data: 'd' } }, about);
  const levels = ({ related }: ReturnType<typeof agent>): unknown[] =>
    related.map(({ params }) => (params as { level: string }).level);

  test('goes to the only call in flight, from the level that its agent asked for', async () => {
    const { connection, channel, logged } = await server({ logging: true });
    const a = agent('a', { logLevel: 'warning' });
    begin(connection, channel, a.context);
    await until(() => channel.sent.length === 2);
    for (const level of ['debug', 'notice', 'warning', 'alert']) log(channel, level);
    expect(levels(a)).toEqual(['warning', 'alert']);
    expect(logged).toEqual([]);
  });

  test('goes to the node’s own log where it could be another’s', async () => {
    const { connection, channel, logged } = await server({ logging: true });
    const agents = [agent('a'), agent('b')];
    log(channel, 'error');
    for (const { context } of agents) begin(connection, channel, context);
    log(channel, 'error');
    expect(agents.flatMap(levels)).toEqual([]);
    expect(logged).toHaveLength(2);
  });

  test('goes to no agent without a session that asked for none', async () => {
    const { connection, channel } = await server({ logging: true });
    const a = agent('a', { era: 'stateless' });
    begin(connection, channel, a.context);
    log(channel, 'emergency');
    expect(levels(a)).toEqual([]);
  });

  test('is what the server thinks fit for an agent with a session that set no level, unless others made it talkative', async () => {
    const { connection, channel } = await server({ logging: true });
    const a = agent('a');
    const quiet = begin(connection, channel, a.context);
    log(channel, 'debug');
    expect(levels(a)).toEqual(['debug']);
    quiet.answer();
    const curious = agent('b', { logLevel: 'debug' });
    const talkative = begin(connection, channel, curious.context);
    await until(() => channel.sent.some(({ method }) => method === 'logging/setLevel'));
    channel.events.message(
      { jsonrpc: '2.0', id: channel.sent.findLast(({ method }) => method === 'tools/call')?.id, result: {} },
      undefined,
    );
    await talkative.ended;
    begin(connection, channel, a.context);
    log(channel, 'debug');
    log(channel, 'info');
    expect(levels(a)).toEqual(['debug', 'info']);
  });

  test('is asked for from the level of the most talkative agent, and told the server only when that changes', async () => {
    const { connection, channel } = await server({ logging: true });
    for (const logLevel of ['warning', 'error', 'debug', 'info', 'debug'] as const) {
      await connection.wantLog(logLevel);
    }
    const told = channel.sent.filter(({ method }) => method === 'logging/setLevel');
    expect(told.map(({ params }) => params?.['level'])).toEqual(['warning', 'debug']);
  });

  test('of an elicitation’s end goes to the call in which it was asked for', async () => {
    const { connection, channel } = await server();
    const a = agent('a');
    begin(connection, channel, a.context);
    asks(channel, 'q', 'elicitation/create', { mode: 'url', elicitationId: 'e1' });
    await answerTo(channel, 'q');
    const b = agent('b');
    begin(connection, channel, b.context);
    for (const elicitationId of ['e1', 'e2']) {
      const params = { elicitationId };
      channel.events.message({ jsonrpc: '2.0', method: 'notifications/elicitation/complete', params }, undefined);
    }
    expect(a.related).toMatchObject([{ params: { elicitationId: 'e1' } }]);
    expect(b.related).toEqual([]);
  });

  test('of an elicitation’s end does not go to an agent without a session, which knows no such word', async () => {
    const { connection, channel } = await server();
    const a = agent('a', { era: 'stateless' });
    begin(connection, channel, a.context);
    asks(channel, 'q', 'elicitation/create', { mode: 'url', elicitationId: 'e1' });
    await answerTo(channel, 'q');
    const params = { elicitationId: 'e1' };
    channel.events.message({ jsonrpc: '2.0', method: 'notifications/elicitation/complete', params }, undefined);
    expect(a.related).toEqual([]);
  });
});
