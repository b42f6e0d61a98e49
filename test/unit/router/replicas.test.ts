import { describe, expect, test } from 'vitest';
import type { BackendContext, BackendReply } from '../../../node/backends/backend.ts';
import { failure, success } from '../../../node/backends/reply.ts';
import { CallTracing } from '../../../node/router/call-tracing.ts';
import { Replicas } from '../../../node/router/replicas.ts';
import type { Target } from '../../../node/router/resolve.ts';
import { DeadlineWheel } from '../../../node/router/deadline-wheel.ts';
import { createEventBus, type Span } from '../../../node/telemetry/index.ts';
import type { Movable } from '../../../protocols/mcp/index.ts';
import type { RpcRequest, ServerDefinition } from '../../../src/mcp/index.ts';
import type { Replica, Service } from '../../../src/routing/index.ts';
import { contextFor } from '../../support/hosting.ts';
import { PROMISES, StoreServer } from '../../support/store-server.ts';
import { until } from '../../support/until.ts';

type Answer = (request: RpcRequest, context: BackendContext, movable?: Movable) => BackendReply | Promise<BackendReply>;

const ok: Answer = ({ id }) => success(id, { content: [] });
const lost: Answer = ({ id }) => failure(id, { name: 'OUTCOME_UNKNOWN', message: 'lost' }, { outcome: 'unknown' });
const absent: Answer = ({ id }) => failure(id, { name: 'NODE_UNREACHABLE', message: 'gone' }, { notStarted: true });

/** A service on nodes a, b, c …, on a clock that a test moves and with chances that it can replay. */
function village(
  answers: Record<string, Answer>,
  { hedgeAfterMs = 0, tracing }: { hedgeAfterMs?: number; tracing?: CallTracing } = {},
) {
  const clock = { ms: 1_000_000 };
  const wheel = new DeadlineWheel(clock.ms);
  const asked: string[] = [];
  const silent = new Set<string>();
  let seed = 1;
  const definition = {
    ...(new StoreServer('store').definition() as ServerDefinition),
    promises: { ...PROMISES, idempotent: ['again'] },
  };
  const places = Object.keys(answers).map((nodeId): Replica => {
    return { nodeId, alias: 'store', local: false, definitionHash: 'h', firstSeenMs: 0 };
  });
  const serviceOf = (replicas: readonly Replica[]): Service => ({
    ...{ label: 'store', alias: 'store', kind: 'third_party', definition, definitionHash: 'h' },
    ...{ access: undefined, replicas, otherVersions: [] },
  });
  const replicas = new Replicas({
    hosting: { get: () => undefined, servers: () => [], onChange: () => () => undefined },
    peer: (nodeId) => ({
      kind: 'peer',
      request: async (request, context, movable) => {
        asked.push(nodeId);
        return (answers[nodeId] as Answer)(request, context, movable);
      },
    }),
    links: { silent },
    policy: () => ({ value: () => undefined }) as never,
    clock: {
      now: () => clock.ms,
      chance: () => {
        seed = (seed * 48_271) % 2_147_483_647;
        return seed / 2_147_483_647;
      },
    },
    hedgeAfterMs: () => hedgeAfterMs,
    tracing,
    deadlines: wheel,
  });
  let service = serviceOf(places);
  const call = async (tool = 'get', context = contextFor()) => {
    const request: RpcRequest = { jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: tool } };
    const target: Target = { service, name: tool, request, nodeId: undefined };
    return (await replicas.forward(target, context)).reply;
  };
  return {
    asked,
    silent,
    call,
    avoided: () => replicas.avoided(),
    /** Many calls in a row, `everyMs` after each other; how often each node was asked. */
    calls: async (count: number, everyMs = 10) => {
      const before = asked.length;
      for (let n = 0; n < count; n += 1) {
        clock.ms += everyMs;
        await call();
      }
      return Object.fromEntries(
        places.map(({ nodeId }) => [nodeId, asked.slice(before).filter((one) => one === nodeId).length]),
      );
    },
    drain: (nodeId: string, draining = true) => {
      service = serviceOf(places.map((one) => ({ ...one, draining: draining && one.nodeId === nodeId })));
    },
    /** Lets so much time go by. */
    after: (ms: number) => {
      clock.ms += ms;
      wheel.advance(clock.ms);
    },
    /** Answers, having taken so long. */
    taking: (ms: number): Answer => {
      return (request, context) => {
        clock.ms += ms;
        return ok(request, context);
      };
    },
    clock,
  };
}

