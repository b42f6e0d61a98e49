import type { Stream } from '@libp2p/interface';
import {
  type CallEnd,
  LIMITS,
  mcp,
  type OutgoingCall,
  PeerSession,
  type SessionPorts,
} from '../../protocols/mcp/index.ts';
import { after, type Awaitable } from '../../src/kernel/index.ts';
import type { Principal } from '../../src/permissions/index.ts';
import { KeptLinks } from './kept-links.ts';
import { Link, type OpenedBy } from './link.ts';
import type { LinkLoss, LinkParts, LinkStatus } from './ports.ts';
import { within } from './within.ts';

/** A whole tick, of so many looks: once a second. */
const LOOKS_PER_TICK = 1_000 / LIMITS.watchEveryMs;
const OPEN_MS = 5_000;

type Listener<Arguments extends unknown[]> = (...told: Arguments) => void;

/** The streams to admitted peers that calls go over: one for each pair, opened when first needed, by either side. */
export class PeerLinks {
  readonly #parts: LinkParts;
  readonly #links = new Map<string, Link>();
  readonly #kept: KeptLinks;
  readonly #opened = new Set<Listener<[nodeId: string]>>();
  readonly #lost = new Set<Listener<[nodeId: string, how: LinkLoss]>>();
  readonly #notices = new Set<Listener<[nodeId: string, topic: string, body: Uint8Array]>>();
  readonly #clock: SessionPorts['clock'];
  #timer: NodeJS.Timeout | undefined;
  #stopped = false;
  #looks = 0;
  readonly #silent = new Set<string>();

  constructor(parts: LinkParts) {
    this.#parts = parts;
    this.#clock = parts.clock ?? { now: () => performance.now(), wall: () => Date.now() };
    this.#kept = new KeptLinks({
      host: parts.host,
      clock: this.#clock,
      isOpen: (nodeId) => this.#links.get(nodeId)?.session?.open === true,
      open: async (nodeId) => void (await this.#open(nodeId)),
    });
    parts.host.handle(mcp, (stream, peer) => this.#accept(stream, peer.nodeId));
  }

  /** Starts pinging. Streams may come before: they are served. */
  start(): void {
    this.#timer ??= setInterval(() => this.#look(), LIMITS.watchEveryMs).unref();
  }

