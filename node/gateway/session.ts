import {
  type ClientAbilities,
  type LogLevel,
  NO_ABILITIES,
  notificationText,
  type RpcId,
  type SessionVersion,
} from '../../src/mcp/index.ts';
import type { Principal } from '../../src/permissions/index.ts';
import type { SessionEvents } from './event-store.ts';
import type { Exchange } from './exchange.ts';
import { Questions } from './questions.ts';
import { ResourceInterest } from './resource-interest.ts';
import { SessionStreams } from './session-streams.ts';

export type Change = 'tools' | 'resources' | 'prompts';

/** The first revision whose clients know events without data. */
const PRIMED_SINCE: SessionVersion = '2025-11-25';

/** What one client of a session-era revision has open with us. */
export class Session {
  readonly id: string;
  /** As whom its client last spoke: always the same agent, by one token or another. */
  principal: Principal;
  readonly view: string | undefined;
  /** `sse` is the HTTP+SSE transport of 2024-11-05, whose stream is the session. */
  readonly transport: 'streamable' | 'sse';
  readonly inFlight = new Map<RpcId, Exchange>();
  readonly streams: SessionStreams;
  readonly questions = new Questions();
  readonly resources: ResourceInterest;
  logLevel: LogLevel | undefined;
  lastUsedMs: number;
  /** When the newest token that used it ends, Unix milliseconds: no stream outlives that. */
  validUntilMs: number;
  #version: SessionVersion | undefined;
  #abilities: ClientAbilities = NO_ABILITIES;

  constructor(options: {
    id: string;
    principal: Principal;
    view: string | undefined;
    transport: 'streamable' | 'sse';
    events: SessionEvents | undefined;
    nowMs: number;
  }) {
    this.id = options.id;
    this.principal = options.principal;
    this.view = options.view;
    this.transport = options.transport;
    this.lastUsedMs = options.nowMs;
    this.validUntilMs = options.principal.expiresAtMs;
    this.streams = new SessionStreams(options.events);
    this.resources = new ResourceInterest((uri) => this.#tell('resources/updated', { uri }));
  }

  /** undefined until `initialize` on the HTTP+SSE transport, where the stream comes first. */
  get version(): SessionVersion | undefined {
    return this.#version;
  }

  /** What its client can be asked. */
  get abilities(): ClientAbilities {
    return this.#abilities;
  }

  begin(version: SessionVersion, abilities: ClientAbilities): void {
    this.#version = version;
    this.#abilities = abilities;
    this.streams.primes = version >= PRIMED_SINCE;
  }

  touch(principal: Principal, nowMs: number): void {
    this.lastUsedMs = nowMs;
    this.principal = principal;
    if (principal.expiresAtMs > this.validUntilMs) this.validUntilMs = principal.expiresAtMs;
  }

  notify(change: Change): void {
    this.#tell(`${change}/list_changed`);
  }

  /** Nobody waits for anything in it. */
  idle(): boolean {
    return this.inFlight.size === 0 && this.streams.main === undefined;
  }

  /** Ends it, and what is in flight in it: without a response when its client wanted that, else with one that says so. */
  close(by: 'client' | 'node'): void {
    this.questions.close();
    for (const exchange of this.inFlight.values()) {
      if (by === 'client') exchange.cancel();
      else exchange.abandon();
    }
    this.inFlight.clear();
    this.resources.close();
    this.streams.close();
  }

  #tell(what: string, params?: object): void {
    if (this.#version !== undefined) this.streams.notify(notificationText(`notifications/${what}`, params));
  }
}
