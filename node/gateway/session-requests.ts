import {
  type ErrorName,
  errorText,
  isLogLevel,
  LOG_LEVELS,
  type RpcNotification,
  type RpcRequest,
  resultText,
} from '../../src/mcp/index.ts';
import type { Awaitable } from '../backends/backend.ts';
import type { GatewayContext } from './context.ts';
import { type Caller, Exchange } from './exchange.ts';
import type { Outlet } from './outlet.ts';
import { done } from './resource-interest.ts';
import type { RouterCall, RouterReply } from './router-port.ts';
import type { Session } from './session.ts';

/** What the router answers, in either era. */
export const FORWARDED: ReadonlySet<string> = new Set([
  'tools/call',
  'tools/list',
  'resources/list',
  'resources/templates/list',
  'resources/read',
  'prompts/list',
  'prompts/get',
  'completion/complete',
]);
/** What the router answers in the session era alone. */
const TASKS: ReadonlySet<string> = new Set(['tasks/get', 'tasks/list', 'tasks/cancel', 'tasks/result']);

export function answer(outlet: Outlet, text: string): void {
  outlet.reply({ body: Buffer.from(text) });
}

export function refuse(outlet: Outlet, request: RpcRequest, error: { name: ErrorName; message: string }): void {
  outlet.reply({ body: Buffer.from(errorText(request.id, error)), errorName: error.name });
}

/** One request inside an open session: answered here, or by the router through `outlet`. */
export function sessionRequest(
  context: GatewayContext,
  session: Session,
  asked: { request: RpcRequest; caller: Caller; outlet: Outlet },
): void {
  const { request, outlet } = asked;
  if (session.inFlight.has(request.id)) {
    return refuse(outlet, request, { name: 'INVALID_REQUEST', message: 'a request with this id is still in flight' });
  }
  if (FORWARDED.has(request.method) || TASKS.has(request.method)) {
    return run(context, session, { ...asked, handle: (call) => context.router.handle(call) });
  }
  switch (request.method) {
    case 'resources/subscribe':
      return run(context, session, {
        ...asked,
        handle: async (call) => (await session.resources.add(context.router, call)) ?? done(request),
      });
    case 'resources/unsubscribe':
      return outlet.reply(session.resources.remove(request));
    case 'ping':
      return answer(outlet, resultText(request.id, {}));
    case 'logging/setLevel':
      return setLevel(session, request, outlet);
    case 'initialize':
      return refuse(outlet, request, { name: 'INVALID_REQUEST', message: 'this session is already initialized' });
    default:
      return refuse(outlet, request, { name: 'METHOD_NOT_FOUND', message: 'no such method' });
  }
}

function run(
  context: GatewayContext,
  session: Session,
  asked: {
    request: RpcRequest;
    caller: Caller;
    outlet: Outlet;
    handle: (call: RouterCall) => Awaitable<RouterReply>;
  },
): void {
  const { request, caller, outlet, handle } = asked;
  if (session.inFlight.size >= context.limits.maxInFlight) {
    return refuse(outlet, request, { name: 'RATE_LIMITED', message: 'too many requests in flight in this session' });
  }
  const exchange = new Exchange(request, caller, { outlet, session });
  session.inFlight.set(request.id, exchange);
  exchange.run(handle, () => session.inFlight.delete(request.id));
}

function setLevel(session: Session, request: RpcRequest, outlet: Outlet): void {
  const level = request.params?.['level'];
  if (!isLogLevel(level)) {
    return refuse(outlet, request, {
      name: 'INVALID_PARAMS',
      message: `level must be one of ${LOG_LEVELS.join(', ')}`,
    });
  }
  session.logLevel = level;
  answer(outlet, resultText(request.id, {}));
}

/**
 * A notification from the client. Only a cancellation asks anything of us: of changed roots a server hears when it next asks for them,
 * in a call.
 */
export function sessionNotification(session: Session, notification: RpcNotification): void {
  if (notification.method !== 'notifications/cancelled') return;
  const id = notification.params?.['requestId'];
  if (typeof id === 'string' || typeof id === 'number') session.inFlight.get(id)?.cancel();
}
