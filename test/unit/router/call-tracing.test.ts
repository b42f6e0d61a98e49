import { describe, expect, test } from 'vitest';
import type { Backend, BackendContext } from '../../../node/backends/backend.ts';
import { CallTracing } from '../../../node/router/call-tracing.ts';
import { createEventBus, type Span } from '../../../node/telemetry/index.ts';
import { parseTraceparent, type RpcRequest } from '../../../src/mcp/index.ts';
import { agentNamed } from '../../support/router-network.ts';

const TRACE = '0af7651916cd43dd8448eb211c80319c';
const PARENT = 'b7ad6b7169203331';

function tracingAt(sampleRatio: number, { askedPerMinute = 600, now = (): number => 5 } = {}) {
  const bus = createEventBus();
  const spans: Span[] = [];
  bus.on('call.forwarded', ({ span }) => spans.push(span));
  const tracing = new CallTracing({ sampleRatio, askedPerMinute, reporter: bus, now });
  const begin = (callId: Uint8Array, traceparent?: string, agent = 'ann') =>
    tracing.begin({ callId, traceparent, principal: agentNamed(agent) });
  return { tracing, spans, begin };
}
const idOf = (hex: string): Uint8Array => Buffer.from(hex, 'hex');
const LOW = idOf('0123456789abcdef00000000000000ff');
const MIDDLE = idOf('0123456789abcdef00800000000000ff');
const HIGH = idOf('0123456789abcdef00fffffffffffffe');

describe('whether a call is traced', () => {
  test.each([1, 0.5, 0])('is what its caller says, at a ratio of %d', (ratio) => {
    const { begin } = tracingAt(ratio);
    const unwanted = `00-${TRACE}-${PARENT}-00`;
    expect(begin(LOW, unwanted)).toEqual({ span: undefined, traceparent: unwanted });
    const { span, traceparent } = begin(LOW, `00-${TRACE}-${PARENT}-01`);
    expect(traceparent).toBe(span?.traceparent);
    expect(span).toMatchObject({ traceId: TRACE, parentSpanId: PARENT });
    expect(span?.spanId).not.toBe(PARENT);
    expect(parseTraceparent(span?.traceparent ?? '')).toEqual({
      traceId: TRACE,
      parentId: span?.spanId,
      sampled: true,
    });
  });

  test('is drawn by its id where nobody says, so that every node of a hop draws the same', () => {
    const drawn = (ratio: number) =>
      [LOW, MIDDLE, HIGH].map((callId) => tracingAt(ratio).begin(callId).span !== undefined);
    expect(drawn(0)).toEqual([false, false, false]);
    expect(drawn(0.000_001)).toEqual([false, false, true]);
    expect(drawn(0.5)).toEqual([false, true, true]);
    expect(drawn(1)).toEqual([true, true, true]);
  });

  test('and then its trace has the id under which the audit log has it', () => {
    const { span } = tracingAt(1).begin(MIDDLE);
    expect(span).toMatchObject({ traceId: '0123456789abcdef00800000000000ff', parentSpanId: undefined });
  });

  test('is never so for an id that no trace may have', () => {
    expect(tracingAt(1).begin(Buffer.alloc(16)).span).toBeUndefined();
  });

  test('is drawn as often as the ratio says', () => {
    const { begin } = tracingAt(0.125);
    let traced = 0;
    // A fixed sequence of ids, spread evenly: the draw has nothing random of its own.
    for (let nth = 0; nth < 4_096; nth += 1) {
      const callId = Buffer.alloc(16, 1);
      callId.writeUIntBE(nth * 2 ** 36, 9, 6);
      if (begin(callId).span !== undefined) traced += 1;
    }
    expect(traced).toBe(512);
  });

  describe('when one agent asks for more traces than it has', () => {
    const wanted = `00-${TRACE}-${PARENT}-01`;
    let now = 0;
    const askedByAnn = (sampleRatio: number) => {
      now = 0;
      const asking = tracingAt(sampleRatio, { askedPerMinute: 2, now: () => now });
      const first = [asking.begin(LOW, wanted), asking.begin(LOW, wanted)];
      expect(first.map(({ span }) => span?.traceId)).toEqual([TRACE, TRACE]);
      return asking;
    };

    test('goes on in its trace as one that is not sampled, so that no further node makes spans of it', () => {
      const { span, traceparent } = askedByAnn(0).begin(LOW, wanted);
      expect(span).toBeUndefined();
      expect(parseTraceparent(traceparent ?? '')).toMatchObject({ traceId: TRACE, sampled: false });
      expect(traceparent).not.toContain(PARENT);
    });

    test('is drawn like any other, and keeps its trace', () => {
      const { begin } = askedByAnn(0.5);
      expect(begin(LOW, wanted).span).toBeUndefined();
      expect(begin(HIGH, wanted).span).toMatchObject({ traceId: TRACE, parentSpanId: PARENT });
    });

    test('another agent has its own, and so has this one in the next minute', () => {
      const { begin } = askedByAnn(0);
      expect(begin(LOW, wanted, 'bob').span).toBeDefined();
      expect(begin(LOW, wanted).span).toBeUndefined();
      now = 30_000;
      expect(begin(LOW, wanted).span).toBeDefined();
      expect(begin(LOW, wanted).span).toBeUndefined();
    });
  });
});

describe('the way of a traced call', () => {
  const request: RpcRequest = { jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'look' } };
  const context = (traceparent: string | undefined): BackendContext => ({
    ...{ principal: agentNamed('ann'), era: 'session', callId: LOW, deadlineAt: 1000, traceparent },
    signal: new AbortController().signal,
  });
  const sent = (traceparent: string | undefined) => ({
    ...{ context: context(traceparent), request, service: undefined, server: 's', target: 'look' },
  });
  const backend = (kind: Backend['kind']): Backend => ({ kind, request: () => ({ ...REPLY }) });
  const REPLY = { body: new Uint8Array(), outcome: 'failed', reason: 'NODE_UNREACHABLE' } as const;

  test('is a span of its own, under which the other side hangs', () => {
    const { tracing, spans } = tracingAt(0);
    const leg = tracing.legTo(backend('peer'), sent(`00-${TRACE}-${PARENT}-01`), 'peer-1');
    expect(leg?.ended(REPLY)).toBe(REPLY);
    expect(spans).toMatchObject([{ traceId: TRACE, parentSpanId: PARENT, parentIsRemote: false, errorCode: -32011 }]);
    expect(leg?.context.traceparent).toBe(`00-${TRACE}-${spans[0]?.spanId}-01`);
    expect(leg?.context).toMatchObject({ principal: agentNamed('ann'), era: 'session', callId: LOW, deadlineAt: 1000 });
  });

  test.each([
    ['to a role in this process', 'role', `00-${TRACE}-${PARENT}-01`],
    ['of a call that is in no trace', 'peer', undefined],
    ['of a call whose caller does not want it', 'url', `00-${TRACE}-${PARENT}-00`],
  ] as const)('%s is no span', (_what, kind, traceparent) => {
    const { tracing, spans } = tracingAt(1);
    expect(tracing.legTo(backend(kind), sent(traceparent))).toBeUndefined();
    expect(spans).toEqual([]);
  });
});
