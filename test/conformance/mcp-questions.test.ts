import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { streamPair } from '@libp2p/utils';
import { describe, expect } from 'vitest';
import { type CallContext, LIMITS, type ServedCall, type ServedReply } from '../../protocols/mcp/index.ts';
import type { ClientAnswer, ClientQuestion } from '../../src/mcp/index.ts';
import {
  echo,
  echoRequest,
  facing,
  HandClock,
  linked,
  outgoing,
  type RawPeer,
  sessionOn,
} from '../support/mux-peers.ts';
import { until } from '../support/until.ts';
import { valved } from '../support/valve.ts';
import { verifies } from '../support/verifies.ts';

const vectors = JSON.parse(readFileSync(new URL('../../protocols/mcp/vectors.json', import.meta.url), 'utf8'));
const frame = (name: string): string => vectors.frames[name];
const payload = (name: string): string => frame(name).slice(18);
const DELEGATE = 1;
const CALL = 2;
const RESULT = 3;
const CANCEL = 5;
const REQUEST = 11;
const REPLY = 12;

const sampling = new Set(['sampling'] as const);
const prompt = (text: string): ClientQuestion => ({ method: 'sampling/createMessage', params: { text } });
const never = () => new Promise<never>(() => {});
const json = (hex: string | undefined) => JSON.parse(Buffer.from((hex ?? '').slice(8), 'hex').toString());
const hexOf = (question: number, body: string) =>
  question.toString(16).padStart(8, '0') + Buffer.from(body).toString('hex');
const argument = ({ request }: ServedCall): string =>
  (request.params as { arguments: { message: string } }).arguments.message;
const bodyOf = (answer: unknown): ServedReply => ({
  body: Buffer.from(JSON.stringify(answer)),
  outcome: 'ok',
  reason: '',
});

/** A serving side whose every call asks its caller's client with its own argument, and answers with what it heard. */
async function asks(call: ServedCall): Promise<ServedReply> {
  const signal = new AbortController().signal;
  return bodyOf((await call.context.ask?.(prompt(argument(call)), { signal })) ?? 'cannot be asked');
}

const answering = (reply: (question: ClientQuestion) => ClientAnswer): Partial<CallContext> => ({
  client: sampling,
  ask: async (question) => reply(question),
});

/** A call in flight towards bytes made by hand, and the questions its client was asked. */
async function called(context: Partial<CallContext>) {
  const { clock, raw, it } = await facing();
  const stop = new AbortController();
  const ended = it.session.call(outgoing(clock, echoRequest('hi'), { signal: stop.signal, ...context }));
  await until(() => raw.of(CALL).length === 1);
  return { clock, raw, it, stop, ended };
}

/** A call that a peer made by hand runs here: what it asks goes out as bytes. */
async function serving(serve: (call: ServedCall) => Promise<ServedReply>) {
  const made = await facing({ serve });
  made.raw.sendBytes(frame('delegate') + frame('callWithTrace').replace(/^(.{18})01/, '$100'));
  await until(() => made.it.served.length === 1);
  return made;
}

/** The payload of a CALL of `ping` on server `a`, whose call id is the byte `id` sixteen times over. */
function pingCall(id: string): string {
  const callId = id.repeat(16);
  const hash = createHash('sha256').update(Buffer.from(callId, 'hex')).digest('hex');
  const request = Buffer.from('{"jsonrpc":"2.0","id":1,"method":"ping"}').toString('hex');
  return `00000100007530${callId}${hash}00000000000000${'0161'}000000${request}`;
}

const requests = (raw: RawPeer) => raw.of(REQUEST);

