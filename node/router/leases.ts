import type { RpcRequest } from '../../src/mcp/index.ts';
import type { Principal } from '../../src/permissions/index.ts';
import type { BackendContext, BackendReply, HostedServer } from '../backends/backend.ts';
import { busy } from '../backends/call.ts';
import { success } from '../backends/reply.ts';
import type { HostedWatches } from './hosted-watches.ts';
import type { RouterParts } from './parts.ts';
import { UpdateNotices } from './update-notices.ts';

const LEASE_MS = 10 * 60_000;
const SWEEP_MS = 30_000;
const MAX_OF_PEER = 1_024;

interface Lease {
  readonly server: HostedServer;
  readonly uri: string;
  principal: Principal;
  untilMs: number;
  leave: () => void;
}

interface Asked {
  readonly peer: string;
  readonly server: HostedServer;
  readonly request: RpcRequest;
  readonly context: BackendContext;
}

type Parts = Pick<RouterParts, 'links' | 'clock'> & {
  readonly watches: HostedWatches;
  /** Whether this agent may still read the resource, as things are now. */
  readonly mayRead: (principal: Principal, server: HostedServer, uri: string) => boolean;
};

/** What peers subscribed to here, each for an agent of theirs: held for ten minutes at a time, and no longer than the link. */
export class Leases {
  readonly #parts: Parts;
  readonly #notices: UpdateNotices;
  readonly #held = new Map<string, Map<string, Lease>>();
  readonly #stopListening: () => void;
  #timer: NodeJS.Timeout | undefined;

  constructor(parts: Parts) {
    this.#parts = parts;
    this.#notices = new UpdateNotices(parts.links);
    this.#stopListening = parts.links.onLost((peer) => this.#drop(peer, () => true));
  }

  /** Begins or renews a lease. Never rejects. */
  async subscribe({ peer, server, request, context }: Asked): Promise<BackendReply> {
    const { principal } = context;
    const uri = String(request.params?.['uri']);
    const key = keyOf(principal.agentId, server, uri);
    const untilMs = this.#parts.clock.now() + LEASE_MS;
    const known = this.#held.get(peer)?.get(key);
    if (known !== undefined && known.server === server) {
      known.principal = principal;
      known.untilMs = untilMs;
      return success(request.id, context.era === 'stateless' ? { resultType: 'complete' } : {});
    }
    if ((this.#held.get(peer)?.size ?? 0) >= MAX_OF_PEER) return busy(request.id);
    const lease: Lease = { server, uri, principal, untilMs, leave: () => undefined };
    const { reply, leave } = await this.#parts.watches.join(server, {
      ...{ request, context, uri },
      events: {
        updated: (changed, agentId) => {
          if (!this.#parts.mayRead(lease.principal, server, uri)) return;
          this.#notices.send(peer, {
            server: server.alias,
            uri: changed,
            ...(agentId === undefined ? {} : { agent: agentId }),
          });
        },
        lost: () => {
          this.#forget(peer, key, lease);
          this.#notices.send(peer, { server: server.alias, uri, agent: lease.principal.agentId, over: true });
        },
      },
    });
    if (leave === undefined) return reply;
    // The peer went away meanwhile, or asked twice at once.
    if (context.signal.aborted || this.#held.get(peer)?.has(key) === true) {
      leave();
      return reply;
    }
    lease.leave = leave;
    const ofPeer = this.#held.get(peer) ?? new Map<string, Lease>();
    ofPeer.set(key, lease);
    this.#held.set(peer, ofPeer);
    this.#timer ??= setInterval(() => this.#sweep(), SWEEP_MS).unref();
    return reply;
  }

  unsubscribe({ peer, server, request, context }: Asked): BackendReply {
    const key = keyOf(context.principal.agentId, server, String(request.params?.['uri']));
    const lease = this.#held.get(peer)?.get(key);
    if (lease !== undefined) this.#end(peer, key, lease);
    return success(request.id, context.era === 'stateless' ? { resultType: 'complete' } : {});
  }

  /** These principals' tokens or agents were revoked. */
  forget(gone: (principal: Principal) => boolean): void {
    for (const peer of [...this.#held.keys()]) this.#drop(peer, (lease) => gone(lease.principal));
  }

  close(): void {
    this.#stopListening();
    this.#notices.close();
    clearInterval(this.#timer);
    this.#held.clear();
  }

  #sweep(): void {
    const now = this.#parts.clock.now();
    for (const peer of [...this.#held.keys()]) this.#drop(peer, (lease) => lease.untilMs <= now);
  }

  #drop(peer: string, which: (lease: Lease) => boolean): void {
    for (const [key, lease] of this.#held.get(peer) ?? []) if (which(lease)) this.#end(peer, key, lease);
  }

  #end(peer: string, key: string, lease: Lease): void {
    this.#forget(peer, key, lease);
    lease.leave();
  }

  #forget(peer: string, key: string, lease: Lease): void {
    const ofPeer = this.#held.get(peer);
    if (ofPeer?.get(key) !== lease) return;
    ofPeer.delete(key);
    if (ofPeer.size > 0) return;
    this.#held.delete(peer);
    if (this.#held.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }
}

function keyOf(agentId: string, server: HostedServer, uri: string): string {
  return `${agentId}\n${server.alias}\n${uri}`;
}
