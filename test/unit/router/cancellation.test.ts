import { afterEach, describe, expect, test } from 'vitest';
import type { BackendContext, BackendReply } from '../../../node/backends/backend.ts';
import { success } from '../../../node/backends/reply.ts';
import type { RouterCall } from '../../../node/gateway/index.ts';
import { CallContext, newCallId } from '../../../node/router/call-context.ts';
import { DeadlineWheel } from '../../../node/router/deadline-wheel.ts';
import type { Cancellable, Cancellation } from '../../../protocols/mcp/index.ts';
import type { RpcRequest } from '../../../src/mcp/index.ts';
import { agentNamed, NotingServer, RouterNetwork } from '../../support/router-network.ts';
import { until } from '../../support/until.ts';

/** What a caller tells of itself, as the gateway does. */
class Caller implements Cancellation {
  cancelled = false;
  listener: Cancellable | undefined;
  cancel(): void {
    this.cancelled = true;
    this.listener?.onCancel();
  }
}

function contextOf(caller: Caller | undefined, wheel = new DeadlineWheel(0)): CallContext {
  const origin = { principal: agentNamed('ann'), era: 'session', signal: new AbortController().signal } as const;
  const options = { deadlineAt: 1_000, deadlines: wheel };
  return new CallContext({ ...origin, cancellation: caller }, newCallId(), options);
}

describe('a call under way', () => {
  test('tells its listener and its signal of the cancellation, whichever was asked for first', () => {
    for (const first of ['signal', 'listener'] as const) {
      const caller = new Caller();
      const context = contextOf(caller);
      let told = 0;
      const listen = () => {
        context.listener = { onCancel: () => void (told += 1) };
      };
      const signal = first === 'signal' ? context.signal : undefined;
      listen();
      const later = signal ?? context.signal;
      expect([context.cancelled, later.aborted, told]).toEqual([false, false, 0]);
      caller.cancel();
      expect([context.cancelled, later.aborted, told]).toEqual([true, true, 1]);
    }
  });

  test('has a signal that is aborted already where the caller went before it was asked for', () => {
    const caller = new Caller();
    const context = contextOf(caller);
    caller.cancel();
    expect(context.signal.aborted).toBe(true);
  });

  test('leaves nothing behind when it has ended: no listener, no deadline', () => {
    const caller = new Caller();
    const wheel = new DeadlineWheel(0);
    const context = contextOf(caller, wheel);
    context.listener = { onCancel: () => undefined };
    expect(context.signal.aborted).toBe(false);
    expect(wheel.size).toBe(1);
    context.end();
    expect([caller.listener, wheel.size]).toEqual([undefined, 0]);
  });

  test('offers no cancellation where its caller has only a signal', () => {
    expect(contextOf(undefined).cancellation).toBeUndefined();
  });
});

/** A server that works until it is told to stop. */
class Waiting extends NotingServer {
  readonly signals: AbortSignal[] = [];
  override async request(request: RpcRequest, context: BackendContext): Promise<BackendReply> {
    if (request.method !== 'tools/call') return super.request(request, context);
    this.signals.push(context.signal);
    await new Promise((resolve) => context.signal.addEventListener('abort', resolve));
    return success(request.id, { content: [] });
  }
}

describe('a cancelled call', () => {
  let network = new RouterNetwork();
  afterEach(async () => {
    await network.stop();
    network = new RouterNetwork();
  });

  test.each(['here', 'there'])('stops the server that works for it %s', async (where) => {
    const server = new Waiting('slow');
    const here = network.add('here', where === 'here' ? [server] : []);
    if (where === 'there') network.add('there', [server]);
    const caller = new Caller();
    const call: RouterCall = {
      request: { jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'slow__work', arguments: {} } },
      principal: agentNamed('ann'),
      era: 'session',
      view: undefined,
      sourceIp: '',
      sessionId: 's',
      signal: new AbortController().signal,
      cancellation: caller,
    };
    const ended = Promise.resolve(here.router.handle(call));
    const signal = await until(() => server.signals[0]);
    expect(signal.aborted).toBe(false);
    caller.cancel();
    await ended;
    await until(() => signal.aborted);
    expect(caller.listener).toBeUndefined();
  });

  test('was never sent to another node where it was cancelled before', async () => {
    const server = new Waiting('slow');
    const here = network.add('here');
    network.add('there', [server]);
    const caller = new Caller();
    caller.cancel();
    const call = {
      principal: agentNamed('ann'),
      era: 'session',
      view: undefined,
      sourceIp: '',
      sessionId: 's',
    } as const;
    const request: RpcRequest = { jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'slow__work' } };
    const { signal } = new AbortController();
    const { body } = await here.router.handle({ ...call, request, signal, cancellation: caller });
    expect(Buffer.from(body).toString()).toContain('OUTCOME_UNKNOWN');
    expect(server.signals).toEqual([]);
  });
});
