import type { IncomingHttpHeaders } from 'node:http';
import type { Body } from '../../src/mcp/index.ts';
import type { Caller } from './exchange.ts';
import type { HttpResponse } from './http-response.ts';

/** An authenticated POST whose body has been read and is a message, or a batch of them. */
export interface Post {
  readonly res: HttpResponse;
  readonly headers: IncomingHttpHeaders;
  readonly caller: Caller;
  readonly body: Exclude<Body, { kind: 'invalid' }>;
}

/** A header that must come once; Node joins repetitions with a comma, which then equals nothing. */
export function header(headers: IncomingHttpHeaders, name: string): string | undefined {
  const value = headers[name];
  return Array.isArray(value) ? value.join(', ') : value;
}
