import {
  checkMirrored,
  checkStateless,
  type HeaderRefusal,
  META,
  type RpcRequest,
  resultText,
  SUPPORTED_VERSIONS,
} from '../../src/mcp/index.ts';
import { refusalOfView } from './absent-view.ts';
import { sendEmpty, sendJson, sendRefusal } from './answer.ts';
import type { GatewayContext } from './context.ts';
import { Exchange } from './exchange.ts';
import { HttpOutlet } from './outlet.ts';
import { header, type Post } from './post.ts';
import { FORWARDED } from './session-requests.ts';
import { readFilter } from './subscriptions.ts';

/** How long a client may keep what `server/discover` said. Servers come and go with their nodes. */
const DISCOVER_TTL_MS = 5_000;

/** POST of 2026-07-28: each message stands for itself, and going away is cancelling. */
export function postStateless(context: GatewayContext, post: Post): void {
  const { res, body, headers } = post;
  switch (body.kind) {
    case 'notification':
      return sendEmpty(res, 202);
    case 'response':
      return sendRefusal(res, { name: 'INVALID_REQUEST', message: 'this revision takes no responses from clients' });
    case 'batch':
      return sendRefusal(res, { name: 'INVALID_REQUEST', message: 'this revision has no batches' });
    case 'request': {
      const { message } = body;
      const refused = checkStateless(message, {
        version: header(headers, 'mcp-protocol-version'),
        method: header(headers, 'mcp-method'),
        name: header(headers, 'mcp-name'),
      });
      const differs = refused ?? argumentsDiffer(context, post, message);
      if (differs === undefined) return request(context, post, message);
      return sendRefusal(res, {
        name: differs.error,
        message: differs.message,
        data: differs.data,
        id: message.id,
        status: 400,
      });
    }
  }
}

function argumentsDiffer(
  context: GatewayContext,
  post: Post,
  { method, params }: RpcRequest,
): HeaderRefusal | undefined {
  if (method !== 'tools/call' || typeof params?.['name'] !== 'string') return undefined;
  const mirrored = context.router.mirrored(params['name'], post.caller.view);
  if (mirrored.length === 0) return undefined;
  return checkMirrored(mirrored, params['arguments'], (name) => header(post.headers, name));
}

function request(context: GatewayContext, post: Post, message: RpcRequest): void {
  if (FORWARDED.has(message.method)) return forward(context, post, message);
  if (message.method === 'server/discover') return discover(context, post, message);
  if (message.method === 'subscriptions/listen') return listen(context, post, message);
  sendRefusal(post.res, { name: 'METHOD_NOT_FOUND', message: 'no such method', id: message.id, status: 404 });
}

function forward(context: GatewayContext, post: Post, message: RpcRequest): void {
  const { res, caller } = post;
  const outlet = new HttpOutlet(res, message.id, { era: 'stateless' });
  const exchange = new Exchange(message, caller, { outlet, session: undefined });
  exchange.run((call) => context.router.handle(call));
  if (exchange.ended) return;
  if (res.destroyed) exchange.cancel();
  else res.once('close', () => exchange.cancel()); // does nothing once it has been answered
}

function discover(context: GatewayContext, post: Post, message: RpcRequest): void {
  const offer = offerOf(context, post, message);
  if (offer === undefined) return;
  const { capabilities, instructions } = offer;
  const result = {
    resultType: 'complete',
    supportedVersions: SUPPORTED_VERSIONS,
    capabilities,
    ...(instructions === undefined ? {} : { instructions }),
    ttlMs: DISCOVER_TTL_MS,
    cacheScope: 'private', // what is offered depends on who asks
    _meta: { [META.serverInfo]: context.serverInfo },
  };
  sendJson(post.res, resultText(message.id, result));
}

function listen(context: GatewayContext, post: Post, message: RpcRequest): void {
  const { res, caller } = post;
  const offer = offerOf(context, post, message);
  if (offer === undefined) return;
  const filter = readFilter(message.params?.['notifications'], offer.capabilities);
  if (filter === undefined) {
    return sendRefusal(res, { name: 'INVALID_PARAMS', message: 'notifications must be a filter', id: message.id });
  }
  if (context.subscriptions.full(caller.principal.agentId)) {
    const retryAfterMs = 1000;
    return sendRefusal(res, { name: 'RATE_LIMITED', message: 'too many subscriptions', id: message.id, retryAfterMs });
  }
  const { principal, view, sourceIp, traceparent } = caller;
  void context.subscriptions.open(context.router, res, {
    filter,
    call: { request: message, principal, view, sourceIp, traceparent },
  });
}

function offerOf(context: GatewayContext, post: Post, message: RpcRequest): ReturnType<typeof context.router.describe> {
  const offer = context.router.describe(post.caller.principal, post.caller.view, 'stateless');
  if (offer === undefined) {
    sendRefusal(post.res, { ...refusalOfView(context.router, post.caller), id: message.id });
  }
  return offer;
}
