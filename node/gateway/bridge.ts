import { KeptToken, pause } from '../agent-side/index.ts';
import type { Readable, Writable } from 'node:stream';
import { parseExactJson } from '../../src/kernel/index.ts';
import {
  type Envelope,
  type ErrorName,
  eraOf,
  errorText,
  isId,
  isObject,
  type RpcId,
  type RpcRequest,
  readMessage,
  shallowerThan,
  MAX_DEPTH,
} from '../../src/mcp/index.ts';
import type { Trust } from '../trust/index.ts';
import { BridgeMirrors } from './bridge-mirrors.ts';
import { refusalOf, tokenlessOf } from './bridge-refusals.ts';
import { BridgeSession, MCP_HEADERS, PAUSE_MS } from './bridge-session.ts';
import { Resubscription } from './resubscription.ts';
import { LineReader } from './line-reader.ts';
import { NodeWatch } from './node-watch.ts';
import { type Outcome, Uplink } from './uplink.ts';

export interface BridgeOptions {
  /** Newline-delimited JSON from the client, and to it; nothing else is ever written there. */
  readonly input: Readable;
  readonly output: Writable;
  /** Where the local node's gateway is (the full URL of `/mcp`); undefined: no node has written that down. */
  readonly readRunFile: () => { readonly gateway: string; readonly trust?: Trust } | undefined;
  /** A fresh token; asked again before it ends, and once when it is refused. */
  readonly token: () => Promise<string>;
  /** How long a request waits for a node that is down. */
  readonly waitMs?: number;
}

const MAX_LINE_BYTES = 8 * 1024 * 1024;
const MAX_IN_FLIGHT = 256;
const CALL_IDLE_MS = 10 * 60_000; // the node's own deadline for a call is shorter
const LISTEN_IDLE_MS = 60_000; // the gateway sends a comment every 15 s
const ATTEMPTS = 5;

/**
 * Carries MCP over stdio to the local node until the input ends and everything asked has been answered, or the output is gone.
 * Both eras pass; a restart of the node is waited for and hidden.
 */
export async function runBridge(options: BridgeOptions): Promise<void> {
  await new Bridge(options).run();
}

class Bridge {
  readonly #options: BridgeOptions;
  readonly #waitMs: number;
  readonly #watch: NodeWatch;
  readonly #uplink: Uplink;
  readonly #session: BridgeSession;
  readonly #mirrors = new BridgeMirrors();
  readonly #pending = new Map<RpcId, AbortController>();
  readonly #stateless = new WeakSet<AbortController>();
  readonly #work = new Set<Promise<void>>();
  /** While `initialize` is on its way, what follows it waits: clients that write ahead are served too. */
  #handshake: Promise<void> | undefined;

  constructor(options: BridgeOptions) {
    this.#options = options;
    this.#waitMs = options.waitMs ?? 30_000;
    this.#watch = new NodeWatch(options.readRunFile);
    this.#uplink = new Uplink(new KeptToken(options.token), () => this.#watch.trust);
    this.#session = new BridgeSession(this.#uplink, { watch: this.#watch, write: (text) => this.#write(text) });
  }

