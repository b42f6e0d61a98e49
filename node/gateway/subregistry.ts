import type { Principal } from '../../src/permissions/index.ts';
import { sendJson } from './answer.ts';
import { originOf, type Visit } from './authenticate.ts';
import type { GatewayContext } from './context.ts';
import { refuseUnread } from './mcp-endpoint.ts';
import { type ServerEntry, serverEntry } from './server-entry.ts';

export const REGISTRY = '/v0.1/servers';
const DEFAULT_LIMIT = 30;
const MAX_LIMIT = 100;
const LATEST = 'latest';
const NO_STORE = ['Cache-Control', 'no-store'];
const ONE = /^\/([^/]{1,600})\/versions(?:\/([^/]{1,800}))?$/;

type Answer = { readonly status: number; readonly body: object };

/** The servers this agent may use, as a subregistry of the MCP registry lists them. Each has one version: what runs now. */
export function subregistry(context: GatewayContext, visit: Visit, principal: Principal): void {
  const { req, res, path } = visit;
  if (req.method !== 'GET') {
    const headers = ['Allow', 'GET'];
    return refuseUnread(visit, { name: 'INVALID_REQUEST', message: `${path} answers GET`, status: 405, headers });
  }
  const { origin, searchParams } = new URL(req.url ?? '', originOf(req));
  const entries = context.router
    .servers(principal)
    .map((served) => serverEntry(served, origin))
    .sort((one, other) => (one.server.name < other.server.name ? -1 : 1));
  const { status, body } = path === REGISTRY ? list(entries, searchParams) : one(entries, path.slice(REGISTRY.length));
  sendJson(res, JSON.stringify(body), status, NO_STORE);
}

function list(entries: readonly ServerEntry[], query: URLSearchParams): Answer {
  const limit = Number(query.get('limit') ?? DEFAULT_LIMIT);
  if (!Number.isInteger(limit) || limit < 1) return wrong('limit must be a positive whole number');
  const after = decodeCursor(query.get('cursor'));
  if (after === undefined) return wrong('unknown cursor');
  const sinceMs = Date.parse(query.get('updated_since') ?? '1970-01-01T00:00:00Z');
  if (Number.isNaN(sinceMs)) return wrong('updated_since must be an RFC 3339 time');
  const search = (query.get('search') ?? '').toLowerCase();
  const version = query.get('version') ?? LATEST;
  const found = entries.filter(
    ({ server, sinceMs: seenMs }) =>
      server.name > after &&
      server.name.toLowerCase().includes(search) &&
      (version === LATEST || server.version === version) &&
      seenMs >= sinceMs,
  );
  return page(found, Math.min(limit, MAX_LIMIT));
}

function one(entries: readonly ServerEntry[], path: string): Answer {
  const [, encodedName, encodedVersion] = ONE.exec(path) ?? [];
  const name = decoded(encodedName);
  const found = entries.find(({ server }) => server.name === name);
  if (found === undefined) return { status: 404, body: { error: 'Server not found' } };
  if (encodedVersion === undefined) return page([found], MAX_LIMIT);
  const version = decoded(encodedVersion);
  if (version === LATEST || version === found.server.version) return { status: 200, body: sent(found) };
  return { status: 404, body: { error: 'Server version not found' } };
}

function page(found: readonly ServerEntry[], limit: number): Answer {
  const servers = found.slice(0, limit);
  const last = servers.at(-1);
  const nextCursor = last === undefined || servers.length === found.length ? {} : { nextCursor: encodeCursor(last) };
  return { status: 200, body: { servers: servers.map(sent), metadata: { ...nextCursor, count: servers.length } } };
}

function sent({ server, _meta }: ServerEntry): object {
  return { server, _meta };
}

/** A page begins after the name in its cursor, whatever came or went meanwhile. */
function encodeCursor({ server }: ServerEntry): string {
  return Buffer.from(server.name).toString('base64url');
}

/** undefined: not one of ours. */
function decodeCursor(cursor: string | null): string | undefined {
  if (cursor === null || cursor === '') return '';
  const name = Buffer.from(cursor, 'base64url').toString();
  return Buffer.from(name).toString('base64url') === cursor ? name : undefined;
}

function decoded(part: string | undefined): string | undefined {
  try {
    return part === undefined ? undefined : decodeURIComponent(part);
  } catch {
    return undefined; // a broken escape names nothing
  }
}

function wrong(error: string): Answer {
  return { status: 400, body: { error } };
}
