import { eraOf, namesStateless, readBody as readMessages, readMessageText } from '../../src/mcp/index.ts';
import type { Principal } from '../../src/permissions/index.ts';
import { type Refusal, sendRefusal } from './answer.ts';
import type { Visit } from './authenticate.ts';
import type { GatewayContext } from './context.ts';
import type { Caller } from './exchange.ts';
import { header, type Post } from './post.ts';
import { type BodyText, readBody } from './read-body.ts';
import { deleteSession, getSession, postSession } from './session-era.ts';
import { openSse, postSse } from './sse-transport.ts';
import { postStateless } from './stateless-era.ts';
import { traceHeaders } from './trace-headers.ts';

/** `/mcp` and `/mcp/SERVER`: Streamable HTTP, both eras. */
export function streamableHttp(context: GatewayContext, visit: Visit, principal: Principal): void {
  const { req, res } = visit;
  switch (req.method) {
    case 'POST':
      return receive(context, visit, { principal, deliver: deliverStreamable });
    case 'GET':
    case 'DELETE': {
      if (namesStateless(header(req.headers, 'mcp-protocol-version'))) return notAllowed(visit, 'POST'); // that revision has neither
      const asked = { res, headers: req.headers, caller: callerOf(visit, principal) };
      return req.method === 'GET' ? getSession(context, asked) : deleteSession(context, asked);
    }
    default:
      return notAllowed(visit, 'GET, POST, DELETE');
  }
}

/** GET /sse. */
export function sseConnection(context: GatewayContext, visit: Visit, principal: Principal): void {
  if (visit.req.method !== 'GET') return notAllowed(visit, 'GET');
  openSse(context, visit.res, callerOf(visit, principal));
}

/** POST /messages?sessionId=…. */
export function sseMessages(context: GatewayContext, visit: Visit, principal: Principal): void {
  if (visit.req.method !== 'POST') return notAllowed(visit, 'POST');
  receive(context, visit, { principal, deliver: deliverSse });
}

type Deliver = (context: GatewayContext, post: Post, visit: Visit) => void;

function deliverStreamable(context: GatewayContext, post: Post): void {
  const { body } = post;
  const call = body.kind === 'request' || body.kind === 'notification' ? body.message : undefined;
  const era = eraOf(call?.method, call?.params, header(post.headers, 'mcp-protocol-version'));
  if (era === 'stateless' || claimsStateless(body)) postStateless(context, post);
  else postSession(context, post);
}

function claimsStateless(body: Post['body']): boolean {
  if (body.kind !== 'batch') return false;
  return body.envelopes.some(
    (one) => one.kind === 'request' && eraOf(one.message.method, one.message.params, undefined) === 'stateless',
  );
}

function deliverSse(context: GatewayContext, post: Post, { req }: Visit): void {
  postSse(context, post, new URL(req.url ?? '', 'http://gateway').searchParams.get('sessionId'));
}

function receive(context: GatewayContext, visit: Visit, to: { principal: Principal; deliver: Deliver }): void {
  const { req, res } = visit;
  if (to.deliver === deliverStreamable && !acceptsBoth(req.headers.accept)) {
    const message = 'Accept must list application/json and text/event-stream';
    return refuseUnread(visit, { name: 'INVALID_REQUEST', message, status: 406 });
  }
  if (!isJson(req.headers['content-type'])) {
    return refuseUnread(visit, {
      name: 'INVALID_REQUEST',
      message: 'Content-Type must be application/json',
      status: 415,
    });
  }
  const caller = callerOf(visit, to.principal);
  readBody(req, context.limits.maxBodyBytes, (body) => {
    const read = messagesOf(body, context.limits.maxBodyBytes);
    if (read.kind === 'refused') sendRefusal(res, read.refusal);
    else to.deliver(context, { res, headers: req.headers, caller, body: read.body }, visit);
  });
}

/** A POST to `/mcp` or `/mcp/SERVER` whose head was found good and whose body is there. */
export function receiveWhole(context: GatewayContext, post: Omit<Post, 'body'>, body: BodyText): void {
  const read = messagesOf(body, context.limits.maxBodyBytes);
  if (read.kind === 'refused') sendRefusal(post.res, read.refusal);
  else deliverStreamable(context, { ...post, body: read.body });
}

type Read =
  | { readonly kind: 'read'; readonly body: Post['body'] }
  | { readonly kind: 'refused'; readonly refusal: Refusal };

function messagesOf(body: BodyText, maxBytes: number): Read {
  if (body.kind === 'too-large') {
    const message = `a body may have ${maxBytes} bytes`;
    return no({ name: 'TOO_LARGE', message, headers: ['Connection', 'close'] });
  }
  if (body.kind === 'not-utf8') return no({ name: 'PARSE_ERROR', message: 'the body is not UTF-8' });
  const read = readMessageText(body.text);
  if (read.kind === 'not-json') return no({ name: 'PARSE_ERROR', message: 'the body is not JSON' });
  if (read.kind === 'too-much')
    return no({ name: read.of === 'depth' ? 'INVALID_REQUEST' : 'TOO_LARGE', message: read.message });
  const messages = readMessages(read.value, body.text.length);
  if (messages.kind !== 'invalid') return { kind: 'read', body: messages };
  return no({ name: 'INVALID_REQUEST', message: messages.because, id: messages.id });
}

function no(refusal: Refusal): Read {
  return { kind: 'refused', refusal };
}

function callerOf({ req, view, sourceIp }: Visit, principal: Principal): Caller {
  const { traceparent, tracestate } = traceHeaders(req.headers);
  return { principal, view, sourceIp, traceparent, tracestate, toolsMode: toolsModeOf(req.url) };
}

/** `?mode=search` and `?mode=list`. */
export function toolsModeOf(url: string | undefined): Caller['toolsMode'] {
  const query = url?.indexOf('?') ?? -1;
  if (url === undefined || query < 0) return undefined;
  const mode = new URLSearchParams(url.slice(query)).get('mode');
  return mode === 'search' || mode === 'list' ? mode : undefined;
}

export function acceptsBoth(accept: string | undefined): boolean {
  if (accept === 'application/json, text/event-stream') return true;
  return accept?.includes('application/json') === true && accept.includes('text/event-stream');
}

export function isJson(contentType: string | undefined): boolean {
  return contentType === 'application/json' || /^application\/json\s*(;|$)/i.test(contentType ?? '');
}

function notAllowed(visit: Visit, allow: string): void {
  const message = `${visit.path} answers ${allow}`;
  refuseUnread(visit, { name: 'INVALID_REQUEST', message, status: 405, headers: ['Allow', allow] });
}

/** Refuses before the body was read. What still comes of it is let go, so that the connection stays good for the next request. */
export function refuseUnread(visit: Visit, refusal: Refusal): void {
  visit.req.resume();
  sendRefusal(visit.res, refusal);
}
