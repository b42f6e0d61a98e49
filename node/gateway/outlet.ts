import { ERRORS, type Era, errorText, type RpcId } from '../../src/mcp/index.ts';
import { retryAfter, sendEmpty, sendJson } from './answer.ts';
import { EventChannel } from './event-channel.ts';
import type { HttpResponse } from './http-response.ts';
import type { RouterReply } from './router-port.ts';
import type { SessionStreams } from './session-streams.ts';

/** Where the messages of one request go. Exactly one of `reply` and `cancelled` ends it. */
export interface Outlet {
  /** A notification: may be lost on a client that does not keep up. */
  related(message: Uint8Array): void;
  /** A question, or what belongs to one. False: the client cannot hear it any more. */
  ask(message: Uint8Array): boolean;
  reply(reply: RouterReply): void;
  cancelled(): void;
  /** The reply takes its time: lets the client come back for it, should its connection be lost. */
  linger(): void;
  /** The client has been away for longer than it is waited for. */
  readonly abandoned: boolean;
}

/** The response of a POST: one piece of JSON, or an event stream from the first related message on. */
class PostResponse {
  readonly res: HttpResponse;
  readonly #streams: SessionStreams | undefined;
  #channel: EventChannel | undefined;

  /** `streams` undefined: the stream dies with its connection. */
  constructor(res: HttpResponse, streams: SessionStreams | undefined) {
    this.res = res;
    this.#streams = streams;
  }

  /** The stream it has become. */
  get channel(): EventChannel | undefined {
    return this.#channel;
  }

  get abandoned(): boolean {
    return this.#channel === undefined ? this.res.destroyed : this.#channel.abandoned;
  }

  related(message: Uint8Array): void {
    this.#stream()?.offer(message);
  }

  ask(message: Uint8Array): boolean {
    const channel = this.#stream();
    return channel?.reachable === true && channel.send(message);
  }

  linger(): void {
    if (this.#streams?.primes === true) this.#stream();
  }

  cancelled(): void {
    if (this.#channel === undefined)
      sendEmpty(this.res, 202); // accepted, and no response follows
    else this.#channel.close();
  }

  /** The stream it is from now on; undefined: the client went away before there was one. */
  #stream(): EventChannel | undefined {
    if (this.#channel !== undefined || this.res.destroyed || this.res.headersSent) return this.#channel;
    if (this.#streams !== undefined) this.#channel = this.#streams.open(this.res);
    else {
      this.#channel = new EventChannel({ number: 0, primes: false });
      this.#channel.connect(this.res);
    }
    return this.#channel;
  }
}

/** For a request that came alone. */
export class HttpOutlet extends PostResponse implements Outlet {
  readonly #id: RpcId;
  readonly #era: Era;

  constructor(res: HttpResponse, id: RpcId, options: { era: Era; streams?: SessionStreams | undefined }) {
    super(res, options.streams);
    this.#id = id;
    this.#era = options.era;
  }

  reply(reply: RouterReply): void {
    const { res, channel } = this;
    if (channel !== undefined) channel.end(reply.body, lost(this.#id));
    else if (reply.errorName === undefined) sendJson(res, reply.body);
    else sendJson(res, reply.body, statusOf(reply.errorName, this.#era), retryAfter(reply.retryAfterMs));
  }
}

function statusOf(name: keyof typeof ERRORS, era: Era): number {
  return name === 'METHOD_NOT_FOUND' && era === 'stateless' ? 404 : ERRORS[name].http;
}

/** For a client that comes back for a reply which was too large to be kept. */
function lost(id: RpcId | null): Uint8Array {
  const message = 'the connection was lost, and the answer was too large to be kept';
  return Buffer.from(errorText(id, { name: 'OUTCOME_UNKNOWN', message }));
}

/** A connection of the 2024-11-05 transport: everything goes out on its one stream. */
export class StreamOutlet implements Outlet {
  readonly abandoned = false; // its session ends with its stream, and the request with that
  readonly #streams: SessionStreams;

  constructor(streams: SessionStreams) {
    this.#streams = streams;
  }

  related(message: Uint8Array): void {
    this.#streams.main?.offer(message);
  }

  ask(message: Uint8Array): boolean {
    return this.#streams.main?.send(message) === true;
  }

  reply(reply: RouterReply): void {
    this.#streams.main?.send(reply.body);
  }

  cancelled(): void {}

  linger(): void {}
}

const COMMA = Buffer.from(',');

/** The response of a batch: one array of all replies, when the last has come. */
export class BatchReply {
  readonly #post: PostResponse;
  readonly #replies: Uint8Array[] = [];
  #open: number;

  constructor(res: HttpResponse, options: { requests: number; streams: SessionStreams }) {
    this.#post = new PostResponse(res, options.streams);
    this.#open = options.requests;
  }

  outlet(): Outlet {
    const post = this.#post;
    return {
      related: (message) => post.related(message),
      ask: (message) => post.ask(message),
      reply: (reply) => {
        this.#replies.push(reply.body);
        this.#settled();
      },
      cancelled: () => this.#settled(),
      linger: () => post.linger(),
      get abandoned() {
        return post.abandoned;
      },
    };
  }

  #settled(): void {
    this.#open -= 1;
    if (this.#open > 0) return;
    const { res, channel } = this.#post;
    if (this.#replies.length === 0) return this.#post.cancelled();
    const parts = this.#replies.flatMap((body, index) => (index === 0 ? [body] : [COMMA, body]));
    const body = Buffer.concat([Buffer.from('['), ...parts, Buffer.from(']')]);
    if (channel === undefined) sendJson(res, body);
    else channel.end(body, lost(null));
  }
}