  async run(): Promise<void> {
    const { input, output } = this.#options;
    const lines = new LineReader(MAX_LINE_BYTES, {
      line: (line) => this.#line(line),
      tooLong: () => this.#refuse(null, { name: 'TOO_LARGE', message: `a line may have ${MAX_LINE_BYTES} bytes` }),
    });
    await new Promise<void>((resolve) => {
      input.on('data', (chunk: Buffer) => lines.push(chunk));
      for (const end of ['end', 'close', 'error']) input.once(end, resolve);
      output.once('error', resolve);
      output.once('close', resolve);
      output.on('drain', () => this.#flow());
    });
    lines.end();
    if (output.destroyed || output.errored !== null)
      for (const controller of this.#pending.values()) controller.abort();
    await Promise.allSettled([...this.#work]);
    await this.#session.close();
    this.#watch.close();
  }

  #line(line: Buffer): void {
    const text = line.toString().trim();
    if (text === '') return;
    let value: unknown;
    try {
      value = parseExactJson(text);
    } catch {
      return this.#refuse(null, { name: 'PARSE_ERROR', message: 'the line is not JSON' });
    }
    if (!shallowerThan(value, MAX_DEPTH)) {
      const { id, method } = isObject(value) ? value : {};
      const asked = method !== undefined && isId(id) ? id : null;
      return this.#refuse(asked, { name: 'INVALID_REQUEST', message: 'nested too deeply' });
    }
    const messages = Array.isArray(value) && value.length > 0 ? value : [value];
    for (const message of messages) this.#message(readMessage(message));
  }

  #message(envelope: Envelope): void {
    switch (envelope.kind) {
      case 'invalid':
        return this.#refuse(envelope.id, { name: 'INVALID_REQUEST', message: envelope.because });
      case 'request':
        return this.#request(envelope.message);
      case 'notification':
        if (envelope.message.method === 'notifications/cancelled' && this.#cancelled(envelope.message.params)) return;
        return this.#track(this.#tell(envelope.message));
      case 'response':
        return this.#track(this.#tell(envelope.message));
    }
  }

  /** True when going away is all the cancelling there is, as in the stateless era. */
  #cancelled(params: Readonly<Record<string, unknown>> | undefined): boolean {
    const id = params?.['requestId'];
    const pending = typeof id === 'string' || typeof id === 'number' ? this.#pending.get(id) : undefined;
    if (pending === undefined || !this.#stateless.has(pending)) return false;
    pending.abort();
    return true;
  }

  #request(request: RpcRequest): void {
    if (this.#pending.has(request.id)) {
      return this.#refuse(request.id, {
        name: 'INVALID_REQUEST',
        message: 'a request with this id is still in flight',
      });
    }
    const controller = new AbortController();
    const stateless = eraOf(request.method, request.params, undefined) === 'stateless';
    if (stateless) this.#stateless.add(controller);
    this.#pending.set(request.id, controller);
    const deadlineAt = performance.now() + this.#waitMs;
    const before = stateless ? undefined : this.#handshake;
    const asked = (async () => {
      await before;
      await this.#ask(request, { stateless, signal: controller.signal, deadlineAt });
      this.#pending.delete(request.id);
      this.#flow();
    })();
    if (request.method === 'initialize' && !stateless) this.#handshake = asked;
    this.#track(asked);
    this.#flow();
  }

  /** Sends a notification or a response. Lost when the node is down: nobody waits for it. */
  async #tell(message: object): Promise<void> {
    await this.#handshake;
    const { gateway } = this.#watch;
    if (gateway === undefined || !this.#session.open) return;
    const outcome = await this.#send(gateway, { body: message, headers: this.#session.headers() });
    const initialized = 'method' in message && message.method === 'notifications/initialized';
    if (initialized && outcome.kind === 'accepted') this.#session.listen();
  }

