import { DIRECTORY } from '../../protocols/directory/index.ts';
import type { Registry } from '../../src/routing/index.ts';
import type { NewsRates } from './news-rates.ts';
import type { DirectoryParts } from './ports.ts';
import type { Pulled, Puller } from './puller.ts';
import { Retries } from './retries.ts';

type Parts = Pick<DirectoryParts, 'clock' | 'links' | 'reporter'> & {
  readonly registry: Registry;
  readonly puller: Puller;
  readonly rates: Pick<NewsRates, 'ofNode'>;
  readonly retryMs: number;
  /** The registry may have changed. */
  readonly changed: () => void;
  /** Aborts when discovery stops. */
  readonly signal: AbortSignal;
};

const MAX_FAMILIAR = 1_024;
const MAX_KEPT = 256;

/** The other nodes: who is believed, until when, and whom to ask again. A lost link and two questions without an answer end belief; an answer restores it. */
export class Neighbours {
  readonly #parts: Parts;
  readonly #retries: Retries;
  readonly #asking = new Map<string, Promise<Pulled>>();
  /** Nodes being asked of which newer news came meanwhile: its number. */
  readonly #newer = new Map<string, number>();
  /** Known nodes, and when to ask them for a fresh descriptor. */
  readonly #refreshAt = new Map<string, number>();
  /** Nodes that answered once: asked again as soon as they come back. */
  readonly #familiar = new Set<string>();
  /** Nodes to which a link is held open, and how to let it go. */
  readonly #kept = new Map<string, () => void>();

  constructor(parts: Parts) {
    this.#parts = parts;
    this.#retries = new Retries(parts.retryMs);
  }

  isFamiliar(nodeId: string): boolean {
    return this.#familiar.has(nodeId);
  }

  /** Whether somebody's word that this node exists is reason to ask it now. */
  isWorthAsking(nodeId: string): boolean {
    return !this.#refreshAt.has(nodeId) && this.#retries.allows(nodeId, this.#parts.clock.now());
  }

  isKnown(nodeId: string): boolean {
    return this.#refreshAt.has(nodeId);
  }

