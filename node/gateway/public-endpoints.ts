import { originOf, type Visit } from './authenticate.ts';
import { sendJson, sendRefusal } from './answer.ts';
import type { GatewayContext } from './context.ts';
import { refuseUnread } from './mcp-endpoint.ts';
import { readBody } from './read-body.ts';

const MAX_FORM_BYTES = 64 * 1024;
const RESOURCE = '/.well-known/oauth-protected-resource';
const NO_STORE = ['Cache-Control', 'no-store'];

/** The paths that need no token. False: `visit` is for none of them. */
export function publicEndpoint(context: GatewayContext, visit: Visit): boolean {
  const { req, res, path } = visit;
  if (path === '/oauth/token') {
    token(context, visit);
    return true;
  }
  const document = documentAt(context, visit);
  if (document === undefined) return false;
  if (req.method === 'GET' || req.method === 'HEAD')
    sendJson(res, JSON.stringify(document.body), document.status, NO_STORE);
  else
    refuseUnread(visit, {
      name: 'INVALID_REQUEST',
      message: `${path} answers GET`,
      status: 405,
      headers: ['Allow', 'GET'],
    });
  return true;
}

function documentAt(context: GatewayContext, visit: Visit): { status: number; body: object } | undefined {
  const { path, req } = visit;
  const origin = originOf(req);
  switch (path) {
    case '/healthz':
      return { status: 200, body: { status: 'ok' } };
    case '/readyz':
      return context.ready()
        ? { status: 200, body: { status: 'ready' } }
        : { status: 503, body: { status: 'starting' } };
    case '/version':
      return { status: 200, body: context.build };
    case '/oauth/jwks':
      return { status: 200, body: context.auth.jwks() };
    case '/.well-known/oauth-authorization-server':
      return { status: 200, body: context.auth.authorizationServerMetadata(origin) };
    case RESOURCE:
      return { status: 200, body: context.auth.protectedResourceMetadata(origin, '/mcp') };
    default: {
      // RFC 9728 puts the resource's own path behind the well-known one.
      const resource = path.startsWith(`${RESOURCE}/`) ? path.slice(RESOURCE.length) : undefined;
      if (resource === undefined || !/^\/(mcp(\/[A-Za-z0-9_-]{1,64})?|sse|messages)$/.test(resource)) return undefined;
      return { status: 200, body: context.auth.protectedResourceMetadata(origin, resource) };
    }
  }
}

function token(context: GatewayContext, visit: Visit): void {
  const { req, res } = visit;
  if (req.method !== 'POST') {
    const headers = ['Allow', 'POST'];
    return refuseUnread(visit, { name: 'INVALID_REQUEST', message: '/oauth/token answers POST', status: 405, headers });
  }
  if (!/^application\/x-www-form-urlencoded\s*(;|$)/i.test(req.headers['content-type'] ?? '')) {
    const message = 'Content-Type must be application/x-www-form-urlencoded';
    return refuseUnread(visit, { name: 'INVALID_REQUEST', message, status: 415 });
  }
  readBody(req, MAX_FORM_BYTES, (body) => {
    if (body.kind === 'too-large') {
      return sendRefusal(res, { name: 'TOO_LARGE', message: `a form may have ${MAX_FORM_BYTES} bytes` });
    }
    if (body.kind === 'not-utf8') return sendJson(res, '{"error":"invalid_request"}', 400, NO_STORE);
    const tokenEndpoint = `${originOf(req)}/oauth/token`;
    void context.auth.exchange(new URLSearchParams(body.text), { tokenEndpoint }).then(
      (answer) => {
        if (answer.status >= 400) {
          context.router.refused({ stage: 'token', reason: String(answer.body['error']), sourceIp: visit.sourceIp });
        }
        sendJson(res, JSON.stringify(answer.body), answer.status, NO_STORE);
      },
      () => sendJson(res, '{"error":"server_error"}', 500, NO_STORE),
    );
  });
}
