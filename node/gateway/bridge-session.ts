import { pause } from '../agent-side/index.ts';
import { isObject, notificationText, type RpcRequest } from '../../src/mcp/index.ts';
import type { NodeWatch } from './node-watch.ts';
import type { Outcome, Uplink } from './uplink.ts';

const STREAM_IDLE_MS = 60_000; // the gateway sends a comment every 15 s
const REPLAY_MS = 10_000;
/** Between two tries of what failed at once. */
export const PAUSE_MS = 250;
const CHANGES = ['tools', 'resources', 'prompts'] as const;

export const MCP_HEADERS = { 'Content-Type': 'application/json', Accept: 'application/json, text/event-stream' };

/**
 * The session a bridge keeps with the node on behalf of its client, who knows of only one: when the node restarts, the client's
 * own `initialize` is sent again and the answer kept from it.
 */
export class BridgeSession {
  readonly #uplink: Uplink;
  readonly #watch: NodeWatch;
  readonly #write: (text: string) => void;
  readonly #closing = new AbortController();
  #initialize: RpcRequest | undefined;
  #level: RpcRequest | undefined;
  readonly #subscribed = new Map<string, RpcRequest>();
  #id: string | undefined;
  #version = '';
  #capabilities: Record<string, unknown> = {};
  #renewing: Promise<boolean> | undefined;
  #streaming: Promise<void> | undefined;

  constructor(uplink: Uplink, options: { watch: NodeWatch; write: (text: string) => void }) {
    this.#uplink = uplink;
    this.#watch = options.watch;
    this.#write = options.write;
  }

  get open(): boolean {
    return this.#id !== undefined;
  }

  headers(): Record<string, string> {
    if (this.#id === undefined) return MCP_HEADERS;
    return { ...MCP_HEADERS, 'Mcp-Session-Id': this.#id, 'MCP-Protocol-Version': this.#version };
  }

  /** What the node answered to `initialize`. */
  began(initialize: RpcRequest, answer: { sessionId: string | undefined; reply: unknown }): void {
    const result = isObject(answer.reply) ? answer.reply['result'] : undefined;
    if (answer.sessionId === undefined || !isObject(result)) return;
    this.#initialize = initialize;
    this.#id = answer.sessionId;
    this.#version = String(result['protocolVersion']);
    this.#capabilities = isObject(result['capabilities']) ? result['capabilities'] : {};
  }

  /** What the client asked and got in this session, and a new one must be told again. */
  settled(request: RpcRequest): void {
    const uri = request.params?.['uri'];
    if (request.method === 'logging/setLevel') this.#level = request;
    else if (typeof uri !== 'string') return;
    else if (request.method === 'resources/subscribe') this.#subscribed.set(uri, request);
    else if (request.method === 'resources/unsubscribe') this.#subscribed.delete(uri);
  }

  /** Begins to hear what belongs to no request, and goes on through restarts of the node until `close`. */
  listen(): void {
    this.#streaming ??= this.#stream();
  }

  /** A new session in place of one that the node no longer knows; callers that ask together share it. */
  renew(gateway: string): Promise<boolean> {
    this.#renewing ??= this.#replay(gateway).finally(() => {
      this.#renewing = undefined;
    });
    return this.#renewing;
  }

  /** Ends the session at the node, if that is still there. */
  async close(): Promise<void> {
    const gateway = this.#watch.gateway;
    const headers = this.headers();
    this.#closing.abort();
    await this.#streaming;
    if (this.#id === undefined || gateway === undefined) return;
    const signal = AbortSignal.timeout(1_000);
    // Should this fail: the node forgets an idle session by itself.
    await this.#uplink.send({ method: 'DELETE', url: gateway, headers, signal, idleMs: 1_000, onMessage: () => {} });
  }

  async #replay(gateway: string): Promise<boolean> {
    if (this.#initialize === undefined) return false;
    const stale = this.#id;
    this.#id = undefined;
    let reply: unknown;
    const outcome = await this.#post(gateway, { ...this.#initialize, id: 'village-bridge' }, (text) => {
      reply = JSON.parse(text);
    });
    if (outcome.kind !== 'answered') {
      this.#id = stale;
      return false;
    }
    this.began(this.#initialize, { sessionId: outcome.sessionId, reply });
    if (!this.open) return false;
    await this.#post(gateway, { jsonrpc: '2.0', method: 'notifications/initialized' });
    if (this.#level !== undefined) await this.#post(gateway, this.#level);
    // What was there before the restart may not be there now, or not be as it was.
    for (const [uri, request] of this.#subscribed) {
      await this.#post(gateway, request);
      this.#write(notificationText('notifications/resources/updated', { uri }));
    }
    for (const kind of CHANGES) {
      const capability = this.#capabilities[kind];
      const told = isObject(capability) && capability['listChanged'] === true;
      if (told) this.#write(notificationText(`notifications/${kind}/list_changed`));
    }
    return true;
  }

  #post(gateway: string, message: object, onMessage: (text: string) => void = () => {}): Promise<Outcome> {
    const headers = this.headers();
    const body = JSON.stringify(message);
    const signal = this.#closing.signal;
    return this.#uplink.send({ method: 'POST', url: gateway, headers, body, signal, idleMs: REPLAY_MS, onMessage });
  }

  async #stream(): Promise<void> {
    const { signal } = this.#closing;
    while (!signal.aborted) {
      const gateway = await this.#watch.ready(performance.now() + REPLAY_MS);
      if (gateway === undefined) continue;
      const sent = { method: 'GET', url: gateway, headers: this.headers(), signal, idleMs: STREAM_IDLE_MS } as const;
      const outcome = await this.#uplink.send({ ...sent, onMessage: this.#write });
      if (outcome.kind === 'refused' && outcome.status === 404) await this.renew(gateway);
      else await pause(PAUSE_MS, signal);
    }
  }
}