  async #ask(
    request: RpcRequest,
    options: { stateless: boolean; signal: AbortSignal; deadlineAt: number },
  ): Promise<void> {
    const listening = request.method === 'subscriptions/listen';
    let { deadlineAt } = options;
    let { gateway } = this.#watch;
    const subscription = listening ? new Resubscription() : undefined;
    for (let attempt = 0; attempt < ATTEMPTS || listening; attempt += 1) {
      gateway ??= await this.#watch.ready(deadlineAt);
      if (options.signal.aborted) return;
      if (gateway === undefined) break;
      const { outcome, reply } = await this.#try(gateway, { ...options, request, subscription });
      if (options.signal.aborted || outcome.kind === 'accepted') return;
      if (reply !== undefined && subscription?.kept !== true) return;
      if (attempt === 0 && options.stateless && this.#mirrors.lacking(request, outcome)) {
        await this.#learn(gateway, request, options.signal);
        continue;
      }
      if (outcome.kind === 'refused') {
        if (outcome.status !== 404 || options.stateless || !(await this.#session.renew(gateway))) {
          return this.#write(refusalOf(request.id, outcome));
        }
        continue;
      }
      if (outcome.kind === 'tokenless') {
        // Perhaps because the node that mints them was going down: ask once more when it is there.
        if (attempt > 0) return this.#write(tokenlessOf(request.id, outcome.cause));
      } else if (outcome.kind !== 'unreachable' && !listening && request.method === 'tools/call') {
        const message = 'the node went away during this call';
        return this.#refuse(request.id, { name: 'OUTCOME_UNKNOWN', message });
      }
      if (outcome.kind !== 'unreachable') deadlineAt = performance.now() + this.#waitMs;
      this.#watch.lost();
      gateway = undefined;
      if (listening) await pause(PAUSE_MS, options.signal); // a node that ends it at once is not asked in a tight loop
    }
    this.#refuse(request.id, { name: 'NODE_UNREACHABLE', message: 'the local node does not answer: is it running?' });
  }

  /** Asks for the tools as the client would, to see which headers the call of one of them wants. */
  async #learn(gateway: string, call: RpcRequest, signal: AbortSignal): Promise<void> {
    const request = { ...call, method: 'tools/list', params: { _meta: call.params?.['_meta'] } };
    await this.#send(gateway, {
      body: request,
      headers: { ...MCP_HEADERS, ...this.#mirrors.headers(request) },
      signal,
      onMessage: (text) => this.#mirrors.learn(call, JSON.parse(text)),
    });
  }

  async #try(
    gateway: string,
    asked: {
      request: RpcRequest;
      stateless: boolean;
      signal: AbortSignal;
      subscription: Resubscription | undefined;
    },
  ): Promise<{ outcome: Outcome; reply: unknown }> {
    const { request, stateless, signal, subscription } = asked;
    const begins = request.method === 'initialize' && !stateless;
    const headers = stateless
      ? { ...MCP_HEADERS, ...this.#mirrors.headers(request) }
      : begins
        ? MCP_HEADERS
        : this.#session.headers();
    let reply: Record<string, unknown> | undefined;
    let replyText = '';
    const onMessage = (text: string): void => {
      const message: unknown = JSON.parse(text);
      if (!isObject(message)) return;
      if (message['method'] === undefined && message['id'] === request.id) {
        reply = message;
        replyText = text;
      } else if (subscription?.repeats(message) !== true) this.#write(text);
    };
    const idleMs = request.method === 'subscriptions/listen' ? LISTEN_IDLE_MS : CALL_IDLE_MS;
    const outcome = await this.#send(gateway, { body: request, headers, signal, idleMs, onMessage });
    if (reply === undefined) return { outcome, reply };
    if (begins && outcome.kind === 'answered') this.#session.began(request, { sessionId: outcome.sessionId, reply });
    if (!stateless && reply['error'] === undefined) this.#session.settled(request);
    if (!signal.aborted && subscription?.kept !== true) this.#write(replyText);
    return { outcome, reply };
  }

  #send(
    url: string,
    message: {
      body: object;
      headers: Readonly<Record<string, string>>;
      signal?: AbortSignal;
      idleMs?: number;
      onMessage?: (text: string) => void;
    },
  ): Promise<Outcome> {
    const { headers, signal = new AbortController().signal, idleMs = CALL_IDLE_MS, onMessage = () => {} } = message;
    return this.#uplink.send({
      method: 'POST',
      url,
      headers,
      body: JSON.stringify(message.body),
      signal,
      idleMs,
      onMessage,
    });
  }

  #track(work: Promise<void>): void {
    this.#work.add(work);
    void work.finally(() => this.#work.delete(work)); // none rejects: each turns its failure into an answer
  }

  /** Reads on only while there is room for more requests and for their answers. */
  #flow(): void {
    const { input, output } = this.#options;
    if (this.#pending.size >= MAX_IN_FLIGHT || output.writableNeedDrain) input.pause();
    else input.resume();
  }

  #refuse(id: RpcId | null, error: { name: ErrorName; message: string }): void {
    this.#write(errorText(id, error));
  }

  /** One message, one line. Raw line breaks in JSON are only ever spaces between tokens. */
  #write(text: string): void {
    const { output } = this.#options;
    if (output.destroyed || output.writableEnded) return;
    if (!output.write(`${/[\r\n]/.test(text) ? text.replace(/[\r\n]/g, ' ') : text}\n`)) this.#flow();
  }
}
