import type { IncomingHttpHeaders } from 'node:http';
import { allowsBatches, type Envelope, isSessionVersion, type RpcRequest, resultText } from '../../src/mcp/index.ts';
import { type Refusal, sendEmpty, sendJson, sendRefusal } from './answer.ts';
import type { GatewayContext } from './context.ts';
import type { Caller } from './exchange.ts';
import type { HttpResponse } from './http-response.ts';
import { initialize } from './initialize.ts';
import { BatchReply, HttpOutlet } from './outlet.ts';
import { header, type Post } from './post.ts';
import type { Session } from './session.ts';
import { sessionNotification, sessionRequest } from './session-requests.ts';

/** POST of the revisions with sessions (2024-11-05 … 2025-11-25). */
export function postSession(context: GatewayContext, post: Post): void {
  const { res, body, caller } = post;
  if (body.kind === 'request' && body.message.method === 'initialize') return begin(context, post, body.message);
  const session = requireSession(context, post);
  if (session === undefined) return;
  switch (body.kind) {
    case 'request':
      return sessionRequest(context, session, {
        request: body.message,
        caller,
        outlet: new HttpOutlet(res, body.message.id, { era: 'session', streams: session.streams }),
      });
    case 'notification':
      sessionNotification(session, body.message);
      return sendEmpty(res, 202);
    case 'response':
      session.questions.answered(body.message);
      return sendEmpty(res, 202);
    case 'batch':
      return postBatch(context, session, { post, envelopes: body.envelopes });
  }
}

function begin(context: GatewayContext, post: Post, request: RpcRequest): void {
  const { res, caller } = post;
  const refused = (refusal: Refusal): void => sendRefusal(res, { id: request.id, ...refusal });
  if (header(post.headers, 'mcp-session-id') !== undefined) {
    return refused({ name: 'INVALID_REQUEST', message: 'initialize begins a session and takes no Mcp-Session-Id' });
  }
  const outcome = initialize(context, request, caller);
  if (outcome.kind === 'refused') return refused(outcome.refusal);
  const session = context.sessions.create(caller.principal, {
    view: caller.view,
    transport: 'streamable',
    nowMs: context.now(),
  });
  if (session === undefined) {
    return refused({ name: 'RATE_LIMITED', message: 'too many sessions are open', retryAfterMs: 1000 });
  }
  session.begin(outcome.version, outcome.abilities);
  sendJson(res, resultText(request.id, outcome.result), 200, ['Mcp-Session-Id', session.id]);
}

function postBatch(
  context: GatewayContext,
  session: Session,
  batch: { post: Post; envelopes: readonly Envelope[] },
): void {
  const { post, envelopes } = batch;
  if (session.version === undefined || !allowsBatches(session.version)) {
    return sendRefusal(post.res, {
      name: 'INVALID_REQUEST',
      message: `protocol version ${session.version} has no batches`,
    });
  }
  const invalid = envelopes.find((envelope) => envelope.kind === 'invalid');
  if (invalid?.kind === 'invalid') {
    return sendRefusal(post.res, { name: 'INVALID_REQUEST', message: invalid.because, id: invalid.id });
  }
  const requests = envelopes.filter((envelope) => envelope.kind === 'request');
  for (const envelope of envelopes) {
    if (envelope.kind === 'notification') sessionNotification(session, envelope.message);
    else if (envelope.kind === 'response') session.questions.answered(envelope.message);
  }
  if (requests.length === 0) return sendEmpty(post.res, 202);
  const replies = new BatchReply(post.res, { requests: requests.length, streams: session.streams });
  for (const { message } of requests) {
    sessionRequest(context, session, { request: message, caller: post.caller, outlet: replies.outlet() });
  }
}

/** The session a message belongs to; undefined when the refusal has been sent. */
function requireSession(context: GatewayContext, post: Post): Session | undefined {
  const id = post.body.kind === 'request' ? post.body.message.id : null;
  const found = sessionOf(context, post.headers, post.caller);
  if (found.kind === 'refused') {
    sendRefusal(post.res, { ...found.refusal, id });
    return undefined;
  }
  return found.session;
}

type Found =
  | { readonly kind: 'found'; readonly session: Session }
  | { readonly kind: 'refused'; readonly refusal: Refusal };

function sessionOf(context: GatewayContext, headers: IncomingHttpHeaders, caller: Caller): Found {
  const id = header(headers, 'mcp-session-id');
  if (id === undefined) return no({ name: 'INVALID_REQUEST', message: 'Mcp-Session-Id is missing: initialize first' });
  const owner = { agentId: caller.principal.agentId, view: caller.view, transport: 'streamable' } as const;
  const session = context.sessions.find(id, owner);
  if (session === undefined) {
    return no({ name: 'INVALID_REQUEST', message: 'no such session', dataCode: 'SESSION_NOT_FOUND', status: 404 });
  }
  const version = header(headers, 'mcp-protocol-version');
  if (version !== undefined && !isSessionVersion(version)) {
    return no({ name: 'INVALID_REQUEST', message: 'this MCP-Protocol-Version is not served in a session' });
  }
  session.touch(caller.principal, context.now());
  return { kind: 'found', session };
}

function no(refusal: Refusal): Found {
  return { kind: 'refused', refusal };
}

/** GET: the one stream on which a session hears what belongs to no request; with `Last-Event-ID`, the rest of the stream that event came by. */
export function getSession(
  context: GatewayContext,
  asked: { res: HttpResponse; headers: IncomingHttpHeaders; caller: Caller },
): void {
  const { res, headers } = asked;
  if (headers.accept?.includes('text/event-stream') !== true) {
    return sendRefusal(res, { name: 'INVALID_REQUEST', message: 'Accept must list text/event-stream', status: 406 });
  }
  const found = sessionOf(context, headers, asked.caller);
  if (found.kind === 'refused') return sendRefusal(res, found.refusal);
  const { session } = found;
  const onClose = (): void => {
    session.lastUsedMs = context.now();
  };
  const lastEventId = header(headers, 'last-event-id');
  if (lastEventId !== undefined) {
    if (session.streams.resume(res, lastEventId, onClose)) return;
    return sendRefusal(res, { name: 'INVALID_REQUEST', message: 'this Last-Event-ID is not known here any more' });
  }
  if (session.streams.main !== undefined) {
    return sendRefusal(res, { name: 'INVALID_REQUEST', message: 'this session already has a stream', status: 409 });
  }
  session.streams.listen(res, onClose);
}

/** DELETE: ends a session and what is in flight in it. */
export function deleteSession(
  context: GatewayContext,
  asked: { res: HttpResponse; headers: IncomingHttpHeaders; caller: Caller },
): void {
  const found = sessionOf(context, asked.headers, asked.caller);
  if (found.kind === 'refused') return sendRefusal(asked.res, found.refusal);
  context.sessions.remove(found.session);
  sendEmpty(asked.res, 204);
}
