import {
  type ClientAnswer,
  ERRORS,
  isId,
  isObject,
  isRpcError,
  type LogLevel,
  type RpcError,
  statelessParams,
} from '../../src/mcp/index.ts';
import type { Channel, ExchangeFailure } from './channel.ts';
import { type Ending, Exchange, type ExchangeOptions } from './exchange.ts';
import type { Expiry } from './expiry.ts';
import { handshake, type HandshakeOptions, type Terms } from './handshake.ts';
import { OURSELVES } from './ourselves.ts';
import type { ServerRequest } from './server-questions.ts';
import { Unasked, type UnaskedEvents } from './unasked.ts';

const SET_LEVEL_MS = 2_000;

type Params = Readonly<Record<string, unknown>>;

export interface ConnectionEvents extends UnaskedEvents {
  /** A new session took the place of one the server forgot: what was said in the old one is void. */
  renewed(): void;
  closed(problem: string): void;
}

/** The client side of one connection to one MCP server, of either era: ids, progress tokens, cancellation, deadlines. */
export class Connection {
  readonly #channel: Channel;
  readonly #expiry: Expiry;
  readonly #events: ConnectionEvents;
  readonly #exchanges = new Map<number, Exchange>();
  readonly #unasked: Unasked;
  #lastId = 0;
  #terms: Terms | undefined;
  #closed: string | undefined;
  #renewing: Promise<boolean> | undefined;

  /** `oneAgent`: the server runs for one agent alone. */
  constructor(
    channel: Channel,
    options: { readonly expiry: Expiry; readonly events: ConnectionEvents; readonly oneAgent?: boolean | undefined },
  ) {
    this.#channel = channel;
    this.#expiry = options.expiry;
    this.#events = options.events;
    this.#unasked = new Unasked(this.#exchanges, { events: options.events, oneAgent: options.oneAgent === true });
    channel.attach({
      message: (message, about) => this.#receive(message, about),
      written: (id) => {
        const exchange = this.#exchanges.get(id);
        if (exchange !== undefined) exchange.written = true;
      },
      failed: (id, failure) => this.#failed(id, failure),
      closed: (problem) => this.#ended(problem),
    });
  }

  get terms(): Terms | undefined {
    return this.#terms;
  }

  get twoWay(): boolean {
    return this.#channel.twoWay;
  }

  get closed(): boolean {
    return this.#closed !== undefined;
  }

  /** Opens the stream for what a session-era server says unasked. */
  listen(): void {
    this.#channel.listen();
  }

  /** Settles the era and opens the session where there is one. Throws BackendError. */
  async open(options: HandshakeOptions): Promise<Terms> {
    const terms = await handshake(this, options);
    this.#agree(terms);
    return terms;
  }

  /** Sends one request as it stands, but for the id and progress token, and waits for its end. Never rejects. */
  exchange(method: string, params: Params | undefined, options: ExchangeOptions): Promise<Ending> {
    if (options.signal?.aborted === true) return Promise.resolve({ kind: 'cancelled', written: false });
    const id = ++this.#lastId;
    const sent = options.progressToken === undefined ? params : withToken(params, id);
    const exchange = new Exchange(
      { jsonrpc: '2.0', id, method, ...(sent === undefined ? {} : { params: sent }) },
      { ...options, onGivenUp: (given) => this.#givenUp(given) },
    );
    this.#start(exchange);
    return exchange.ended;
  }

  /** A request of our own, in the era of the connection. */
  ask(method: string, params: Params | undefined, options: ExchangeOptions): Promise<Ending> {
    const stateless = this.#terms?.era === 'stateless';
    return this.exchange(method, stateless ? statelessParams(params, OURSELVES) : params, options);
  }

  /**
   * An agent wants to hear from `level` up. Resolves when the server surely knows before what is sent next: at once on a byte
   * stream, or where nothing changes.
   */
  async wantLog(level: LogLevel): Promise<void> {
    if (this.#terms?.era !== 'session' || !isObject(this.#terms.capabilities['logging'])) return;
    const tell = this.#unasked.wantLog(level);
    if (tell === undefined) return;
    const told = this.ask('logging/setLevel', { level: tell }, { deadlineAt: performance.now() + SET_LEVEL_MS });
    if (this.#channel.perRequestStreams) await told;
  }

  notify(method: string, params?: Params): void {
    this.#channel.send({ jsonrpc: '2.0', method, ...(params === undefined ? {} : { params }) });
  }

  close(): void {
    this.#channel.close();
    this.#ended('closed');
  }

  #agree(terms: Terms): void {
    this.#terms = terms;
    this.#unasked.agreed();
    this.#channel.agreed(terms);
    if (terms.era === 'session') this.notify('notifications/initialized');
  }

  #start(exchange: Exchange): void {
    const { id } = exchange.message;
    if (this.#closed !== undefined) return exchange.end({ kind: 'refused', because: 'closed' });
    this.#exchanges.set(id, exchange);
    if (exchange.deadlineAt !== Number.POSITIVE_INFINITY) this.#expiry.add(exchange);
    if (this.#renewing !== undefined && exchange.message.method !== 'initialize') {
      void this.#renewing.then((renewed) => this.#send(exchange, renewed));
      return;
    }
    this.#send(exchange, true);
  }

  #finish(id: number, ending: Ending): void {
    const exchange = this.#exchanges.get(id);
    if (exchange === undefined) return;
    this.#exchanges.delete(id);
    this.#expiry.remove(exchange);
    exchange.end(ending);
  }

  #givenUp(exchange: Exchange): void {
    const { id, method } = exchange.message;
    this.#exchanges.delete(id);
    this.#expiry.remove(exchange);
    this.#unasked.givenUp(exchange);
    // In the stateless era on HTTP, ending the request's stream is the cancellation; a handshake must not be cancelled.
    const byStream = this.#channel.perRequestStreams && (this.#terms?.era === 'stateless' || !exchange.written);
    const shaking = method === 'initialize' || method === 'server/discover';
    if (!byStream && !shaking) {
      this.notify('notifications/cancelled', { requestId: id, reason: 'the caller no longer waits' });
    }
    this.#channel.abandon(id);
  }

