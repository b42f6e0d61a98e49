import { ERRORS, type ErrorDetail, type ErrorName, errorText, type RpcId } from '../../src/mcp/index.ts';
import { LaneResponse } from './fast-lane/index.ts';
import type { HttpResponse } from './http-response.ts';

/** Header names and values, alternating: the form `writeHead` takes without building an object. */
export type FlatHeaders = readonly string[];

export interface Refusal extends ErrorDetail {
  readonly name: ErrorName;
  readonly message: string;
  /** HTTP status, where the error's own does not fit. */
  readonly status?: number | undefined;
  readonly id?: RpcId | null | undefined;
  readonly headers?: FlatHeaders | undefined;
}

/** Answers with JSON and its length, head and body in one write. A response that is gone or under way is left alone. */
export function sendJson(res: HttpResponse, body: string | Uint8Array, status = 200, headers: FlatHeaders = []): void {
  if (res.destroyed || res.headersSent) return;
  if (res instanceof LaneResponse && status === 200 && headers.length === 0) return res.sendJson(body);
  const bytes = typeof body === 'string' ? Buffer.byteLength(body) : body.length;
  const head = ['Content-Type', 'application/json', 'Content-Length', String(bytes)];
  if (headers.length > 0) head.push(...headers);
  res.writeHead(status, head);
  res.end(body);
}

export function sendEmpty(res: HttpResponse, status: number, headers: FlatHeaders = []): void {
  if (res.destroyed || res.headersSent) return;
  res.writeHead(status, ['Content-Length', '0', ...headers]);
  res.end();
}

/** Answers with a JSON-RPC error, and `Retry-After` where it says when to come again. */
export function sendRefusal(res: HttpResponse, refusal: Refusal): void {
  const { name, message, id = null } = refusal;
  const headers = [...(refusal.headers ?? []), ...retryAfter(refusal.retryAfterMs)];
  sendJson(res, errorText(id, { name, message }, refusal), refusal.status ?? ERRORS[name].http, headers);
}

/** `Retry-After` in whole seconds, never 0: the client that obeys must not be refused again. */
export function retryAfter(ms: number | undefined): FlatHeaders {
  return ms === undefined ? [] : ['Retry-After', String(Math.max(1, Math.ceil(ms / 1000)))];
}
