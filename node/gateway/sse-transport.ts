import { errorText, resultText } from '../../src/mcp/index.ts';
import { sendEmpty, sendRefusal } from './answer.ts';
import type { GatewayContext } from './context.ts';
import type { Caller } from './exchange.ts';
import type { HttpResponse } from './http-response.ts';
import { initialize } from './initialize.ts';
import { type Outlet, StreamOutlet } from './outlet.ts';
import type { Post } from './post.ts';
import type { Session } from './session.ts';
import { answer, refuse, sessionNotification, sessionRequest } from './session-requests.ts';

/** GET /sse: the HTTP+SSE transport of 2024-11-05. The stream is the session: it ends when the client goes away. */
export function openSse(context: GatewayContext, res: HttpResponse, caller: Caller): void {
  const session = context.sessions.create(caller.principal, {
    view: caller.view,
    transport: 'sse',
    nowMs: context.now(),
  });
  if (session === undefined) {
    return sendRefusal(res, { name: 'RATE_LIMITED', message: 'too many sessions are open', retryAfterMs: 1000 });
  }
  session.streams.listen(res, () => context.sessions.remove(session));
  session.streams.main?.connection?.event('endpoint', `/messages?sessionId=${session.id}`);
}

/** POST /messages?sessionId=ID: accepted with 202; every answer goes out on the session's stream. */
export function postSse(context: GatewayContext, post: Post, sessionId: string | null): void {
  const { res, caller, body } = post;
  const owner = { agentId: caller.principal.agentId, view: caller.view, transport: 'sse' } as const;
  const session = sessionId === null ? undefined : context.sessions.find(sessionId, owner);
  if (session?.streams.main === undefined) {
    const dataCode = 'SESSION_NOT_FOUND';
    return sendRefusal(res, { name: 'INVALID_REQUEST', message: 'no such session', dataCode, status: 404 });
  }
  session.touch(caller.principal, context.now());
  sendEmpty(res, 202);
  const outlet = new StreamOutlet(session.streams);
  if (body.kind === 'notification') sessionNotification(session, body.message);
  else if (body.kind === 'response') session.questions.answered(body.message);
  else if (body.kind === 'batch') {
    const error = { name: 'INVALID_REQUEST', message: 'protocol version 2024-11-05 has no batches over HTTP' } as const;
    answer(outlet, errorText(null, error));
  } else if (body.kind === 'request') {
    const { message } = body;
    if (session.version !== undefined) sessionRequest(context, session, { request: message, caller, outlet });
    else if (message.method === 'initialize') begin(context, session, { post, outlet });
    else if (message.method === 'ping') answer(outlet, resultText(message.id, {}));
    else refuse(outlet, message, { name: 'INVALID_REQUEST', message: 'initialize first' });
  }
}

function begin(context: GatewayContext, session: Session, asked: { post: Post; outlet: Outlet }): void {
  const { post, outlet } = asked;
  if (post.body.kind !== 'request') return;
  const { message } = post.body;
  const outcome = initialize(context, message, post.caller);
  if (outcome.kind === 'refused') return refuse(outlet, message, outcome.refusal);
  session.begin(outcome.version, outcome.abilities);
  answer(outlet, resultText(message.id, outcome.result));
}
