import { isUtf8 } from 'node:buffer';
import type { Socket } from 'node:net';
import type { Principal } from '../../src/permissions/index.ts';
import { bearerOf } from './authenticate.ts';
import type { GatewayContext } from './context.ts';
import type { Caller } from './exchange.ts';
import type { LaneDesk, LaneResponse, RequestHead, Span } from './fast-lane/index.ts';
import { acceptsBoth, isJson, receiveWhole, toolsModeOf } from './mcp-endpoint.ts';
import type { OriginGuard } from './origin-guard.ts';
import { traceHeaders } from './trace-headers.ts';
import type { BodyText } from './read-body.ts';

/** What is known of a POST from its head alone. */
interface Admitted extends Omit<Caller, 'principal' | 'sourceIp'> {
  readonly headers: RequestHead['headers'];
  readonly token: string;
  /** Made once for all requests that repeat the head: its hash costs 1.2 µs. */
  tokenSha256: string | undefined;
  /** Who it last turned out to come from: the same objects serve call after call. */
  caller: Caller | undefined;
}

/**
 * The POSTs that need nothing but a token that is good: to `/mcp` or a view, from no page of a browser, with all headers as they
 * should be. Whatever is to be refused before its body is read goes the long way, where there are words for it.
 */
export class PlainPosts implements LaneDesk<Admitted> {
  readonly #context: GatewayContext;
  readonly #options: {
    /** undefined: no requests are taken. */
    readonly guard: () => OriginGuard | undefined;
    readonly viewOf: (path: string) => string | undefined;
  };

  constructor(
    context: GatewayContext,
    options: { guard: () => OriginGuard | undefined; viewOf: (path: string) => string | undefined },
  ) {
    this.#context = context;
    this.#options = options;
  }

  admit({ url, headers, contentLength }: RequestHead): Admitted | undefined {
    const query = url.indexOf('?');
    const path = query < 0 ? url : url.slice(0, query);
    const view = this.#options.viewOf(path);
    if (path !== '/mcp' && view === undefined) return undefined;
    const guard = this.#options.guard();
    if (guard === undefined || guard.refuses(headers) !== undefined || headers.origin !== undefined) return undefined;
    if (!acceptsBoth(headers.accept) || !isJson(headers['content-type'])) return undefined;
    const token = bearerOf(headers.authorization);
    if (token === undefined || contentLength > this.#context.limits.maxBodyBytes) return undefined;
    const { traceparent, tracestate } = traceHeaders(headers);
    const toolsMode = toolsModeOf(url);
    return { headers, token, tokenSha256: undefined, view, traceparent, tracestate, toolsMode, caller: undefined };
  }

  serve(
    admitted: Admitted,
    request: { body: Span; socket: Socket; response: LaneResponse },
  ): boolean | Promise<boolean> {
    const { auth, limiter, limits } = this.#context;
    const sourceIp = request.socket.remoteAddress ?? '';
    if (this.#options.guard() === undefined || limiter.source(sourceIp) > 0) return false;
    // The head may have been admitted under another limit: it is read once for all requests that repeat it.
    if (request.body.to - request.body.from > limits.maxBodyBytes) return false;
    const principal = auth.verifyCached(admitted.token, admitted);
    if (principal !== undefined) return this.#receive(admitted, request, { principal, sourceIp });
    const { bytes, from, to } = request.body;
    const kept = { ...request, body: { bytes: Buffer.from(bytes.subarray(from, to)), from: 0, to: to - from } };
    return auth.verify(admitted.token).then(
      (verdict) => verdict.kind === 'ok' && this.#receive(admitted, kept, { principal: verdict.principal, sourceIp }),
      () => false,
    );
  }

  #receive(
    admitted: Admitted,
    { body, response }: { body: Span; response: LaneResponse },
    { principal, sourceIp }: { principal: Principal; sourceIp: string },
  ): true {
    let { caller } = admitted;
    if (caller?.principal !== principal || caller.sourceIp !== sourceIp) {
      const { view, traceparent, tracestate, toolsMode } = admitted;
      caller = { principal, view, sourceIp, traceparent, tracestate, toolsMode };
      admitted.caller = caller;
    }
    receiveWhole(this.#context, { res: response, headers: admitted.headers, caller }, textOf(body));
    return true;
  }
}

function textOf({ bytes, from, to }: Span): BodyText {
  const text = bytes.toString('utf8', from, to);
  // What is not UTF-8 becomes U+FFFD; only text that has one can have been broken.
  if (text.includes('\ufffd') && !isUtf8(bytes.subarray(from, to))) return { kind: 'not-utf8' };
  return { kind: 'text', text };
}
