import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Principal } from '../../src/permissions/index.ts';
import { sendRefusal } from './answer.ts';
import type { GatewayContext } from './context.ts';

/** One HTTP request on its way to a handler. */
export interface Visit {
  readonly req: IncomingMessage;
  readonly res: ServerResponse;
  readonly sourceIp: string;
  /** The path without its query. */
  readonly path: string;
  /** The SERVER of `/mcp/SERVER`. */
  readonly view: string | undefined;
}

export type Authenticated = (context: GatewayContext, visit: Visit, principal: Principal) => void;

/** Calls `then` with whom the bearer token speaks for, or answers 401. A token seen before costs no wait. */
export function authenticate(context: GatewayContext, visit: Visit, then: Authenticated): void {
  const token = bearerOf(visit.req.headers.authorization);
  if (token === undefined) return challenge(context, visit, undefined);
  const known = context.auth.verifyCached(token);
  if (known !== undefined) return then(context, visit, known);
  void context.auth.verify(token).then(
    (verdict) => {
      if (verdict.kind === 'ok') then(context, visit, verdict.principal);
      else challenge(context, visit, verdict);
    },
    () => sendRefusal(visit.res, { name: 'INTERNAL_ERROR', message: 'the token could not be checked', status: 500 }),
  );
}

/** The token of `Authorization: Bearer …`; a token anywhere else (query, body, cookie) is none. */
export function bearerOf(header: string | undefined): string | undefined {
  if (header === undefined || header.length < 8) return undefined;
  const scheme = header.slice(0, 7);
  if (scheme !== 'Bearer ' && scheme.toLowerCase() !== 'bearer ') return undefined;
  const token = header.slice(7).trim();
  return token === '' ? undefined : token;
}

function challenge(context: GatewayContext, visit: Visit, wrong: { claim: string; message: string } | undefined): void {
  const { req, res, sourceIp, path } = visit;
  // The registry is no resource of its own: a token for /mcp opens it.
  const resource = path.startsWith('/v0.1/') ? '/mcp' : path;
  const metadata = `${originOf(req)}/.well-known/oauth-protected-resource${resource}`;
  const error = wrong === undefined ? '' : ', error="invalid_token"';
  context.router.refused({ stage: 'authenticate', reason: wrong?.claim ?? 'no token', sourceIp });
  sendRefusal(res, {
    name: 'UNAUTHENTICATED',
    message: wrong?.message ?? 'an Authorization: Bearer token is needed',
    headers: ['WWW-Authenticate', `Bearer resource_metadata="${metadata}"${error}`],
  });
}

/** Our own origin, as the one who asks calls it. */
export function originOf({ socket, headers }: IncomingMessage): string {
  return `${'encrypted' in socket ? 'https' : 'http'}://${headers.host}`;
}
