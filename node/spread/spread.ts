import { RateLimiter } from '../../src/routing/index.ts';
import type { MeshHost } from '../host/mesh-host.ts';
import type { Reporter } from '../telemetry/events.ts';
import { IdlePeers } from './idle-peers.ts';
import type { PullEnd } from './pages.ts';
import { PullQueue } from './pull-queue.ts';

const MAX_RETOLD = 4;
const RETELL_MS = 100;

export interface SpreadClock {
  /** Milliseconds since 1970. */
  wallMs(): number;
  /** Milliseconds on a clock that never steps. */
  now(): number;
  /** 0 ≤ chance < 1. */
  chance(): number;
  /** Runs once after `ms`, unless cancelled by the function returned. Does not keep the process alive. */
  after(ms: number, run: () => void): () => void;
}

export type SpreadHost = Pick<
  MeshHost,
  'nodeId' | 'handle' | 'subscribe' | 'publish' | 'openStream' | 'admitted' | 'onAdmitted'
>;

/**
 * What came of something heard. `waits`: put aside just now, so that its sender is asked soon; `ended`: true once, and of no use any
 * more. `kept` resolves when it is on disk, and never rejects.
 */
export interface Taken {
  readonly kind: 'news' | 'known' | 'waits' | 'ended' | 'bad';
  readonly kept?: Promise<void> | undefined;
}

/** One kind of statements that every node is to have: how they are read, judged, told and asked for. */
export interface SpreadTopic<Item> {
  /** `revocation/1`: for gossip, and in reports. */
  readonly name: string;
  /** How long between two looks at what another node holds, on average. */
  readonly pullIntervalMs: number;
  /** Something put aside is reason to ask soon, and asking often is no use. */
  readonly hurryMs: number;
  /** Announcements of one publisher that are looked at; the others come by pulling. */
  readonly heard: { readonly perMinute: number; readonly burst: number };
  /** Of what a pull brought, told on at once: it mends a village that was cut in two. */
  readonly maxToldOn: number;
  /** A peer that brought nothing of use is left alone for a while. */
  readonly restsIdle: boolean;
  /** undefined: no announcement. Never throws. */
  read(data: Uint8Array): Item | undefined;
  announcementOf(item: Item): Uint8Array;
  take(item: Item, from: string): Taken;
  /**
   * Asks a peer for all we lack. `take` resolves when it is on disk, with how many nothing could make true; `skipped`: how many more came
   * that need no look.
   */
  pull(
    nodeId: string,
    options: {
      readonly signal: AbortSignal;
      readonly take: (items: readonly Item[], skipped?: number) => Promise<number>;
    },
  ): Promise<PullEnd>;
  /** A peer gave us everything it has. */
  pulled?(nodeId: string): void;
  admitted?(nodeId: string): void;
  /** Time has passed. */
  tick(): void;
}

export interface SpreadOptions {
  readonly host: SpreadHost;
  readonly clock: SpreadClock;
  readonly reporter: Reporter;
}

/** Carries statements through the village: gossip tells them at once, pulling makes sure, whoever wrote them. */
export class Spread<Item> {
  readonly #options: SpreadOptions;
  readonly #topic: SpreadTopic<Item>;
  readonly #pulls: PullQueue;
  readonly #idle = new IdlePeers();
  readonly #rates = new RateLimiter({ maxKeys: 4_096 });
  readonly #stopping = new AbortController();
  readonly #undo: (() => void)[] = [];
  #cancelTick: () => void = () => undefined;
  #tickAt = Number.POSITIVE_INFINITY;

