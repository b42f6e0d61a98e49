import { after } from '../../src/kernel/index.ts';
import type { Awaitable } from '../backends/backend.ts';
import type { RouterCall, RouterReply } from '../gateway/router-port.ts';
import type { Reporter } from '../telemetry/index.ts';
import { newCallId } from './call-context.ts';
import type { CallTracing } from './call-tracing.ts';

export interface ListTracing {
  /** undefined: nothing is traced. */
  readonly tracing: CallTracing | undefined;
  readonly reporter: Reporter;
  readonly now: () => number;
}

/** Lists are no calls: they are in no record, and their traces have a span of their own. `answer` is given what its calls are to go by. */
export function tracedList(
  { tracing, reporter, now }: ListTracing,
  call: RouterCall,
  answer: (traceparent: string | undefined) => Awaitable<RouterReply>,
): Awaitable<RouterReply> {
  if (tracing === undefined) return answer(call.traceparent);
  const { principal, request } = call;
  const begun = tracing.begin({ traceparent: call.traceparent, callId: newCallId(), principal });
  const { span } = begun;
  if (span === undefined) return answer(begun.traceparent);
  const startedAt = now();
  return after(answer(begun.traceparent), (reply) => {
    reporter.report('work.done', {
      name: request.method,
      side: 'server',
      outcome: isRefusal(call, reply) ? 'refused' : 'ok',
      attributes: { 'mcp.method.name': request.method, 'village.side': 'call' },
      durationMs: now() - startedAt,
      span: {
        ...{ traceId: span.traceId, spanId: span.spanId, parentSpanId: span.parentSpanId },
        ...{ parentIsRemote: span.parentSpanId !== undefined, startedAt, agent: principal.agentId },
        ...{ callId: '', name: undefined, errorCode: undefined },
      },
    });
    return reply;
  });
}

/** A list can be megabytes: its beginning says what it is. */
function isRefusal({ request }: RouterCall, { body }: RouterReply): boolean {
  const refusal = Buffer.from(`{"jsonrpc":"2.0","id":${JSON.stringify(request.id)},"error"`);
  return refusal.equals(body.subarray(0, refusal.length));
}
