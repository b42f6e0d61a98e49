import { answerDirectory, DIRECTORY, openHint } from '../../protocols/directory/index.ts';
import { type Catalogue, type KnownNode, Registry, type ServerSummary } from '../../src/routing/index.ts';
import { Announcements, HINT_NOTICE, HINT_TOPIC } from './announcements.ts';
import { HOST_PATH, Lookups } from './lookups.ts';
import { Neighbours } from './neighbours.ts';
import { NewsRates } from './news-rates.ts';
import { OwnDescriptor } from './own-descriptor.ts';
import type { DirectoryParts } from './ports.ts';
import { ProvidedKeys } from './provided-keys.ts';
import { type Pulled, Puller } from './puller.ts';

const STOP_MS = 1_500;
const READ_AGAIN_MS = 5_000;

/**
 * Who serves what in the village. Tells others what this node hosts, finds and asks those that host, believes only what they signed and
 * as long as they answer.
 */
export class Directory {
  readonly #parts: DirectoryParts;
  readonly #own: OwnDescriptor;
  readonly #registry: Registry;
  readonly #neighbours: Neighbours;
  readonly #rates = new NewsRates();
  readonly #lookups: Lookups;
  readonly #provided: ProvidedKeys;
  readonly #announcements: Announcements;
  readonly #stopping = new AbortController();
  readonly #listeners = new Set<(catalogue: Catalogue) => void>();
  readonly #undo: (() => void)[] = [];
  #told: Catalogue;
  /** Connected, and known until it lost the right to host. */
  readonly #barred = new Set<string>();
  #cancelSweep: () => void = () => undefined;
  #cancelReading: () => void = () => undefined;

