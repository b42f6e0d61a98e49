import { randomUUID } from 'node:crypto';
import type { Principal } from '../../src/permissions/index.ts';
import { type EventStore, SessionEvents } from './event-store.ts';
import { type Change, Session } from './session.ts';

export interface SessionLimits {
  readonly maxSessions: number;
  readonly sessionIdleMs: number;
}

/** All open sessions. An id alone opens nothing: agent, path and transport must be those it was made with. */
export class Sessions {
  readonly #limits: SessionLimits;
  readonly #events: EventStore;
  readonly #byId = new Map<string, Session>();

  constructor(limits: SessionLimits, events: EventStore) {
    this.#limits = limits;
    this.#events = events;
  }

  get size(): number {
    return this.#byId.size;
  }

  /** Events kept for clients that lost a stream. */
  get keptEvents(): number {
    return this.#events.size;
  }

  /** A new session, or undefined when there is no room. An agent at half of all sessions gives up its own longest idle one. */
  create(
    principal: Principal,
    options: { view: string | undefined; transport: 'streamable' | 'sse'; nowMs: number },
  ): Session | undefined {
    if (!this.#makeRoom(principal.agentId)) return undefined;
    // The stream of HTTP+SSE is the session: there is nothing to come back to.
    const events = options.transport === 'sse' ? undefined : new SessionEvents(this.#events);
    const session = new Session({ ...options, id: randomUUID(), principal, events });
    this.#byId.set(session.id, session);
    return session;
  }

  find(
    id: string,
    owner: { agentId: string; view: string | undefined; transport: 'streamable' | 'sse' },
  ): Session | undefined {
    const session = this.#byId.get(id);
    if (session === undefined || session.principal.agentId !== owner.agentId) return undefined;
    return session.view === owner.view && session.transport === owner.transport ? session : undefined;
  }

  remove(session: Session): void {
    this.#byId.delete(session.id);
    session.close('client');
  }

  notify(change: Change): void {
    for (const session of this.#byId.values()) session.notify(change);
  }

  /** Ends what nobody used for long, closes streams whose token has ended, and keeps the rest alive. */
  tick(nowMs: number, wallMs: number): void {
    for (const session of this.#byId.values()) {
      if (session.idle() && nowMs - session.lastUsedMs >= this.#limits.sessionIdleMs) this.remove(session);
      else if (wallMs >= session.validUntilMs) session.streams.endMain();
      else session.streams.keepAlive();
    }
    this.#events.expire();
  }

  /** Looks after what has been in flight for a while. */
  linger(): void {
    for (const { inFlight } of this.#byId.values()) {
      if (inFlight.size > 0) for (const exchange of inFlight.values()) exchange.linger();
    }
  }

  /** A token or an agent was revoked: ends the sessions of such principals, and what was asked in their name in others. */
  forget(gone: (principal: Principal) => boolean): void {
    for (const session of this.#byId.values()) {
      if (gone(session.principal)) {
        this.#byId.delete(session.id);
        session.close('node');
      } else {
        for (const exchange of session.inFlight.values()) if (gone(exchange.principal)) exchange.abandon();
      }
    }
  }

  /** Ends the streams; what is in flight over HTTP goes on to its reply. */
  endStreams(): void {
    for (const session of this.#byId.values()) session.streams.endMain();
  }

  closeAll(): void {
    for (const session of this.#byId.values()) session.close('node');
    this.#byId.clear();
  }

  #makeRoom(agentId: string): boolean {
    const { maxSessions } = this.#limits;
    if (this.#byId.size < Math.ceil(maxSessions / 2)) return true;
    const own = [...this.#byId.values()].filter((session) => session.principal.agentId === agentId);
    if (this.#byId.size < maxSessions && own.length < Math.ceil(maxSessions / 2)) return true;
    const oldest = own
      .filter((session) => session.idle())
      .reduce<Session | undefined>(
        (old, one) => (old === undefined || one.lastUsedMs < old.lastUsedMs ? one : old),
        undefined,
      );
    if (oldest === undefined) return false;
    this.remove(oldest);
    return true;
  }
}