  #failed(id: number, failure: ExchangeFailure): void {
    const exchange = this.#exchanges.get(id);
    if (exchange === undefined) return;
    if (failure.kind !== 'session-lost') return this.#finish(id, { kind: 'failed', failure });
    if (exchange.resent || exchange.message.method === 'initialize') {
      return this.#finish(id, { kind: 'failed', failure: { kind: 'not-started', problem: 'the session is lost' } });
    }
    exchange.resent = true;
    exchange.written = false;
    if (failure.renewed) this.#send(exchange, true);
    else void this.#renew().then((renewed) => this.#send(exchange, renewed));
  }

  #send(exchange: Exchange, mayBeSent: boolean): void {
    const { id } = exchange.message;
    if (!this.#exchanges.has(id)) return;
    const sent = mayBeSent ? this.#channel.send(exchange.message) : 'closed';
    if (sent !== 'sent') this.#finish(id, { kind: 'refused', because: sent });
  }

  /** A new session for the one the server forgot: one attempt at a time, shared by all calls that met the loss. */
  #renew(): Promise<boolean> {
    this.#renewing ??= handshake(this, { tryStateless: false, timeoutMs: 10_000 })
      .then(
        (terms) => {
          this.#agree(terms);
          this.#channel.listen();
          this.#events.listChanged();
          this.#events.renewed();
          return true;
        },
        () => false,
      )
      .finally(() => {
        this.#renewing = undefined;
      });
    return this.#renewing;
  }

  #ended(problem: string): void {
    if (this.#closed !== undefined) return;
    this.#closed = problem;
    for (const [id, exchange] of this.#exchanges) {
      this.#finish(id, { kind: 'failed', failure: { kind: exchange.written ? 'unknown' : 'not-started', problem } });
    }
    this.#events.closed(problem);
  }

  #receive(message: Record<string, unknown>, about: number | undefined): void {
    const { id, method } = message;
    const params = isObject(message['params']) ? message['params'] : undefined;
    if (typeof method === 'string') {
      if (id === undefined) this.#unasked.notified(method, { params, about });
      else if (isId(id)) this.#asked({ id, method, params }, about);
      return;
    }
    if (typeof id !== 'number') return; // an answer to nothing we asked
    const { result, error } = message;
    if (!this.#exchanges.has(id)) return this.#unasked.answeredLate(id);
    if (isObject(result)) this.#finish(id, { kind: 'result', result });
    else if (isRpcError(error)) this.#finish(id, { kind: 'error', error });
    else this.#finish(id, { kind: 'error', error: MALFORMED });
  }

  #asked(request: ServerRequest, about: number | undefined): void {
    const send = (answer: ClientAnswer) => this.#channel.send({ jsonrpc: '2.0', id: request.id, ...answer });
    void this.#unasked.asked(request, about).then(send, () => send({ error: REFUSED }));
  }
}

const MALFORMED: RpcError = { code: ERRORS.INTERNAL_ERROR.code, message: 'the server sent a malformed response' };
const REFUSED: RpcError = { code: ERRORS.INTERNAL_ERROR.code, message: 'the request could not be answered' };

function withToken(params: Params | undefined, token: number): Params {
  const meta = params?.['_meta'];
  return { ...params, _meta: { ...(isObject(meta) ? meta : {}), progressToken: token } };
}
