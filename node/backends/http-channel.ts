import { Agent as HttpAgent, type ClientRequest, type IncomingMessage, request as httpRequest } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import { parseExactJson } from '../../src/kernel/index.ts';
import { isObject } from '../../src/mcp/index.ts';
import type { Era } from './backend.ts';
import type { Channel, ChannelEvents, ExchangeFailure, OutgoingMessage } from './channel.ts';
import { EventStreamReader } from './event-stream.ts';
import { statelessHeaders } from './stateless-headers.ts';

const MAX_BODY_BYTES = 8 * 1024 * 1024;
const MAX_UNANSWERED = 512;
const RELISTEN_MS = 5_000;
const GOODBYE_MS = 1_000;

export interface HttpChannelOptions {
  readonly url: URL;
  /** From the configuration; the only credentials that ever go there. */
  readonly headers: Readonly<Record<string, string>>;
  readonly inputSchemaOf: (tool: string) => Readonly<Record<string, unknown>> | undefined;
  /** Something went wrong below HTTP: whoever supervises may want to look whether the server is still there. */
  readonly onTrouble: () => void;
}

const OURS = /^(mcp-.*|accept|accept-encoding|content-type|content-length|transfer-encoding|connection)$/;

/** Streamable HTTP: a POST for each message, JSON or an event stream back. Redirects are not followed. */
export class HttpChannel implements Channel {
  readonly perRequestStreams = true;
  readonly #options: HttpChannelOptions;
  readonly #headers: Readonly<Record<string, string>>;
  readonly #agent: HttpAgent;
  readonly #open = new Map<number, ClientRequest>();
  #events: ChannelEvents | undefined;
  #session: string | undefined;
  #version: string | undefined;
  #listening: ClientRequest | undefined;
  #listenTimer: NodeJS.Timeout | undefined;
  #era: Era = 'session';
  #closed = false;

  constructor(options: HttpChannelOptions) {
    this.#options = options;
    const own = Object.entries(options.headers).map(([name, value]) => [name.toLowerCase(), value] as const);
    this.#headers = Object.fromEntries(own.filter(([name]) => !OURS.test(name)));
    const pool = { keepAlive: true, maxSockets: 96, maxFreeSockets: 8, timeout: 0 };
    this.#agent = options.url.protocol === 'https:' ? new HttpsAgent(pool) : new HttpAgent(pool);
  }

  get twoWay(): boolean {
    return this.#session !== undefined;
  }

  attach(events: ChannelEvents): void {
    this.#events = events;
  }