describe('what a server asks within a call', () => {
  verifies('mcp/R25', 'a question and its answer have the frozen bytes', async () => {
    const question = JSON.parse(vectors.question);
    const heard: unknown[] = [];
    const { raw } = await serving(async ({ context }) => {
      heard.push(await context.ask?.(question, context));
      return bodyOf('done');
    });
    await until(() => requests(raw).length === 1);
    expect(requests(raw)).toEqual([payload('request')]);
    raw.sendBytes(frame('reply'));
    await until(() => raw.of(RESULT).length === 1);
    expect(heard).toEqual([JSON.parse(vectors.answer)]);
  });

  verifies(
    'mcp/R25',
    'a frozen question is asked of the client, and its answer or error sent in frozen bytes',
    async () => {
      for (const [answer, bytes] of [
        ['answer', 'reply'],
        ['answerError', 'replyError'],
      ] as const) {
        const asked: ClientQuestion[] = [];
        const { raw } = await called(
          answering((question) => {
            asked.push(question);
            return JSON.parse(vectors[answer]);
          }),
        );
        raw.sendBytes(frame('request'));
        await until(() => raw.of(REPLY).length === 1);
        expect(asked).toEqual([JSON.parse(vectors.question)]);
        expect(raw.of(REPLY)).toEqual([payload(bytes)]);
      }
    },
  );

  verifies('mcp/R25', 'of many calls at once each client hears its own call’s question and no other', async () => {
    const { clock, asking } = await linked({ serving: { serve: asks } });
    const calls = Array.from({ length: 40 }, async (_, n) => {
      const heard: unknown[] = [];
      const client = answering((question) => {
        heard.push(question.params?.['text']);
        return { result: { said: `answer ${n}` } };
      });
      const end = await asking.session.call(outgoing(clock, echoRequest(`prompt ${n}`), client));
      expect(heard).toEqual([`prompt ${n}`]);
      expect(end.kind === 'result' && Buffer.from(end.body).toString()).toBe(`{"result":{"said":"answer ${n}"}}`);
    });
    await Promise.all(calls);
  });

  verifies('mcp/R25', 'a call without a client that can be asked gives its server nothing to ask with', async () => {
    const { clock, asking, serving: far } = await linked({ serving: { serve: asks } });
    const contexts: Partial<CallContext>[] = [
      {},
      { client: sampling },
      { ask: async () => ({ result: {} }), client: new Set() },
      { ...answering(() => ({ result: {} })), era: 'stateless' },
    ];
    for (const context of contexts) {
      const end = await asking.session.call(outgoing(clock, echoRequest('hi'), context));
      expect(end.kind === 'result' && Buffer.from(end.body).toString()).toBe('"cannot be asked"');
    }
    expect(far.served.at(-1)?.context.client).toEqual(sampling);
  });

  verifies('mcp/R25', 'a question to a call that cannot be asked is answered with an error', async () => {
    const { raw } = await called({});
    raw.sendBytes(frame('request'));
    await until(() => raw.of(REPLY).length === 1);
    expect(json(raw.of(REPLY)[0]).error.code).toBe(-32601);
  });

  verifies('mcp/R25', 'a client that breaks its word and throws is an error to the server, and no more', async () => {
    const { raw, it } = await called({ client: sampling, ask: () => Promise.reject(new Error('secret path')) });
    raw.sendBytes(frame('request'));
    await until(() => raw.of(REPLY).length === 1);
    expect(json(raw.of(REPLY)[0]).error.code).toBe(-32603);
    expect(JSON.stringify(json(raw.of(REPLY)[0]))).not.toContain('secret');
    expect(it.ends).toEqual([]);
  });

  verifies('mcp/R26', 'a ninth open question is answered with an error, on either side', async () => {
    const answers: unknown[] = [];
    const { raw } = await serving(async ({ context }) => {
      for (let n = 0; n < 9; n++) void context.ask?.(prompt(`${n}`), context).then((answer) => answers.push(answer));
      return never();
    });
    await until(() => answers.length === 1);
    expect(answers).toMatchObject([{ error: { code: -32004 } }]);
    expect(requests(raw)).toHaveLength(LIMITS.maxQuestions);

    const asker = await called({ client: sampling, ask: never });
    for (let n = 1; n <= 9; n++) asker.raw.send(REQUEST, 1, hexOf(n, vectors.question));
    await until(() => asker.raw.of(REPLY).length === 1);
    expect(asker.raw.of(REPLY)[0]?.slice(0, 8)).toBe('00000009');
    expect(json(asker.raw.of(REPLY)[0]).error.code).toBe(-32004);
  });

  verifies('mcp/R26', 'a question that is open already ends the stream', async () => {
    const { raw, it } = await called({ client: sampling, ask: never });
    raw.sendBytes(frame('request') + frame('request'));
    await until(() => it.ends.length === 1);
    expect(it.ends).toEqual(['WIRE_MALFORMED']);
  });

  verifies('mcp/R27', 'whatever ends the call ends its questions at the client, without a reply', async () => {
    const endings: ((made: Awaited<ReturnType<typeof called>>) => void)[] = [
      ({ raw }) => raw.sendBytes(frame('result')),
      ({ raw }) => raw.sendBytes(frame('refuseBusy')),
      ({ stop }) => stop.abort(),
      ({ clock }) => clock.pass(30_001),
      ({ raw }) => raw.stream.abort(new Error('gone')),
      ({ raw }) => raw.sendBytes(frame('requestWithdrawn')),
    ];
    for (const end of endings) {
      const signals: AbortSignal[] = [];
      const made = await called({
        client: sampling,
        ask: (_, { signal }) => {
          signals.push(signal);
          return new Promise((resolve) => signal.addEventListener('abort', () => resolve({ result: {} })));
        },
      });
      made.raw.sendBytes(frame('request'));
      await until(() => signals.length === 1);
      expect(signals[0]?.aborted).toBe(false);
      end(made);
      await until(() => signals[0]?.aborted === true, { what: String(end) });
      if (made.raw.stream.status === 'open') made.raw.send(6, 99);
      await until(() => made.raw.of(7).length === 1 || made.it.ends.length === 1);
      expect(made.raw.of(REPLY)).toEqual([]);
    }
  });

  verifies('mcp/R27', 'a call that has asked is known to have begun, and is cancelled there', async () => {
    const { raw, stop, ended } = await called({ client: sampling, ask: never });
    raw.sendBytes(frame('request'));
    stop.abort();
    expect(await ended).toEqual({ kind: 'cancelled', sent: true });
    await until(() => raw.of(CANCEL).length === 1);
  });

  verifies(
    'mcp/R27',
    'a withdrawn question is withdrawn at the client and answered with an error at the server',
    async () => {
      const withdraw = new AbortController();
      const answers: unknown[] = [];
      const { raw } = await serving(async ({ context }) => {
        answers.push(await context.ask?.(JSON.parse(vectors.question), { signal: withdraw.signal }));
        return bodyOf('done');
      });
      await until(() => requests(raw).length === 1);
      withdraw.abort();
      await until(() => raw.of(RESULT).length === 1);
      expect(requests(raw)).toEqual([payload('request'), payload('requestWithdrawn')]);
      expect(answers).toMatchObject([{ error: { code: -32603 } }]);
    },
  );

  verifies('mcp/R27', 'a serving side whose call is cancelled, late or cut off waits for no answer', async () => {
    const ends: ((made: Awaited<ReturnType<typeof serving>>) => void)[] = [
      ({ raw }) => raw.sendBytes(frame('cancel')),
      ({ clock }) => clock.pass(30_001),
      ({ raw }) => raw.stream.abort(new Error('gone')),
    ];
    for (const end of ends) {
      const answers: unknown[] = [];
      const made = await serving(async ({ context }) => {
        answers.push(await context.ask?.(prompt('hi'), { signal: new AbortController().signal }));
        return bodyOf('late');
      });
      await until(() => requests(made.raw).length === 1);
      end(made);
      await until(() => answers.length === 1);
      expect(answers).toMatchObject([{ error: { code: -32603 } }]);
    }
  });

  verifies('mcp/R28', 'a question that is none is answered with an error, and the stream goes on', async () => {
    const { raw, it } = await called(answering(() => ({ result: {} })));
    const bad = [
      '{',
      '[]',
      '{"params":{}}',
      '{"method":""}',
      '{"method":"a","params":1}',
      '{"method":"a","id":1}',
      '\xff',
    ];
    for (const [n, body] of bad.entries()) raw.send(REQUEST, 1, hexOf(n + 1, body));
    await until(() => raw.of(REPLY).length === bad.length);
    expect(raw.of(REPLY).map((reply) => json(reply).error.code)).toEqual(bad.map(() => -32600));
    expect(it.ends).toEqual([]);
  });

  verifies('mcp/R28', 'an answer that is none is taken for an error, and the stream goes on', async () => {
    const bad = [
      '',
      '{',
      '{}',
      '{"result":1}',
      '{"result":{},"error":{"code":1,"message":""}}',
      '{"error":{"code":"1"}}',
    ];
    const answers: (ClientAnswer | undefined)[] = [];
    const { raw, it } = await serving(async ({ context }) => {
      for (const _ of bad) answers.push(await context.ask?.(prompt('hi'), context));
      return bodyOf('done');
    });
    for (const [n, body] of bad.entries()) {
      await until(() => requests(raw).length === n + 1);
      raw.send(REPLY, 1, hexOf(n + 1, body));
    }
    await until(() => raw.of(RESULT).length === 1);
    expect(answers).toMatchObject(bad.map(() => ({ error: { code: -32603 } })));
    expect(it.ends).toEqual([]);
  });

  verifies('mcp/R28', 'a payload too short for its question’s number ends the stream', async () => {
    const asker = await called({ client: sampling, ask: never });
    asker.raw.send(REQUEST, 1, '000000');
    const server = await serving(never);
    server.raw.send(REPLY, 1, '000000');
    await until(() => asker.it.ends.length + server.it.ends.length === 2);
    expect([...asker.it.ends, ...server.it.ends]).toEqual(['WIRE_MALFORMED', 'WIRE_MALFORMED']);
  });

  verifies('mcp/R28', 'a question and an answer over 32 KiB arrive whole, over 8 MiB as an error', async () => {
    const { clock, asking } = await linked({
      serving: {
        serve: async ({ context }) => {
          const image = 'i'.repeat(100_000);
          const large = await context.ask?.(prompt(image), context);
          const huge = await context.ask?.(prompt('x'.repeat(9 << 20)), context);
          const answered = await context.ask?.(prompt('answer hugely'), context);
          const length = large !== undefined && 'result' in large ? String(large.result['text']).length : -1;
          return bodyOf({ length, huge, answered });
        },
      },
    });
    const asked: number[] = [];
    const client = answering(({ params }) => {
      const text = String(params?.['text']);
      asked.push(text.length);
      return { result: { text: text === 'answer hugely' ? 'y'.repeat(9 << 20) : 'j'.repeat(200_000) } };
    });
    const end = await asking.session.call(outgoing(clock, echoRequest('hi'), client));
    expect(asked).toEqual([100_000, 13]);
    expect(end.kind === 'result' && JSON.parse(Buffer.from(end.body).toString())).toMatchObject({
      length: 200_000,
      huge: { error: { code: -32008 } },
      answered: { error: { code: -32008 } },
    });
  });

  verifies(
    'mcp/R27',
    'an answer that waits to be sent when its call is left does not hide that the call began',
    async () => {
      const flushes: (() => void)[] = [];
      let held = false;
      const defer = (flush: () => void) => void (held ? flushes.push(flush) : setImmediate(flush));
      const { clock, raw, it } = await facing({ defer });
      const stop = new AbortController();
      const client = answering(() => {
        held = true;
        return { result: { text: 'x'.repeat(100_000) } };
      });
      const ended = it.session.call(outgoing(clock, echoRequest('hi'), { ...client, signal: stop.signal }));
      await until(() => raw.of(CALL).length === 1);
      raw.sendBytes(frame('request'));
      await until(() => it.session.stats.queuedBytes > 100_000);
      stop.abort();
      expect(await ended).toEqual({ kind: 'cancelled', sent: true });
      expect(it.session.stats.queuedBytes).toBeLessThan(100);
      held = false;
      for (const flush of flushes) flush();
      await until(() => raw.of(CANCEL).length === 1);
      expect(raw.got.filter(({ type }) => (type & 0x3f) === REPLY)).toEqual([]);
    },
  );

  verifies(
    'mcp/R27',
    'an answer half sent when its call ends goes no further, and holds up nothing behind it',
    async () => {
      const clock = new HandClock();
      const [near, far] = await streamPair();
      const valve = valved(near);
      const over = Promise.withResolvers<void>();
      const serve = async (call: ServedCall): Promise<ServedReply> => {
        if (argument(call) !== 'first') return echo(call);
        void call.context.ask?.(prompt('hi'), call.context);
        await over.promise;
        return bodyOf('did not wait');
      };
      let answered = false;
      const defer = (flush: () => void) =>
        void setImmediate(() => {
          flush();
          if (answered) valve.shut(); // after the first chunks of the answer
        });
      const asking = sessionOn(valve.stream, clock, { defer });
      const serving_ = sessionOn(far, clock, { serve });
      const client = answering(() => {
        answered = true;
        return { result: { text: 'z'.repeat(4 << 20) } };
      });
      const first = asking.session.call(outgoing(clock, echoRequest('first'), client));
      await until(() => asking.session.stats.bytesOut > 32 * 1024);
      expect(asking.session.stats.queuedBytes).toBeGreaterThan(1 << 20);
      over.resolve();
      expect((await first).kind).toBe('result');
      expect(asking.session.stats.queuedBytes).toBe(0);
      answered = false;
      valve.open();
      const end = await asking.session.call(outgoing(clock, echoRequest('w'.repeat(1 << 20))));
      expect(end.kind === 'result' && end.body.length).toBeGreaterThan(1 << 20);
      expect([...asking.ends, ...serving_.ends]).toEqual([]);
    },
  );

  verifies('mcp/R27', 'an answer of which half arrived when its call ended is forgotten', async () => {
    const calls: ((reply: ServedReply) => void)[] = [];
    const { raw, it } = await facing({ serve: () => new Promise((resolve) => calls.push(resolve)) });
    raw.sendBytes(frame('delegate'));
    for (let n = 1; n <= 20; n++) {
      const id = n.toString(16).padStart(2, '0');
      raw.send(CALL, n, pingCall(id));
      await until(() => calls.length === n);
      const before = it.session.stats.bytesIn;
      raw.send(REPLY | 0x80, n, `${(4 << 20).toString(16).padStart(8, '0')}${'00'.repeat(1_000)}`);
      await until(() => it.session.stats.bytesIn > before + 1_000);
      calls[n - 1]?.(bodyOf(n));
      await until(() => raw.of(RESULT).length === n || it.ends.length > 0);
    }
    expect(it.ends).toEqual([]);
  });
});