  private constructor(parts: DirectoryParts, own: OwnDescriptor) {
    const { host, village, clock, reporter, links, mayHost, settings } = parts;
    const { signal } = this.#stopping;
    const registry = new Registry({ village, self: host.nodeId });
    const askTimeoutMs = settings.askTimeoutMs ?? DIRECTORY.timeoutMs;
    const puller = new Puller({ host, village, clock, mayHost, registry, askTimeoutMs, signal });
    const retryMs = settings.retryMs ?? 1_000;
    const changed = () => this.#tell();
    this.#parts = parts;
    this.#own = own;
    this.#registry = registry;
    this.#told = registry.catalogue();
    const rates = this.#rates;
    this.#neighbours = new Neighbours({ clock, links, reporter, registry, puller, rates, retryMs, changed, signal });
    this.#provided = new ProvidedKeys({ host, clock, reporter, signal });
    const inBackground = (work: Promise<unknown>) => this.#inBackground(work);
    this.#announcements = new Announcements({ host, links, clock, hint: () => own.hint(), inBackground, signal });
    this.#lookups = new Lookups({
      host,
      clock,
      intervalMs: settings.lookupIntervalMs,
      serves: (alias) => registry.catalogue().views.has(alias),
      found: (nodeId, options) => this.#found(nodeId, options),
      signal,
    });
  }

  /** Loads what the last run promised and registers the handlers: before the host starts. Rejects when the store does. */
  static async open(parts: DirectoryParts): Promise<Directory> {
    const { host, settings } = parts;
    const own = await OwnDescriptor.open({ ...parts, nodeId: host.nodeId, validityMs: settings.validityMs ?? 60_000 });
    const directory = new Directory(parts, own);
    host.handle(DIRECTORY, (stream) => {
      return answerDirectory(stream, own, { signal: AbortSignal.timeout(DIRECTORY.timeoutMs) });
    });
    host.subscribe(HINT_TOPIC, (data, from) => directory.#heard(data, from));
    return directory;
  }

  /** Reads what is hosted and begins to tell, to look and to ask. After the host has started. */
  async start(): Promise<void> {
    const { host, hosting, links } = this.#parts;
    this.#undo.push(
      host.onAdmitted((peer) => this.#admitted(peer.nodeId)),
      host.onGone((nodeId) => this.#neighbours.gone(nodeId, 'disconnected')),
      hosting.onChange(() => this.#hostingChanged()),
    );
    if (links !== undefined) {
      this.#undo.push(
        links.onOpened((nodeId) => this.#announcements.linkOpened(nodeId)),
        links.onLost((nodeId, { silent }) => this.#linkLost(nodeId, silent)),
        links.onNotice((nodeId, topic, body) => void (topic === HINT_NOTICE && this.#heard(body, nodeId))),
      );
    }
    await this.#readHosted();
    for (const nodeId of host.admitted().keys()) this.#admitted(nodeId);
    this.#lookups.start();
    this.#sweepLater();
  }

  /** Tells the village that this node serves nothing any more, as far as that is possible in a moment. Never rejects. */
  async stop(): Promise<void> {
    if (this.#stopping.signal.aborted) return;
    this.#stopping.abort();
    for (const undo of this.#undo.splice(0)) undo();
    this.#lookups.stop();
    this.#provided.stop();
    this.#announcements.stop();
    this.#cancelSweep();
    this.#cancelReading();
    const { promise: waited, resolve } = Promise.withResolvers<void>();
    const cancel = this.#parts.clock.after(STOP_MS, resolve);
    await Promise.race([this.#withdraw(), waited]);
    cancel();
  }

  /** What nodes may do may have changed: who may not host any more is not believed, who may again is asked. */
  reconsider(): void {
    const { host, mayHost } = this.#parts;
    for (const nodeId of host.admitted().keys()) {
      if (mayHost(nodeId)) {
        if (this.#barred.delete(nodeId)) this.#inBackground(this.#neighbours.ask(nodeId));
      } else if (this.#neighbours.isKnown(nodeId)) {
        this.#barred.add(nodeId);
        this.#neighbours.forget(nodeId, 'may-not-host');
      }
    }
    for (const nodeId of this.#barred) if (!host.admitted().has(nodeId)) this.#barred.delete(nodeId);
  }

  /** Everything that can be called now; the same object until that changes. */
  catalogue(): Catalogue {
    return this.#registry.catalogue();
  }

  onCatalogue(listener: (catalogue: Catalogue) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** The other nodes whose descriptors are believed now. */
  nodes(): KnownNode[] {
    return this.#registry.nodes();
  }

  /** What this node tells the others of itself. */
  own(): { readonly seq: number; readonly servers: readonly ServerSummary[] } {
    return { seq: this.#own.seq, servers: this.#own.shared() };
  }

  /** Whether a server of this node answers, and offers more than any list can hold. */
  isUnfit(alias: string): boolean {
    return this.#own.isUnfit(alias);
  }

  /** Looks for a server that nobody known serves; resolves when whoever was found has been asked, or in vain. Never rejects. */
  want(alias: string, options: { readonly signal: AbortSignal }): Promise<void> {
    return orAborted(this.#lookups.want(alias), options.signal);
  }

  /** Looks for everything now. Never rejects. */
  lookAround(options: { readonly signal: AbortSignal }): Promise<void> {
    return orAborted(this.#lookups.all(), options.signal);
  }

  /** Asks one other node what it serves, connecting to it first where needed. Never rejects. */
  meet(nodeId: string): Promise<Pulled> {
    return this.#neighbours.ask(nodeId);
  }

  #admitted(nodeId: string): void {
    this.#provided.peerCame();
    this.#lookups.hurry();
    this.#askIfExchanging(nodeId);
  }

  async #found(nodeId: string, { urgent }: { readonly urgent: boolean }): Promise<void> {
    if (nodeId === this.#parts.host.nodeId || this.#neighbours.isKnown(nodeId)) return;
    if (urgent || this.#neighbours.isWorthAsking(nodeId)) await this.#neighbours.ask(nodeId);
  }

  /** With `exchange` off, only provider records introduce a node; one that was introduced is asked whenever it shows itself. */
  #askIfExchanging(nodeId: string, news?: { readonly seq: number }): void {
    if (!this.#parts.settings.exchange && !this.#neighbours.isFamiliar(nodeId)) return;
    this.#inBackground(this.#neighbours.askInTurn(nodeId, news));
  }

  /** Silence is a death; else the peer is still connected, and asked before its servers leave every list. */
  #linkLost(nodeId: string, silent: boolean): void {
    if (!silent && this.#neighbours.isKnown(nodeId) && this.#parts.host.admitted().has(nodeId)) {
      this.#inBackground(this.#neighbours.askInTurn(nodeId));
    } else {
      this.#neighbours.gone(nodeId, 'link-lost');
    }
  }

  /** A hint came, by gossip or link. Whether it is one that is worth anything: others are not passed on. */
  #heard(data: Uint8Array, from: string): boolean {
    const { clock, host, village } = this.#parts;
    if (this.#rates.broughtBy(from, clock.now()) > 0) return this.#refuse(from, 'rate');
    const hint = openHint(Buffer.from(data).toString('latin1'), village);
    if (hint === undefined) return this.#refuse(from, 'malformed');
    const { node, seq, withdrawn } = hint;
    const highestSeq = this.#registry.highestSeq(node);
    const isNews = node !== host.nodeId && seq > (highestSeq ?? -1);
    if (!isNews || this.#stopping.signal.aborted) return true;
    const isMet = highestSeq !== undefined || host.admitted().has(node);
    if (!isMet && this.#rates.ofStrangers(clock.now()) > 0) return this.#refuse(from, 'rate');
    if (withdrawn) this.#left(hint, { isMet });
    else this.#askIfExchanging(node, { seq });
    return true;
  }

  #refuse(from: string, reason: 'rate' | 'malformed'): false {
    this.#parts.reporter.report('gossip.refused', { topic: HINT_TOPIC, from, reason });
    return false;
  }

  /** A node said goodbye. One that was not believed leaves nothing behind but a word of it, so that it is heard only so often. */
  #left({ node, seq }: { readonly node: string; readonly seq: number }, { isMet }: { readonly isMet: boolean }): void {
    const { clock } = this.#parts;
    const isWorthIt = !isMet || this.#neighbours.isKnown(node) || this.#rates.ofNode(node, clock.now()) === 0;
    if (isMet) this.#registry.withdraw(node, seq);
    if (isWorthIt) this.#neighbours.forget(node, 'withdrawn');
  }

  #hostingChanged(): void {
    const read = this.#readHosted().catch((error: unknown) => {
      this.#readAgain(READ_AGAIN_MS); // the disk may take it then
      throw error;
    });
    this.#inBackground(read);
  }

  #readAgain(ms: number): void {
    this.#cancelReading();
    if (this.#stopping.signal.aborted) return;
    this.#cancelReading = this.#parts.clock.after(ms, () => this.#hostingChanged());
  }

  /** Reads what is hosted, and tells whom a change concerns. */
  async #readHosted(): Promise<void> {
    const { local, shared } = await this.#own.refresh();
    this.#cancelReading();
    const graceMs = this.#own.graceLeft();
    if (graceMs !== undefined) {
      this.#readAgain(graceMs + 1);
    }
    if (local) this.#registry.setLocal(this.#own.local());
    this.#tell();
    if (!shared || this.#stopping.signal.aborted) return;
    // Who looks for a server that is away is to find the node that knows of it.
    const servers = [...this.#own.shared(), ...this.#own.away()];
    const hosts = servers.some((server) => server.kind === 'third_party') ? [HOST_PATH] : [];
    const paths = servers.map(({ kind, alias }) => (kind === 'role' ? `role/${alias}` : `server/${alias}`));
    this.#inBackground(this.#provided.set([...hosts, ...paths]));
    this.#announcements.changed();
  }

  async #withdraw(): Promise<void> {
    try {
      await this.#own.withdraw();
      await Promise.all([this.#announcements.once(), this.#provided.set([])]);
    } catch (error) {
      this.#parts.reporter.report('background.failed', { area: 'discovery', error });
    }
  }

  #sweepLater(): void {
    this.#cancelSweep = this.#parts.clock.after(this.#parts.settings.sweepMs ?? 1_000, () => {
      this.#neighbours.sweep();
      this.#sweepLater();
    });
  }

  #tell(): void {
    const catalogue = this.#registry.catalogue();
    if (catalogue === this.#told) return;
    this.#told = catalogue;
    for (const listener of this.#listeners) listener(catalogue);
  }

  /** Nobody waits for these: peers come and go, and the sweep comes back. */
  #inBackground(work: Promise<unknown>): void {
    work.catch((error: unknown) => this.#parts.reporter.report('background.failed', { area: 'discovery', error }));
  }
}

/** Resolves with `work`, which never rejects, or when nobody waits any more. */
function orAborted(work: Promise<void>, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  const { promise, resolve } = Promise.withResolvers<void>();
  signal.addEventListener('abort', () => resolve(), { once: true });
  void work.then(resolve);
  return promise;
}