  /** Listens on the host: before the host starts. */
  constructor(options: SpreadOptions, topic: SpreadTopic<Item>) {
    this.#options = options;
    this.#topic = topic;
    this.#pulls = new PullQueue((nodeId) => this.#pull(nodeId));
    options.host.subscribe(topic.name, (data, from) => this.#hear(data, from));
  }

  /** Begins to ask. After the host has started. */
  start(): void {
    const { host } = this.#options;
    this.#undo.push(host.onAdmitted(({ nodeId }) => this.#admitted(nodeId)));
    for (const nodeId of host.admitted().keys()) this.#admitted(nodeId);
    this.#tickIn(this.#interval());
  }

  /** Resolves when nothing of it runs any more. Never rejects. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    this.#cancelTick();
    for (const undo of this.#undo.splice(0)) undo();
    await this.#pulls.stop();
  }

  /** Never rejects: who does not hear it now will pull it. Told again where nobody could hear it yet. */
  async tell(item: Item, attempt = 0): Promise<void> {
    const { host, clock } = this.#options;
    if (host.admitted().size === 0 || this.#stopping.signal.aborted) return;
    try {
      await host.publish(this.#topic.name, this.#topic.announcementOf(item));
    } catch {
      // Gossip has no links yet to those who are connected.
      if (attempt < MAX_RETOLD) clock.after(RETELL_MS * 2 ** attempt, () => void this.tell(item, attempt + 1));
    }
  }

  /** Whether what was gossiped may go on to others. */
  #hear(data: Uint8Array, from: string): boolean {
    const { host, clock } = this.#options;
    if (from === host.nodeId) return true;
    if (this.#rates.take(from, this.#topic.heard, clock.now()) > 0) return this.#refuse(from, 'rate');
    const item = this.#topic.read(data);
    if (item === undefined) return this.#refuse(from, 'malformed');
    const { kind } = this.#take(item, from);
    return kind === 'bad' || kind === 'ended' ? this.#refuse(from, kind) : true;
  }

  #refuse(from: string, reason: 'rate' | 'malformed' | 'bad' | 'ended'): false {
    this.#options.reporter.report('gossip.refused', { topic: this.#topic.name, from, reason });
    return false;
  }

  #take(item: Item, from: string): Taken {
    const taken = this.#topic.take(item, from);
    if (taken.kind === 'waits') this.#hurry(from);
    return taken;
  }

  #admitted(nodeId: string): void {
    this.#idle.forget(nodeId);
    this.#topic.admitted?.(nodeId);
    this.#pulls.add(nodeId);
  }

  async #pull(nodeId: string): Promise<void> {
    const { reporter, clock } = this.#options;
    const told: Item[] = [];
    let [got, news] = [0, 0];
    const take = async (items: readonly Item[], skipped = 0): Promise<number> => {
      const taken = items.map((item) => ({ item, ...this.#take(item, nodeId) }));
      const fresh = taken.filter(({ kind }) => kind === 'news');
      got += items.length + skipped;
      news += fresh.length;
      told.push(...fresh.slice(0, this.#topic.maxToldOn - told.length).map(({ item }) => item));
      await Promise.all(fresh.flatMap(({ kept }) => kept ?? []));
      return taken.filter(({ kind }) => kind === 'bad').length;
    };
    const ended = await this.#topic.pull(nodeId, { signal: this.#stopping.signal, take });
    if (this.#topic.restsIdle && got > 0 && news === 0) this.#idle.broughtNothing(nodeId, clock.now());
    else this.#idle.forget(nodeId);
    if (ended.kind === 'lied') {
      reporter.report('peer.misbehaved', { peer: nodeId, protocol: this.#topic.name, reason: ended.because });
    } else if (ended.kind === 'done') {
      this.#topic.pulled?.(nodeId);
    }
    for (const item of told) await this.tell(item);
  }

  #tick(): void {
    const { host, clock } = this.#options;
    this.#tickIn(this.#interval());
    this.#topic.tick();
    this.#idle.keepOnly(host.admitted());
    const peers = [...host.admitted().keys()].filter((nodeId) => !this.#idle.rests(nodeId, clock.now()));
    const peer = peers[Math.floor(clock.chance() * peers.length)];
    if (peer !== undefined) this.#pulls.add(peer);
  }

  #interval(): number {
    return this.#topic.pullIntervalMs * (0.5 + this.#options.clock.chance());
  }

  #hurry(nodeId: string): void {
    const { host, clock } = this.#options;
    const rests = this.#idle.rests(nodeId, clock.now());
    if (host.admitted().has(nodeId) && !rests) this.#pulls.add(nodeId);
    if (this.#tickAt - clock.now() > this.#topic.hurryMs) this.#tickIn(this.#topic.hurryMs);
  }

  #tickIn(ms: number): void {
    this.#cancelTick();
    if (this.#stopping.signal.aborted) return;
    this.#tickAt = this.#options.clock.now() + ms;
    this.#cancelTick = this.#options.clock.after(ms, () => this.#tick());
  }
}