  /**
   * Asks the node what it serves and draws the conclusions. Once at a time for each node; `news`: the number it is said to have
   * reached, which an answer already under way may be too old for. Never rejects.
   */
  ask(nodeId: string, news?: { readonly seq: number }): Promise<Pulled> {
    const asking = this.#asking.get(nodeId);
    if (asking !== undefined) {
      if (news !== undefined) this.#newer.set(nodeId, Math.max(news.seq, this.#newer.get(nodeId) ?? 0));
      return asking;
    }
    const asked = this.#pull(nodeId).then((pulled) => {
      this.#asking.delete(nodeId);
      if (!this.#parts.signal.aborted) this.#conclude(nodeId, pulled);
      return this.#isBehind(nodeId, pulled) ? this.ask(nodeId) : pulled;
    });
    this.#asking.set(nodeId, asked);
    return asked;
  }

  /** As `ask`, for who has a say in how often it is asked: one that wants it too often is asked a little later. Never rejects. */
  async askInTurn(nodeId: string, news?: { readonly seq: number }): Promise<void> {
    const nowMs = this.#parts.clock.now();
    const waitMs = this.#parts.rates.ofNode(nodeId, nowMs);
    const dueAtMs = this.#refreshAt.get(nodeId);
    if (waitMs === 0) await this.ask(nodeId, news);
    else if (dueAtMs === undefined) this.#retries.later(nodeId, nowMs + waitMs);
    else this.#refreshAt.set(nodeId, Math.min(dueAtMs, nowMs + waitMs));
  }

  /** It is not there: not believed any more, and asked again after a while. */
  gone(nodeId: string, reason: string): void {
    if (!this.#refreshAt.has(nodeId)) return;
    this.#retries.failed(nodeId, this.#parts.clock.now());
    this.#remove(nodeId, reason);
  }

  /** It serves nothing: not believed any more, and not asked again until it is named. */
  forget(nodeId: string, reason: string): void {
    this.#retries.forget(nodeId);
    this.#remove(nodeId, reason);
  }

  /** Asks whom it is time to ask, and drops whom nobody vouched for in time. */
  sweep(): void {
    const nowMs = this.#parts.clock.now();
    for (const nodeId of this.#parts.registry.expire(nowMs)) this.gone(nodeId, 'expired');
    const due = [...this.#refreshAt].filter(([, dueAtMs]) => dueAtMs <= nowMs).map(([nodeId]) => nodeId);
    for (const nodeId of [...due, ...this.#retries.due(nowMs)]) void this.ask(nodeId); // never rejects
  }

  /** One that is known and still connected may be too busy to answer once: it is asked again before all it serves is given up. */
  async #pull(nodeId: string): Promise<Pulled> {
    const { puller, signal } = this.#parts;
    const pulled = await puller.pull(nodeId);
    return pulled.kind === 'silent' && this.isKnown(nodeId) && !signal.aborted ? puller.pull(nodeId) : pulled;
  }

  #isBehind(nodeId: string, pulled: Pulled): boolean {
    const newer = this.#newer.get(nodeId);
    this.#newer.delete(nodeId);
    if (newer === undefined || pulled.kind !== 'known' || this.#parts.signal.aborted) return false;
    return (this.#parts.registry.highestSeq(nodeId) ?? 0) < newer;
  }

  #conclude(nodeId: string, pulled: Pulled): void {
    switch (pulled.kind) {
      case 'known':
        return this.#believe(nodeId, pulled);
      case 'withdrawn':
      case 'may-not-host':
        return this.forget(nodeId, pulled.kind);
      case 'refused':
        this.#parts.reporter.report('peer.misbehaved', {
          peer: nodeId,
          protocol: DIRECTORY.name,
          reason: pulled.because,
        });
        return this.#unanswered(nodeId, pulled.because);
      case 'silent':
        return this.#unanswered(nodeId, pulled.kind);
      case 'busy':
        return;
    }
  }

  #believe(nodeId: string, pulled: Extract<Pulled, { kind: 'known' }>): void {
    const { clock, reporter, registry } = this.#parts;
    const node = registry.node(nodeId);
    if (node === undefined) return; // it went away while it was answering
    const nowMs = clock.now();
    this.#retries.forget(nodeId);
    this.#familiar.delete(nodeId);
    this.#familiar.add(nodeId);
    if (this.#familiar.size > MAX_FAMILIAR) this.#familiar.delete(this.#familiar.values().next().value as string);
    this.#refreshAt.set(nodeId, nowMs + (node.believedUntilMs - nowMs) * (0.4 + 0.2 * clock.chance()));
    this.#keep(nodeId);
    for (const { alias, tools } of pulled.redefined) {
      reporter.report('directory.redefined', { peer: nodeId, server: alias, tools });
    }
    if (pulled.changed) {
      reporter.report('directory.updated', { peer: nodeId, seq: node.seq, servers: node.servers.length });
    }
    this.#parts.changed();
  }

  #unanswered(nodeId: string, reason: string): void {
    this.#retries.failed(nodeId, this.#parts.clock.now());
    this.#remove(nodeId, reason);
  }

  #remove(nodeId: string, reason: string): void {
    this.#parts.registry.drop(nodeId);
    this.#kept.get(nodeId)?.();
    this.#kept.delete(nodeId);
    // Who was not heard of in this run may be remembered from the last: its goodbye ends that too.
    if (!this.#refreshAt.delete(nodeId) && reason !== 'withdrawn') return;
    this.#parts.reporter.report('directory.dropped', { peer: nodeId, reason });
    this.#parts.changed();
  }

  /** A node that dies in silence shows on the link to it long before its descriptor ends, and so does news of it. */
  #keep(nodeId: string): void {
    const { links } = this.#parts;
    if (links === undefined || this.#kept.has(nodeId) || this.#kept.size >= MAX_KEPT) return;
    this.#kept.set(nodeId, links.keep(nodeId));
  }
}