  /** Lets what runs finish for at most `graceMs`, then ends every stream. */
  async stop(options: { readonly graceMs: number }): Promise<void> {
    this.#stopped = true;
    this.#kept.stop();
    const links = [...this.#links.values()];
    for (const link of links) link.drain();
    await within(Promise.all(links.map((link) => link.whenEmpty())), options.graceMs);
    clearInterval(this.#timer);
    this.#timer = undefined;
    for (const link of links) link.abort();
  }

  /** Asks `nodeId`. Opens a stream where there is none, within the call's own deadline. Never fails. */
  call(nodeId: string, call: OutgoingCall): Awaitable<CallEnd> {
    return after(this.#callOnce(nodeId, call), (end) => {
      if (end.kind === 'result') return end;
      const left =
        end.kind === 'refused' ? end.because === 'draining' : end.kind === 'unsent' && end.because === 'closed';
      // The stream was being left when the call came to it: it has not started, and a new stream may take it.
      return left && !this.#stopped ? this.#callOnce(nodeId, call) : end;
    });
  }

  /** Sends a hint to every peer with an open stream; answers how many took it. */
  notice(topic: string, body: Uint8Array): number {
    let told = 0;
    for (const link of this.#links.values()) if (link.session?.notice(topic, body) === true) told += 1;
    return told;
  }

  /** Sends a hint to one peer; false when it did not take it. */
  tell(nodeId: string, topic: string, body: Uint8Array): boolean {
    return this.#links.get(nodeId)?.session?.notice(topic, body) === true;
  }

  /** A hint from a peer. Bytes of a stranger's making: check them. */
  onNotice(listener: (nodeId: string, topic: string, body: Uint8Array) => void): () => void {
    this.#notices.add(listener);
    return () => this.#notices.delete(listener);
  }

  /** A stream with `nodeId` was opened, by either side; notices can be sent over it. */
  onOpened(listener: (nodeId: string) => void): () => void {
    this.#opened.add(listener);
    return () => this.#opened.delete(listener);
  }

  /** The last stream to `nodeId` is gone: it closed, broke, or was silent for 8 s. */
  onLost(listener: (nodeId: string, how: LinkLoss) => void): () => void {
    this.#lost.add(listener);
    return () => this.#lost.delete(listener);
  }

  /** Peers that hang: they owe answers and nothing is heard of them, but their streams are not given up yet. */
  get silent(): ReadonlySet<string> {
    return this.#silent;
  }

  /** Keeps a stream to `nodeId` open while it is admitted, so that its silence is noticed. Answers how to let go. */
  keep(nodeId: string): () => void {
    return this.#kept.keep(nodeId);
  }

  /** A token, an agent or a node was revoked: delegations of such principals must be presented, and judged, anew. */
  forget(gone: (principal: Principal) => boolean): void {
    for (const link of this.#links.values()) link.forget(gone);
  }

  status(): LinkStatus[] {
    const now = this.#clock.now();
    return [...this.#links.values()].flatMap(({ nodeId, session }) => {
      if (session === undefined) return [];
      const { openedAt, ...stats } = session.stats;
      return [{ nodeId, ...stats, ageMs: now - openedAt, kept: this.#kept.has(nodeId) }];
    });
  }

  #callOnce(nodeId: string, call: OutgoingCall): Awaitable<CallEnd> {
    const session = this.#links.get(nodeId)?.session;
    return session?.open === true ? session.call(call) : this.#openAndCall(nodeId, call);
  }

  async #openAndCall(nodeId: string, call: OutgoingCall): Promise<CallEnd> {
    if (this.#stopped) return CLOSED;
    const leftMs = call.context.deadlineAt - this.#clock.now();
    let session: PeerSession | undefined;
    try {
      session = await within(this.#open(nodeId), leftMs);
    } catch {
      // Why it could not be opened is the host's to report; for the call it is one thing.
      return CLOSED;
    }
    return session === undefined ? { kind: 'deadline', sent: false } : session.call(call);
  }

  /** The open session to `nodeId`, or a new one. Rejects with the host's error. */
  #open(nodeId: string): Promise<PeerSession> {
    const link = this.#link(nodeId);
    return link.openOr(
      async () => {
        const stream = await this.#parts.host.openStream(nodeId, mcp, { signal: AbortSignal.timeout(OPEN_MS) });
        return this.#begin(stream, nodeId, 'us');
      },
      () => this.#tried(link),
    );
  }

  #accept(stream: Stream, nodeId: string): void {
    if (this.#stopped) stream.abort(new Error('stopping'));
    else this.#begin(stream, nodeId, 'them');
  }

  #begin(stream: Stream, nodeId: string, openedBy: OpenedBy): PeerSession {
    const link = this.#link(nodeId);
    const parts = this.#parts;
    const session: PeerSession = new PeerSession(
      stream,
      {
        clock: this.#clock,
        deadlines: parts.deadlines,
        defer: setImmediate,
        delegationFor: (principal) => parts.delegationFor(principal, nodeId),
        accept: (delegation) => parts.accept(delegation, nodeId),
        serve: parts.serve,
        onNotice: (topic, body) => {
          for (const listener of this.#notices) listener(nodeId, topic, body);
        },
        onDraining: () => link.left(session),
        onEnd: (error) => this.#ended(link, session, error),
        onFault: (error) => parts.reporter.report('background.failed', { area: 'peers', error }),
        onRefused: (refused) => {
          parts.reporter.report('call.refused', { stage: 'peer', reason: refused.reason });
          parts.reporter.report('peer.denied', { peer: nodeId, ...refused });
        },
      },
      { peer: nodeId, maxInFlight: parts.limits.maxInFlightPerPeer },
    );
    const current = link.take(session, openedBy);
    for (const listener of this.#opened) listener(nodeId);
    return current;
  }

  #ended(link: Link, session: PeerSession, error: Error | undefined): void {
    const { nodeId } = link;
    link.ended(session);
    const code = error !== undefined && 'code' in error ? error.code : undefined;
    if (code === 'WIRE_MALFORMED' || code === 'WIRE_TOO_LARGE') {
      this.#parts.reporter.report('peer.misbehaved', { peer: nodeId, protocol: mcp.name, reason: code });
    }
    if (!link.empty) return;
    // The other side may have kept the stream that is still being opened here: only if that fails is the link lost.
    if (link.opening) link.orphaned = true;
    else this.#gone(link, { silent: code === 'WIRE_TIMEOUT' });
  }

  /** An attempt to open a stream has ended. */
  #tried(link: Link): void {
    const { orphaned } = link;
    link.orphaned = false;
    if (!link.empty) return;
    if (orphaned) this.#gone(link, { silent: true });
    else this.#links.delete(link.nodeId);
  }

  #gone({ nodeId }: Link, how: LinkLoss): void {
    this.#links.delete(nodeId);
    this.#silent.delete(nodeId);
    for (const listener of this.#lost) listener(nodeId, how);
    this.#kept.lost(nodeId);
  }

  #link(nodeId: string): Link {
    let link = this.#links.get(nodeId);
    if (link === undefined) {
      link = new Link({ nodeId, self: this.#parts.host.nodeId, clock: this.#clock });
      this.#links.set(nodeId, link);
    }
    return link;
  }

  #look(): void {
    const now = this.#clock.now();
    for (const link of this.#links.values()) {
      if (link.watch(now)) this.#silent.add(link.nodeId);
      else this.#silent.delete(link.nodeId);
    }
    // Not before all are known: a call is not to go to another that hangs as well.
    for (const nodeId of this.#silent) this.#links.get(nodeId)?.letGo();
    this.#looks += 1;
    if (this.#looks % LOOKS_PER_TICK !== 0) return;
    for (const link of this.#links.values()) link.tick(now);
    this.#kept.tick(now);
  }
}

const CLOSED: CallEnd = { kind: 'unsent', because: 'closed' };
