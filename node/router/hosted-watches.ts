import { concerns } from '../../src/routing/index.ts';
import type { HostedServer, Hosting } from '../backends/backend.ts';
import { failure } from '../backends/reply.ts';
import { type InBackground, unsubscribeFrom, type WatchEvents, type WatchOutcome, type WatchRequest } from './watch.ts';

interface Watch {
  readonly uri: string;
  readonly agentId: string;
  readonly events: WatchEvents;
}

interface Heard {
  readonly watches: Set<Watch>;
  readonly stopListening: () => void;
}

/** Resources watched at servers of this node, for its own agents and for peers. */
export class HostedWatches {
  readonly #hosting: Pick<Hosting, 'get'>;
  readonly #inBackground: InBackground;
  readonly #changed: (server: string) => void;
  readonly #heard = new Map<HostedServer, Heard>();

  /** `changed`: whoever keeps answers of that server hears before those who watch it. */
  constructor(parts: {
    readonly hosting: Pick<Hosting, 'get'>;
    readonly inBackground: InBackground;
    readonly changed: (server: string) => void;
  }) {
    this.#hosting = parts.hosting;
    this.#inBackground = parts.inBackground;
    this.#changed = parts.changed;
  }

  async join(server: HostedServer, { request, context, uri, events }: WatchRequest): Promise<WatchOutcome> {
    const { principal, era } = context;
    const watch: Watch = { uri, agentId: principal.agentId, events };
    if (!this.#attach(server, watch)) {
      const problem = { name: 'METHOD_NOT_FOUND', message: `${server.alias} does not tell of changes` } as const;
      return { reply: failure(request.id, problem), leave: undefined };
    }
    const reply = await server.request(request, context);
    if (reply.outcome !== 'ok') {
      this.#detach(server, watch);
      return { reply, leave: undefined };
    }
    const leave = (): void => {
      if (!this.#detach(server, watch)) return;
      // Nobody waits for it: it never rejects, and a server that cannot be told has forgotten the subscription anyway.
      void this.#inBackground(principal, era, (own) => server.request(unsubscribeFrom(uri), own));
    };
    return { reply, leave };
  }

  /** Servers may have come, gone or been replaced: what was watched at one that is no longer hosted is lost. */
  hostingChanged(): void {
    for (const [server, { watches, stopListening }] of this.#heard) {
      if (this.#hosting.get(server.alias) === server) continue;
      this.#heard.delete(server);
      stopListening();
      for (const { events } of watches) events.lost();
    }
  }

  #attach(server: HostedServer, watch: Watch): boolean {
    const heard = this.#heard.get(server);
    if (heard !== undefined) {
      heard.watches.add(watch);
      return true;
    }
    const watches = new Set([watch]);
    const stopListening = server.onResourceUpdated?.((uri, agentId) => {
      this.#changed(server.alias);
      for (const one of watches) {
        if ((agentId ?? one.agentId) === one.agentId && concerns(one.uri, uri)) one.events.updated(uri, agentId);
      }
    });
    if (stopListening === undefined) return false;
    this.#heard.set(server, { watches, stopListening });
    return true;
  }

  #detach(server: HostedServer, watch: Watch): boolean {
    const heard = this.#heard.get(server);
    if (heard?.watches.delete(watch) !== true) return false;
    if (heard.watches.size === 0) {
      this.#heard.delete(server);
      heard.stopListening();
    }
    return true;
  }
}
