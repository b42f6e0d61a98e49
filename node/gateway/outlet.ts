import type { ServerResponse } from 'node:http';
import { ERRORS, type Era } from '../../src/mcp/index.ts';
import { retryAfter, sendEmpty, sendJson } from './answer.ts';
import type { RouterReply } from './router-port.ts';
import { eventOf, MAX_BACKLOG_BYTES, openEventStream, type SseStream } from './sse-stream.ts';

/** Where the messages of one request go. Exactly one of `reply` and `cancelled` ends it. */
export interface Outlet {
  related(message: Uint8Array): void;
  reply(reply: RouterReply): void;
  cancelled(): void;
}

/** The response of a POST: plain JSON, or an event stream from the first related message on. */
export class HttpOutlet implements Outlet {
  readonly #res: ServerResponse;
  readonly #era: Era;

  constructor(res: ServerResponse, era: Era) {
    this.#res = res;
    this.#era = era;
  }

  related(message: Uint8Array): void {
    if (this.#res.destroyed) return;
    if (!this.#res.headersSent) openEventStream(this.#res);
    // Notifications of a call may be lost, its reply may not: a slow reader loses the former.
    if (this.#res.writableLength <= MAX_BACKLOG_BYTES) this.#res.write(eventOf(message));
  }

  reply(reply: RouterReply): void {
    if (this.#res.destroyed) return;
    if (this.#res.headersSent) this.#res.end(eventOf(reply.body));
    else if (reply.errorName === undefined) sendJson(this.#res, reply.body);
    else sendJson(this.#res, reply.body, statusOf(reply.errorName, this.#era), retryAfter(reply.retryAfterMs));
  }

  cancelled(): void {
    if (this.#res.destroyed) return;
    if (this.#res.headersSent) this.#res.end();
    else sendEmpty(this.#res, 202); // accepted, and no response follows
  }
}

function statusOf(name: keyof typeof ERRORS, era: Era): number {
  return name === 'METHOD_NOT_FOUND' && era === 'stateless' ? 404 : ERRORS[name].http;
}

/** A connection of the 2024-11-05 transport: everything goes out on its one stream. */
export class StreamOutlet implements Outlet {
  readonly #stream: SseStream;

  constructor(stream: SseStream) {
    this.#stream = stream;
  }

  related(message: Uint8Array): void {
    this.#stream.send(message);
  }

  reply(reply: RouterReply): void {
    this.#stream.send(reply.body);
  }

  cancelled(): void {}
}

const COMMA = Buffer.from(',');

/** The response of a batch: one array of all replies, when the last has come. */
export class BatchReply {
  readonly #res: ServerResponse;
  readonly #replies: Uint8Array[] = [];
  #open: number;

  constructor(res: ServerResponse, requests: number) {
    this.#res = res;
    this.#open = requests;
  }

  outlet(): Outlet {
    return {
      related: (message) => {
        if (this.#res.destroyed) return;
        if (!this.#res.headersSent) openEventStream(this.#res);
        if (this.#res.writableLength <= MAX_BACKLOG_BYTES) this.#res.write(eventOf(message));
      },
      reply: (reply) => {
        this.#replies.push(reply.body);
        this.#settled();
      },
      cancelled: () => this.#settled(),
    };
  }

  #settled(): void {
    this.#open -= 1;
    if (this.#open > 0 || this.#res.destroyed) return;
    if (this.#replies.length === 0) {
      if (this.#res.headersSent) this.#res.end();
      else sendEmpty(this.#res, 202);
      return;
    }
    const parts = this.#replies.flatMap((body, index) => (index === 0 ? [body] : [COMMA, body]));
    const body = Buffer.concat([Buffer.from('['), ...parts, Buffer.from(']')]);
    if (this.#res.headersSent) this.#res.end(eventOf(body));
    else sendJson(this.#res, body);
  }
}