  send(message: OutgoingMessage): 'sent' | 'busy' | 'closed' {
    if (this.#closed) return 'closed';
    if (this.#open.size >= MAX_UNANSWERED) return 'busy';
    const mirrored = statelessHeaders(message, this.#options.inputSchemaOf);
    const id = typeof message.id === 'number' && message.method !== undefined ? message.id : undefined;
    // A handshake belongs to no session yet.
    if (message.method === 'initialize') this.#session = undefined;
    const session = message.method === 'initialize' ? {} : this.#sessionHeaders();
    const starts = message.method === 'initialize';
    this.#post(JSON.stringify(message), { id, headers: mirrored ?? session, starts });
    return 'sent';
  }

  abandon(id: number): void {
    this.#open.get(id)?.destroy();
    this.#open.delete(id);
  }

  agreed(terms: { readonly era: Era; readonly version: string }): void {
    this.#era = terms.era;
    this.#version = terms.version;
  }

  listen(): void {
    if (this.#closed || this.#era !== 'session') return;
    this.#listening?.destroy();
    const request = this.#request('GET', { ...this.#sessionHeaders(), accept: 'text/event-stream' });
    this.#listening = request;
    const again = (): void => {
      if (this.#closed || this.#listening !== request) return;
      clearTimeout(this.#listenTimer);
      this.#listenTimer = setTimeout(() => this.listen(), RELISTEN_MS).unref();
    };
    request.on('error', again);
    request.on('response', (response) => {
      response.on('close', again);
      if (response.statusCode !== 200 || !isType(response, 'text/event-stream')) {
        this.#listening = undefined; // 405: it has no such stream
        response.resume();
        return;
      }
      const reader = new EventStreamReader((event) => this.#deliver(event.data, undefined), {
        maxBytes: MAX_BODY_BYTES,
      });
      response.on('data', (chunk: Buffer) => {
        if (!reader.push(chunk)) response.destroy();
      });
      response.on('error', () => undefined); // `close` follows
    });
    request.end();
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    clearTimeout(this.#listenTimer);
    for (const request of this.#open.values()) request.destroy();
    this.#open.clear();
    this.#listening?.destroy();
    if (this.#session === undefined) return this.#agent.destroy();
    const goodbye = this.#request('DELETE', this.#sessionHeaders());
    goodbye.setTimeout(GOODBYE_MS, () => goodbye.destroy());
    goodbye.on('response', (response) => response.resume());
    goodbye.on('error', () => undefined); // it was a courtesy
    goodbye.on('close', () => this.#agent.destroy());
    goodbye.end();
  }

  #sessionHeaders(): Record<string, string> {
    return {
      ...(this.#session === undefined ? {} : { 'mcp-session-id': this.#session }),
      ...(this.#version === undefined ? {} : { 'mcp-protocol-version': this.#version }),
    };
  }

  #request(method: string, headers: Record<string, string>): ClientRequest {
    const { url } = this.#options;
    const start = url.protocol === 'https:' ? httpsRequest : httpRequest;
    return start(url, {
      method,
      agent: this.#agent,
      headers: { ...this.#headers, ...headers, 'accept-encoding': 'identity' },
    });
  }

  #post(
    body: string,
    about: { readonly id: number | undefined; readonly headers: Record<string, string>; readonly starts: boolean },
  ): void {
    const { id } = about;
    const request = this.#request('POST', {
      ...about.headers,
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      'content-length': String(Buffer.byteLength(body)),
    });
    if (id !== undefined) this.#open.set(id, request);
    let connected = false;
    request.once('socket', (socket) => {
      connected = !socket.connecting;
      if (socket.connecting)
        socket.once(this.#options.url.protocol === 'https:' ? 'secureConnect' : 'connect', () => {
          connected = true;
        });
    });
    request.once('finish', () => {
      if (id !== undefined && connected) this.#events?.written(id);
    });
    request.on('error', (error: NodeJS.ErrnoException) => {
      const problem = `the connection failed${error.code === undefined ? '' : ` (${error.code})`}`;
      this.#failed(id, { kind: connected ? 'unknown' : 'not-started', problem });
      if (!this.#closed) this.#options.onTrouble();
    });
    request.on('response', (response) => {
      connected = true;
      const started = response.headers['mcp-session-id'];
      if (about.starts && response.statusCode === 200 && typeof started === 'string') this.#session = started;
      this.#read(response, id, about.headers['mcp-session-id']);
    });
    request.end(body);
  }

  #read(response: IncomingMessage, id: number | undefined, session: string | undefined): void {
    response.on('error', () => undefined); // `close` follows
    if (id === undefined) {
      response.resume();
      return;
    }
    if (response.statusCode === 200 && isType(response, 'text/event-stream')) this.#readEvents(response, id);
    else this.#readWhole(response, { id, session });
  }

  #readEvents(response: IncomingMessage, id: number): void {
    const reader = new EventStreamReader((event) => this.#deliver(event.data, id), { maxBytes: MAX_BODY_BYTES });
    response.on('data', (chunk: Buffer) => {
      if (reader.push(chunk)) return;
      this.#failed(id, { kind: 'too-large' });
      response.destroy();
    });
    response.on('close', () => this.#failed(id, { kind: 'unknown', problem: 'its answer broke off' }));
  }

  #readWhole(response: IncomingMessage, exchange: { id: number; session: string | undefined }): void {
    const { id } = exchange;
    const chunks: Buffer[] = [];
    let bytes = 0;
    response.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes <= MAX_BODY_BYTES) {
        chunks.push(chunk);
        return;
      }
      this.#failed(id, { kind: 'too-large' });
      response.destroy();
    });
    response.on('close', () => {
      if (!this.#open.has(id)) return;
      if (!response.complete) return this.#failed(id, { kind: 'unknown', problem: 'its answer broke off' });
      const answer = { status: response.statusCode ?? 0, body: Buffer.concat(chunks).toString('utf8') };
      this.#answered(answer, exchange);
    });
  }

  #answered(answer: { status: number; body: string }, exchange: { id: number; session: string | undefined }): void {
    const { status, body } = answer;
    const { id, session } = exchange;
    const value = parse(body);
    const lost = session !== undefined && (status === 404 || (status === 400 && isSessionRefusal(value)));
    const renewed = this.#session !== undefined && this.#session !== session;
    if (lost) return this.#failed(id, { kind: 'session-lost', renewed });
    // An error the server answers with may carry no id, as the status already says which request it means.
    const own = isObject(value) && value['id'] === null && isObject(value['error']) ? { ...value, id } : value;
    const messages = Array.isArray(own) ? own : [own];
    if (messages.some(isObject)) for (const message of messages) this.#dispatch(message, id);
    this.#failed(id, statusFailure(status));
  }

  #deliver(data: string, about: number | undefined): void {
    const value = parse(data);
    for (const message of Array.isArray(value) ? value : [value]) this.#dispatch(message, about);
  }

  #dispatch(message: unknown, about: number | undefined): void {
    if (!isObject(message) || this.#closed) return;
    // On the stream of one request no other request is answered.
    if (message['method'] === undefined && about !== undefined) {
      if (message['id'] !== about) return;
      this.#open.delete(about);
    }
    this.#events?.message(message, about);
  }

  #failed(id: number | undefined, failure: ExchangeFailure): void {
    if (id !== undefined && this.#open.delete(id)) this.#events?.failed(id, failure);
  }
}

function isType(response: IncomingMessage, type: string): boolean {
  return (response.headers['content-type'] ?? '').split(';')[0]?.trim().toLowerCase() === type;
}

function parse(text: string): unknown {
  try {
    return parseExactJson(text);
  } catch {
    return undefined;
  }
}

// 404 is the specification's word for a session it does not know; several servers say 400 with one of these codes.
function isSessionRefusal(value: unknown): boolean {
  const error = isObject(value) ? value['error'] : undefined;
  const code = isObject(error) ? error['code'] : undefined;
  return error === undefined || code === -32000 || code === -32001;
}

function statusFailure(status: number): ExchangeFailure {
  if (status === 401 || status === 403) {
    return { kind: 'not-started', problem: `it answers HTTP ${status}: its credentials belong into \`headers\`` };
  }
  if (status >= 300 && status < 400) {
    return {
      kind: 'not-started',
      problem: `it answers HTTP ${status}: redirects are not followed, give the final \`url\``,
    };
  }
  const kind = status >= 400 && status < 500 ? 'not-started' : 'unknown';
  return { kind, problem: `it answers HTTP ${status} without a JSON-RPC message` };
}
