import { describe, expect, test } from 'vitest';
import type { Backend, BackendContext } from '../../../node/backends/backend.ts';
import { CallTracing } from '../../../node/router/call-tracing.ts';
import { createEventBus, type Span } from '../../../node/telemetry/index.ts';
import { parseTraceparent, type RpcRequest } from '../../../src/mcp/index.ts';
import { agentNamed } from '../../support/router-network.ts';

const TRACE = '0af7651916cd43dd8448eb211c80319c';
const PARENT = 'b7ad6b7169203331';

function tracingAt(sampleRatio: number) {
  const bus = createEventBus();
  const spans: Span[] = [];
  bus.on('call.forwarded', ({ span }) => spans.push(span));
  return { tracing: new CallTracing({ sampleRatio, reporter: bus, now: () => 5 }), spans };
}
const idOf = (hex: string): Uint8Array => Buffer.from(hex, 'hex');
const LOW = idOf('0123456789abcdef00000000000000ff');
const MIDDLE = idOf('0123456789abcdef00800000000000ff');
const HIGH = idOf('0123456789abcdef00fffffffffffffe');

describe('whether a call is traced', () => {
  test.each([1, 0.5, 0])('is what its caller says, at a ratio of %d', (ratio) => {
    const { tracing } = tracingAt(ratio);
    expect(tracing.begin({ callId: LOW, traceparent: `00-${TRACE}-${PARENT}-00` })).toBeUndefined();
    const span = tracing.begin({ callId: LOW, traceparent: `00-${TRACE}-${PARENT}-01` });
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
      [LOW, MIDDLE, HIGH].map((callId) => tracingAt(ratio).tracing.begin({ callId }) !== undefined);
    expect(drawn(0)).toEqual([false, false, false]);
    expect(drawn(0.000_001)).toEqual([false, false, true]);
    expect(drawn(0.5)).toEqual([false, true, true]);
    expect(drawn(1)).toEqual([true, true, true]);
  });

  test('and then its trace has the id under which the audit log has it', () => {
    const span = tracingAt(1).tracing.begin({ callId: MIDDLE });
    expect(span).toMatchObject({ traceId: '0123456789abcdef00800000000000ff', parentSpanId: undefined });
  });

  test('is never so for an id that no trace may have', () => {
    expect(tracingAt(1).tracing.begin({ callId: Buffer.alloc(16) })).toBeUndefined();
  });

  test('is drawn as often as the ratio says', () => {
    const { tracing } = tracingAt(0.125);
    let traced = 0;
    // A fixed sequence of ids, spread evenly: the draw has nothing random of its own.
    for (let nth = 0; nth < 4_096; nth += 1) {
      const callId = Buffer.alloc(16, 1);
      callId.writeUIntBE(nth * 2 ** 36, 9, 6);
      if (tracing.begin({ callId }) !== undefined) traced += 1;
    }
    expect(traced).toBe(512);
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
