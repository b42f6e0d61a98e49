import type { Deadlines } from '../../protocols/mcp/index.ts';
import type { Principal } from '../../src/permissions/index.ts';
import { decide } from '../../src/permissions/index.ts';
import { scopeOfAll } from '../../src/routing/index.ts';
import { CallContext, newCallId } from './call-context.ts';
import { HostedWatches } from './hosted-watches.ts';
import { Leases } from './leases.ts';
import type { RouterParts } from './parts.ts';
import { PeerWatches } from './peer-watches.ts';
import type { Replicas } from './replicas.ts';
import { permissionOf, resolve, type Target } from './resolve.ts';
import { Subscriptions } from './subscriptions.ts';
import { type InBackground, subscribeTo } from './watch.ts';

/** How long a request of this node's own making may take. */
const OWN_REQUEST_MS = 10_000;

/** Everything about changes of resources: what agents here listen to, and what peers listen to here. */
export class Resources {
  readonly subscriptions: Subscriptions;
  readonly leases: Leases;
  readonly #parts: RouterParts;
  readonly #hosted: HostedWatches;
  readonly #peers: PeerWatches;
  readonly #closing = new AbortController();
  readonly #stopListening: () => void;

  constructor(
    parts: RouterParts,
    options: {
      readonly deadlines: Deadlines;
      readonly replicas: Replicas;
      readonly changed: (server: string) => void;
    },
  ) {
    const { hosting, links, clock } = parts;
    const inBackground = backgroundCalls(parts, options.deadlines, this.#closing.signal);
    this.#parts = parts;
    this.#hosted = new HostedWatches({ hosting, inBackground, changed: options.changed });
    this.#peers = new PeerWatches({ links, clock, changed: options.changed }, inBackground);
    this.leases = new Leases({
      ...{ links, clock, watches: this.#hosted },
      mayRead: (principal, server, uri) => {
        const access = server.definition()?.access;
        const kind = server.kind === 'role' ? 'role' : 'third_party';
        const permission = permissionOf(parts.policy(), { kind, access }, 'resources/read', uri);
        return decide(principal, scopeOfAll(server), permission).kind === 'allow';
      },
    });
    this.subscriptions = new Subscriptions({
      ...{ hosting, inBackground, replicas: options.replicas, hosted: this.#hosted, peers: this.#peers },
      find: (principal, uri, view) => this.#find(principal, uri, view),
    });
    this.#stopListening = hosting.onChange(() => {
      this.#hosted.hostingChanged();
      this.subscriptions.nudge();
    });
  }

  /** A token, an agent or a node was revoked. */
  forget(gone: (principal: Principal) => boolean): void {
    this.leases.forget(gone);
    this.subscriptions.forget(gone);
  }

  close(): void {
    this.#stopListening();
    this.subscriptions.close();
    this.leases.close();
    this.#peers.close();
    this.#closing.abort();
  }

  #find(principal: Principal, uri: string, view: string | undefined): Target | undefined {
    const resolved = resolve(this.#parts.catalogue(), subscribeTo(uri), view);
    if (resolved.kind === 'none') return undefined;
    const { target } = resolved;
    const permission = permissionOf(this.#parts.policy(), target.service, 'resources/read', uri);
    return decide(principal, scopeOfAll(target.service), permission).kind === 'allow' ? target : undefined;
  }
}

function backgroundCalls(parts: RouterParts, deadlines: Deadlines, signal: AbortSignal): InBackground {
  return async (principal, era, run) => {
    const deadlineAt = parts.clock.now() + OWN_REQUEST_MS;
    const context = new CallContext({ principal, era, signal }, newCallId(), { deadlineAt, deadlines });
    try {
      return await run(context);
    } finally {
      context.end();
    }
  };
}
