import { notificationText, type RpcId, type SessionVersion } from '../../src/mcp/index.ts';
import type { Principal } from '../../src/permissions/index.ts';
import type { Exchange } from './exchange.ts';
import type { SseStream } from './sse-stream.ts';

export type Change = 'tools' | 'resources' | 'prompts';
export type LogLevel = (typeof LOG_LEVELS)[number];
export const LOG_LEVELS = ['debug', 'info', 'notice', 'warning', 'error', 'critical', 'alert', 'emergency'] as const;

/** What one client of a session-era revision has open with us. */
export class Session {
  readonly id: string;
  readonly agentId: string;
  readonly view: string | undefined;
  /** `sse` is the HTTP+SSE transport of 2024-11-05, whose stream is the session. */
  readonly transport: 'streamable' | 'sse';
  readonly inFlight = new Map<RpcId, Exchange>();
  /** undefined until `initialize` on the HTTP+SSE transport, where the stream comes first. */
  version: SessionVersion | undefined;
  logLevel: LogLevel | undefined;
  lastUsedMs: number;
  /** When the newest token that used it ends: no stream outlives that. */
  validUntilMs: number;
  #stream: SseStream | undefined;
  /** Changes that found no stream, for the next one. At most one of each kind. */
  readonly #missed = new Set<Change>();

  constructor(options: {
    id: string;
    principal: Principal;
    view: string | undefined;
    transport: 'streamable' | 'sse';
    version: SessionVersion | undefined;
    nowMs: number;
  }) {
    this.id = options.id;
    this.agentId = options.principal.agentId;
    this.view = options.view;
    this.transport = options.transport;
    this.version = options.version;
    this.lastUsedMs = options.nowMs;
    this.validUntilMs = options.principal.expiresAtMs;
  }

  get stream(): SseStream | undefined {
    return this.#stream?.open === true ? this.#stream : undefined;
  }

  touch(principal: Principal, nowMs: number): void {
    this.lastUsedMs = nowMs;
    if (principal.expiresAtMs > this.validUntilMs) this.validUntilMs = principal.expiresAtMs;
  }

  attach(stream: SseStream): void {
    this.#stream = stream;
    const missed = [...this.#missed];
    this.#missed.clear();
    for (const change of missed) this.notify(change);
  }

  notify(change: Change): void {
    const { stream } = this;
    if (stream === undefined) this.#missed.add(change);
    else if (this.version !== undefined) stream.send(notificationText(`notifications/${change}/list_changed`));
  }

  /** Nobody waits for anything in it. */
  idle(): boolean {
    return this.inFlight.size === 0 && this.stream === undefined;
  }

  /** Ends it, and what is in flight in it: without a response when its client wanted that, else with one that says so. */
  close(by: 'client' | 'node'): void {
    for (const exchange of this.inFlight.values()) {
      if (by === 'client') exchange.cancel();
      else exchange.abandon();
    }
    this.inFlight.clear();
    this.#stream?.end();
    this.#stream = undefined;
  }
}
