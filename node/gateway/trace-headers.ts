import type { IncomingHttpHeaders } from 'node:http';
import { isObject, isTraceparent, isTracestate, type RpcRequest } from '../../src/mcp/index.ts';
import { header } from './post.ts';

/** Where a request stands in a trace, as its HTTP headers say. What is not well-formed counts as absent. */
export interface TraceHeaders {
  readonly traceparent: string | undefined;
  /** Only with a `traceparent`. */
  readonly tracestate: string | undefined;
}

const NONE: TraceHeaders = { traceparent: undefined, tracestate: undefined };

export function traceHeaders(headers: IncomingHttpHeaders): TraceHeaders {
  const traceparent = header(headers, 'traceparent');
  if (!isTraceparent(traceparent)) return NONE;
  const tracestate = header(headers, 'tracestate');
  return { traceparent, tracestate: isTracestate(tracestate) ? tracestate : undefined };
}

/** A header ends at this node: what it says goes on in the request itself, where every server looks for it. */
export function withTracestate(request: RpcRequest, tracestate: string): RpcRequest {
  const meta = request.params?.['_meta'];
  return { ...request, params: { ...request.params, _meta: { ...(isObject(meta) ? meta : {}), tracestate } } };
}