test('each place that a traced call is sent to is a span of its own beside the others', async () => {
  const traceId = '0af7651916cd43dd8448eb211c80319c';
  const bus = createEventBus();
  const legs: { peer: string; outcome: string; span: Span }[] = [];
  bus.on('call.forwarded', (leg) => legs.push(leg));
  const said: (string | undefined)[] = [];
  const heard =
    (answer: Answer): Answer =>
    (request, context) => {
      said.push(context.traceparent);
      return answer(request, context);
    };
  const tracing = new CallTracing({ sampleRatio: 0, askedPerMinute: 600, reporter: bus, now: () => 0 });
  const here = village({ a: heard(absent), b: heard(absent) }, { tracing });
  await here.call('get', { ...contextFor(), traceparent: `00-${traceId}-b7ad6b7169203331-01` });
  expect(legs.map(({ peer }) => peer).sort()).toEqual(['a', 'b']);
  expect(legs.map(({ span }) => [span.traceId, span.parentSpanId, span.errorCode])).toEqual([
    [traceId, 'b7ad6b7169203331', -32011],
    [traceId, 'b7ad6b7169203331', -32011],
  ]);
  expect(said).toEqual(legs.map(({ span }) => `00-${traceId}-${span.spanId}-01`));
  expect(new Set(said).size).toBe(2);
});

describe('among the replicas of a service', () => {
  /** Three nodes, of which `c` loses every other call. */
  function oneFlaky() {
    let calls = 0;
    const flaky: Answer = (request, context) => ((calls += 1) % 2 === 0 ? ok : lost)(request, context);
    const answers = { a: ok, b: ok, c: flaky };
    const here = village(answers);
    answers.a = here.taking(5);
    answers.b = here.taking(5);
    return { here, answers };
  }

  test('one that fails now and then more than its siblings is left alone for a while, and tried again', async () => {
    const { here, answers } = oneFlaky();
    await here.calls(600);
    const asked = await here.calls(200, 5);
    expect(asked['c']).toBe(0);
    answers.c = here.taking(5);
    here.after(120_000);
    expect((await here.calls(300))['c']).toBeGreaterThan(30);
  });

  test('one that is left alone is told of with since when, and until when, and no more once it is tried', async () => {
    const { here } = oneFlaky();
    await until(async () => (await here.calls(20)) && here.avoided().length > 0, { intervalMs: 0 });
    const [avoided] = here.avoided();
    expect(avoided).toMatchObject({ because: 'worse-than-its-siblings', nodeId: 'c', server: 'store' });
    expect(avoided?.sinceMs).toBeLessThanOrEqual(here.clock.ms);
    expect((avoided as { untilMs: number }).untilMs).toBeGreaterThan(here.clock.ms);
    here.after(120_000);
    expect(here.avoided()).toEqual([]);
  });

  test('one that fails five times in a row is told of, since the fifth, until it answers', async () => {
    const answers: Record<string, Answer> = { a: absent };
    const here = village(answers);
    await here.calls(4);
    expect(here.avoided()).toEqual([]);
    await here.calls(1);
    const sinceMs = here.clock.ms;
    await here.calls(3, 10_000);
    expect(here.avoided()).toEqual([{ because: 'failures', sinceMs, nodeId: 'a', server: 'store' }]);
    answers['a'] = ok;
    await here.calls(1, 60_000);
    expect(here.avoided()).toEqual([]);
  });

  test('a slow one is hardly asked, and looked at again from time to time', async () => {
    const answers = { a: ok, b: ok, c: ok };
    const here = village(answers);
    answers.a = here.taking(5);
    answers.b = here.taking(5);
    answers.c = here.taking(200);
    const slow = await here.calls(300);
    expect(slow['c']).toBeGreaterThan(0);
    expect(slow['c']).toBeLessThan(10);
    here.after(120_000);
    expect((await here.calls(20))['c']).toBeGreaterThan(0);
  });

  test('with all of them failing, the call still goes somewhere', async () => {
    const here = village({ a: lost, b: lost });
    await here.calls(50);
    expect(here.asked).toHaveLength(50);
  });

  test('a draining one is not asked, unless it is all there is', async () => {
    const here = village({ a: ok, b: ok });
    here.drain('a');
    expect(await here.calls(20)).toEqual({ a: 0, b: 20 });
    const alone = village({ a: ok });
    alone.drain('a');
    expect((await alone.call()).outcome).toBe('ok');
  });

  test('one that was drained begins slowly', async () => {
    const answers = { a: ok, b: ok };
    const here = village(answers);
    answers.a = here.taking(5);
    answers.b = here.taking(5);
    await here.calls(2_000);
    here.drain('a');
    await here.calls(10);
    here.drain('a', false);
    expect((await here.calls(50))['a']).toBe(0);
    here.after(10_000);
    expect((await here.calls(50))['a']).toBeGreaterThan(10);
  });
});

describe('a call that got no answer', () => {
  test('goes to another replica when it provably never began', async () => {
    const here = village({ a: absent, b: ok, c: absent });
    expect((await here.call()).outcome).toBe('ok');
  });

  test('is not made again when it may have run, unless it may run twice', async () => {
    const here = village({ a: lost, b: lost, c: lost });
    expect((await here.call('get')).reason).toBe('OUTCOME_UNKNOWN');
    expect(here.asked).toHaveLength(1);
    expect((await here.call('again')).reason).toBe('OUTCOME_UNKNOWN');
    expect(new Set(here.asked.slice(1))).toEqual(new Set(['a', 'b', 'c']));
  });

  test('is not made again for a caller who is gone', async () => {
    const gone = new AbortController();
    const leaves: Answer = (request, context) => {
      gone.abort();
      return lost(request, context);
    };
    const here = village({ a: leaves, b: leaves });
    await here.call('again', { ...contextFor(), signal: gone.signal });
    expect(here.asked).toHaveLength(1);
  });
});