describe('what a call says of its caller', () => {
  verifies('mcp/R29', 'bits that mean nothing yet are ignored', async () => {
    const { raw, it } = await facing();
    const call = payload('callWithTrace');
    raw.send(DELEGATE, 0, payload('delegate'));
    raw.send(CALL, 1, `${call.slice(0, 118)}ff82${call.slice(122)}`);
    await until(() => it.served.length === 1);
    expect(it.served[0]?.context.client).toEqual(new Set(['samplingTools']));
  });

  verifies('mcp/R29', 'a log level over 8 ends the stream', async () => {
    const { raw, it } = await facing();
    const call = payload('callWithTrace');
    raw.send(DELEGATE, 0, payload('delegate'));
    raw.send(CALL, 1, `${call.slice(0, 122)}09${call.slice(124)}`);
    await until(() => it.ends.length === 1);
    expect(it.ends).toEqual(['WIRE_MALFORMED']);
  });

  verifies('mcp/R29', 'what a client can be asked and what it wants to hear arrive as they are', async () => {
    const { clock, asking, serving: far } = await linked();
    const client = new Set(['samplingTools', 'samplingContext', 'elicitationUrl', 'roots'] as const);
    for (const [logLevel, era] of [
      ['emergency', 'stateless'],
      ['debug', 'session'],
    ] as const) {
      const ask = async () => ({ result: {} });
      await asking.session.call(outgoing(clock, echoRequest('hi'), { client, ask, logLevel, era }));
      expect(far.served.at(-1)?.context).toMatchObject({ client, logLevel, era });
    }
  });
});
