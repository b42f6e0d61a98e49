import type { Clock, PeerSession } from '../../protocols/mcp/index.ts';
import type { Principal } from '../../src/permissions/index.ts';

/** Streams opened within this time of each other may have crossed on their way. */
const CROSSING_MS = 10_000;

export type OpenedBy = 'us' | 'them';

interface Opened {
  readonly session: PeerSession;
  readonly by: OpenedBy;
  readonly at: number;
}

/**
 * The sessions with one peer: the one that calls go over, and those being left. When both sides opened a stream at once, both
 * keep the one opened by the smaller PeerId; else the newer one is kept, since its opener had lost the older.
 */
export class Link {
  readonly nodeId: string;
  /** Its last stream ended while another was being opened. */
  orphaned = false;
  readonly #self: string;
  readonly #clock: Clock;
  readonly #sessions = new Set<PeerSession>();
  #current: Opened | undefined;
  #opening: Promise<PeerSession> | undefined;
  #waiting: (() => void)[] = [];

  constructor(options: { readonly nodeId: string; readonly self: string; readonly clock: Clock }) {
    this.nodeId = options.nodeId;
    this.#self = options.self;
    this.#clock = options.clock;
  }

  get session(): PeerSession | undefined {
    return this.#current?.session;
  }

  get empty(): boolean {
    return this.#sessions.size === 0;
  }

  get opening(): boolean {
    return this.#opening !== undefined;
  }

  /** The session to call over: the current one, the one being opened, or a new one. `onTried` is told when an opening ended. */
  openOr(open: () => Promise<PeerSession>, onTried: () => void): Promise<PeerSession> {
    const current = this.#current?.session;
    if (current?.open === true) return Promise.resolve(current);
    this.#opening ??= open().finally(() => {
      this.#opening = undefined;
      onTried();
    });
    return this.#opening;
  }

  /** Takes a new session in and answers the one to use: itself, or the one that stays. */
  take(session: PeerSession, by: OpenedBy): PeerSession {
    this.#sessions.add(session);
    const opened: Opened = { session, by, at: this.#clock.now() };
    const before = this.#current;
    if (before === undefined || !before.session.open) {
      this.#current = opened;
    } else if (this.#stays(before, opened)) {
      session.drain();
    } else {
      this.#current = opened;
      before.session.drain();
    }
    return this.#current?.session ?? session;
  }

  /** `session` takes no more calls. */
  left(session: PeerSession): void {
    if (this.#current?.session === session) this.#current = undefined;
  }

  ended(session: PeerSession): void {
    this.left(session);
    this.#sessions.delete(session);
    if (!this.empty) return;
    for (const told of this.#waiting) told();
    this.#waiting = [];
  }

  /** Resolves when no session is left. */
  whenEmpty(): Promise<void> {
    return this.empty ? Promise.resolve() : new Promise((resolve) => this.#waiting.push(resolve));
  }

  /** Answers whether the peer is silent. */
  watch(now: number): boolean {
    let silent = false;
    for (const session of this.#sessions) {
      session.watch(now);
      silent ||= session.silent;
    }
    return silent;
  }

  letGo(): void {
    for (const session of this.#sessions) session.letGo();
  }

  tick(now: number): void {
    for (const session of this.#sessions) session.tick(now);
    const current = this.#current?.session;
    // All its references are used up: a fresh stream serves on.
    if (current !== undefined && !current.open) current.drain();
  }

  drain(): void {
    for (const session of this.#sessions) session.drain();
  }

  abort(): void {
    for (const session of this.#sessions) session.abort();
  }

  forget(gone: (principal: Principal) => boolean): void {
    for (const session of this.#sessions) session.forget(gone);
  }

  #stays(before: Opened, opened: Opened): boolean {
    if (before.by === opened.by || opened.at - before.at > CROSSING_MS) return false;
    return before.by === (this.#self < this.nodeId ? 'us' : 'them');
  }
}