describe('a second replica is asked too', () => {
  const never: Answer = ({ id }, { signal }) =>
    new Promise((resolve) => {
      signal.addEventListener('abort', () => {
        resolve(failure(id, { name: 'OUTCOME_UNKNOWN', message: 'given up' }, { outcome: 'unknown' }));
      });
    });

  test('once the first takes too long, and the first answer counts; the other is given up', async () => {
    let heard: BackendContext | undefined;
    const first: Answer = (request, context) => {
      heard ??= context;
      return heard === context ? never(request, context) : ok(request, context);
    };
    const here = village({ a: first, b: first }, { hedgeAfterMs: 100 });
    const asked = here.call('again');
    here.after(99);
    await Promise.resolve();
    expect(here.asked).toHaveLength(1);
    here.after(50);
    expect((await asked).outcome).toBe('ok');
    expect(here.asked).toHaveLength(2);
    expect(heard?.signal.aborted).toBe(true);
  });

  test('only for what may run twice, and only where that is configured', async () => {
    for (const [tool, hedgeAfterMs] of [
      ['get', 100],
      ['again', 0],
    ] as const) {
      const here = village({ a: never, b: never }, { hedgeAfterMs });
      const ends = new AbortController();
      const asked = here.call(tool, { ...contextFor(), signal: ends.signal });
      here.after(1_000);
      await Promise.resolve();
      expect(here.asked).toHaveLength(1);
      ends.abort();
      await asked;
    }
  });

  test('and both are given up with the call', async () => {
    const here = village({ a: never, b: never }, { hedgeAfterMs: 100 });
    const ends = new AbortController();
    const asked = here.call('again', { ...contextFor(), signal: ends.signal });
    here.after(150);
    await Promise.resolve();
    await Promise.resolve();
    ends.abort();
    expect((await asked).reason).toBe('OUTCOME_UNKNOWN');
  });
});

describe('a node that hangs', () => {
  /** Asks `tool`, and answers where the call went first and the words its link has for it. */
  function hanging(tool: string, nodes: readonly string[] = ['a', 'b']) {
    const held = new Map<string, { movable: Movable | undefined; end: (reply: BackendReply) => void }>();
    const holds = (nodeId: string): Answer => {
      return (_request, _context, movable) => new Promise((end) => void held.set(nodeId, { movable, end }));
    };
    const here = village(Object.fromEntries(nodes.map((nodeId) => [nodeId, holds(nodeId)])));
    const reply = here.call(tool);
    const first = here.asked[0] as string;
    return { here, reply, first, held, movable: held.get(first)?.movable };
  }

  test('is not asked while others are there, and is asked when it is all there is', async () => {
    const answers = { a: ok, b: ok };
    const here = village(answers);
    answers.a = here.taking(5);
    answers.b = here.taking(5);
    here.silent.add('a');
    expect(await here.calls(20)).toEqual({ a: 0, b: 20 });
    here.silent.add('b');
    expect((await here.call()).outcome).toBe('ok');
    here.silent.clear();
    expect((await here.calls(400))['a']).toBeGreaterThan(50);
  });

  test('loses the calls that may run twice to a node that answers, and to none that was asked or hangs as well', async () => {
    const { here, reply, first, held, movable } = hanging('again');
    const other = first === 'a' ? 'b' : 'a';
    here.silent.add(first);
    expect(movable?.mayMove()).toBe(true);
    here.silent.add(other);
    expect(movable?.mayMove()).toBe(false);
    here.silent.delete(other);
    held.get(first)?.end(lost({ jsonrpc: '2.0', id: 1, method: 'tools/call' }, contextFor()) as BackendReply);
    await until(() => held.has(other));
    expect(held.get(other)?.movable?.mayMove()).toBe(false);
    held.get(other)?.end(ok({ jsonrpc: '2.0', id: 1, method: 'tools/call' }, contextFor()) as BackendReply);
    expect((await reply).outcome).toBe('ok');
  });

  test('keeps the calls that may not run twice, and those that nobody else can take', async () => {
    const once = hanging('get');
    once.here.silent.add(once.first);
    expect(once.movable?.mayMove()).toBe(false);
    const alone = hanging('again', ['a']);
    expect(alone.movable).toBeUndefined();
  });

  test('is blamed for no call that was taken from it: once heard again it is asked as any other', async () => {
    const answers: Record<string, Answer> = { a: lost, b: lost };
    const here = village(answers);
    here.silent.add('a').add('b');
    await here.calls(20);
    expect(here.avoided()).toEqual([]);
    here.silent.clear();
    await here.calls(20);
    expect(here.avoided().length).toBeGreaterThan(0);
  });
});
