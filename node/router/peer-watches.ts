import { openResourceNotice, RESOURCE_TOPIC } from '../../protocols/mcp/index.ts';
import type { Principal } from '../../src/permissions/index.ts';
import { concerns } from '../../src/routing/index.ts';
import type { Backend, Era } from '../backends/backend.ts';
import type { RouterParts } from './parts.ts';
import {
  type InBackground,
  subscribeTo,
  unsubscribeFrom,
  type WatchEvents,
  type WatchOutcome,
  type WatchRequest,
} from './watch.ts';

/** The serving node holds a subscription for ten minutes. */
const RENEW_MS = 4 * 60_000;
const LOOK_EVERY_MS = 15_000;

interface Watch {
  readonly nodeId: string;
  readonly server: string;
  readonly uri: string;
  readonly backend: Backend;
  readonly era: Era;
  /** As it is now: tokens are renewed while a watch lasts. */
  readonly principal: () => Principal;
  readonly events: WatchEvents;
  readonly letGo: () => void;
  renewAt: number;
}

/** Where a peer serves the watched resource. */
interface Place {
  readonly nodeId: string;
  readonly alias: string;
  readonly backend: Backend;
  readonly principal: () => Principal;
}

type Parts = Pick<RouterParts, 'links' | 'clock'> & {
  /** Whoever keeps answers of that server hears before those who watch it. */
  readonly changed: (server: string) => void;
};

/** Resources watched at other nodes: subscribed to by ordinary calls, heard of by notices, renewed before the peer forgets. */
export class PeerWatches {
  readonly #parts: Parts;
  readonly #inBackground: InBackground;
  readonly #watches = new Map<string, Set<Watch>>();
  readonly #undo: readonly (() => void)[];
  #timer: NodeJS.Timeout | undefined;

  constructor(parts: Parts, inBackground: InBackground) {
    this.#parts = parts;
    this.#inBackground = inBackground;
    this.#undo = [
      parts.links.onNotice((nodeId, topic, body) => void (topic === RESOURCE_TOPIC && this.#heard(nodeId, body))),
      parts.links.onLost((nodeId) => this.#lost([...(this.#watches.get(nodeId) ?? [])])),
    ];
  }

  async join(place: Place, { request, context, uri, events }: WatchRequest): Promise<WatchOutcome> {
    const { nodeId, alias: server, backend, principal } = place;
    const { links, clock } = this.#parts;
    const renewAt = clock.now() + RENEW_MS;
    const letGo = links.keep(nodeId);
    const watch: Watch = { nodeId, server, uri, backend, era: context.era, principal, events, letGo, renewAt };
    // Known before the peer is asked: a notice may come in the same breath as the reply.
    this.#add(watch);
    const reply = await backend.request(request, context);
    if (reply.outcome !== 'ok') {
      this.#remove(watch);
      return { reply, leave: undefined };
    }
    const leave = (): void => {
      if (!this.#remove(watch)) return;
      // Nobody waits for it, and it never rejects: a peer that does not hear of it forgets the subscription in time.
      void this.#inBackground(principal(), watch.era, (own) => backend.request(unsubscribeFrom(uri), own));
    };
    return { reply, leave };
  }

  close(): void {
    for (const undo of this.#undo) undo();
    clearInterval(this.#timer);
    for (const watches of this.#watches.values()) for (const { letGo } of watches) letGo();
    this.#watches.clear();
  }

  #add(watch: Watch): void {
    const watches = this.#watches.get(watch.nodeId);
    if (watches === undefined) this.#watches.set(watch.nodeId, new Set([watch]));
    else watches.add(watch);
    this.#timer ??= setInterval(() => this.#renewDue(), LOOK_EVERY_MS).unref();
  }

  /** False when it was gone already. */
  #remove(watch: Watch): boolean {
    const watches = this.#watches.get(watch.nodeId);
    if (watches?.delete(watch) !== true) return false;
    watch.letGo();
    if (watches.size > 0) return true;
    this.#watches.delete(watch.nodeId);
    if (this.#watches.size > 0) return true;
    clearInterval(this.#timer);
    this.#timer = undefined;
    return true;
  }

  #heard(nodeId: string, body: Uint8Array): void {
    const notice = openResourceNotice(body);
    if (notice === undefined) return;
    const { server, uri, agent, over } = notice;
    const meant = [...(this.#watches.get(nodeId) ?? [])].filter(
      (watch) =>
        watch.server === server &&
        (agent ?? watch.principal().agentId) === watch.principal().agentId &&
        (over === true ? watch.uri === uri : concerns(watch.uri, uri)),
    );
    if (meant.length > 0) this.#parts.changed(server);
    if (over === true) this.#lost(meant);
    else for (const { events } of meant) events.updated(uri, agent);
  }

  #lost(watches: readonly Watch[]): void {
    for (const watch of watches) if (this.#remove(watch)) watch.events.lost();
  }

  #renewDue(): void {
    const now = this.#parts.clock.now();
    for (const watches of this.#watches.values()) {
      for (const watch of watches) if (watch.renewAt <= now) void this.#renew(watch);
    }
  }

  /** Never rejects. */
  async #renew(watch: Watch): Promise<void> {
    const { backend, uri, era } = watch;
    watch.renewAt = this.#parts.clock.now() + RENEW_MS;
    const reply = await this.#inBackground(watch.principal(), era, (own) => backend.request(subscribeTo(uri), own));
    if (reply.outcome !== 'ok') this.#lost([watch]);
  }
}
