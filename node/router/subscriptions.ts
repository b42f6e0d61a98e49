import type { Principal } from '../../src/permissions/index.ts';
import type { Replica } from '../../src/routing/index.ts';
import type { Backend, BackendContext, BackendReply, Hosting } from '../backends/backend.ts';
import { busy } from '../backends/call.ts';
import { failure, success } from '../backends/reply.ts';
import type { HostedWatches } from './hosted-watches.ts';
import { Interest, type Listener } from './interest.ts';
import type { PeerWatches } from './peer-watches.ts';
import type { Forwarded, Replicas } from './replicas.ts';
import type { Target } from './resolve.ts';
import { type InBackground, subscribeTo, type WatchOutcome } from './watch.ts';

const MAX_INTERESTS = 8_192;
const MAX_OF_AGENT = 512;
/** As long as the name of a target may be between nodes. */
const MAX_URI_BYTES = 2_048;

export interface SubscriptionParts {
  readonly hosting: Pick<Hosting, 'get'>;
  readonly replicas: Replicas;
  readonly hosted: HostedWatches;
  readonly peers: PeerWatches;
  readonly inBackground: InBackground;
  /** Where `uri` is served in this view now, for an agent that may read it; undefined: nowhere. */
  readonly find: (principal: Principal, uri: string, view: string | undefined) => Target | undefined;
}

/** What a session asks for: the resource found, and how to hear of it. */
export interface Wish {
  readonly target: Target;
  readonly view: string | undefined;
  readonly listener: Listener;
}

/** The resources that agents of this node listen to. However many sessions an agent has, the server is asked once for it. */
export class Subscriptions {
  readonly #parts: SubscriptionParts;
  readonly #interests = new Map<string, Interest>();
  readonly #joining = new Map<string, Promise<Forwarded>>();
  /** Agents with an interest here, with the newest token each has shown, and how many interests. */
  readonly #agents = new Map<string, { principal: Principal; interests: number }>();

  constructor(parts: SubscriptionParts) {
    this.#parts = parts;
  }

  get size(): number {
    return this.#interests.size;
  }

  /** Tokens are renewed while a subscription lasts: the newest is the one to act under. */
  seen(principal: Principal): void {
    const agent = this.#agents.get(principal.agentId);
    if (agent !== undefined && principal.expiresAtMs > agent.principal.expiresAtMs) agent.principal = principal;
  }

  /** Adds a listener; `end` is there exactly when the reply says ok. Never rejects. */
  async add(
    { target, view, listener }: Wish,
    context: BackendContext,
  ): Promise<Forwarded & { readonly end?: (() => void) | undefined }> {
    const { request, service, name: uri } = target;
    const { agentId } = context.principal;
    if (Buffer.byteLength(uri) > MAX_URI_BYTES) {
      const message = `a resource that is subscribed to has a URI of at most ${MAX_URI_BYTES} bytes`;
      return nowhere(failure(request.id, { name: 'INVALID_PARAMS', message }));
    }
    const key = `${agentId}\n${view ?? ''}\n${service.label}\n${uri}`;
    // Somebody of the same agent may be asking for the same thing just now.
    for (let joining = this.#joining.get(key); joining !== undefined; joining = this.#joining.get(key)) await joining;
    let interest = this.#interests.get(key);
    let joined = nowhere(success(request.id, context.era === 'stateless' ? { resultType: 'complete' } : {}));
    if (interest === undefined) {
      if (!this.#room(context.principal)) return nowhere(busy(request.id));
      interest = this.#interest(uri, view, context);
      const joining = this.#watch(interest, target, context);
      this.#joining.set(key, joining);
      joined = await joining;
      this.#joining.delete(key);
      if (joined.reply.outcome !== 'ok' || context.signal.aborted) {
        interest.end();
        return joined;
      }
      this.#hold(key, interest, context.principal);
    }
    const held = interest;
    const leave = held.listen(listener);
    return {
      ...joined,
      end: () => {
        leave();
        if (!held.heard) this.#release(key, held);
      },
    };
  }

  /** Servers or nodes came or went. */
  nudge(): void {
    for (const interest of this.#interests.values()) interest.nudge();
  }

  /** These principals' tokens or agents were revoked: nothing is watched in their name any more. */
  forget(gone: (principal: Principal) => boolean): void {
    for (const [key, interest] of this.#interests) {
      const agent = this.#agents.get(interest.agentId);
      if (agent !== undefined && gone(agent.principal)) this.#release(key, interest);
    }
  }

  close(): void {
    for (const [key, interest] of this.#interests) this.#release(key, interest);
  }

  #interest(uri: string, view: string | undefined, context: BackendContext): Interest {
    const { principal, era } = context;
    const { agentId } = principal;
    const current = (): Principal => this.#agents.get(agentId)?.principal ?? principal;
    const interest: Interest = new Interest({
      ...{ uri, view, era, agentId },
      mayHear: () => this.#parts.find(current(), uri, view) !== undefined,
      again: async () => {
        const target = this.#parts.find(current(), uri, view);
        if (target === undefined) return false;
        const reply = await this.#parts.inBackground(current(), era, async (own) => {
          return (await this.#watch(interest, { ...target, request: subscribeTo(uri) }, own)).reply;
        });
        return reply.outcome === 'ok';
      },
    });
    return interest;
  }

  /** Watches at one replica of the server, or at another where the first provably did not begin. */
  async #watch(interest: Interest, target: Target, context: BackendContext): Promise<Forwarded> {
    let leave: (() => void) | undefined;
    const forwarded = await this.#parts.replicas.forward(target, context, async (replica, backend, call) => {
      const outcome = await this.#join(interest, { ...target, replica, backend }, call.context);
      leave = outcome.leave;
      return outcome.reply;
    });
    if (leave !== undefined) interest.confirm(leave);
    return forwarded;
  }

  #join(
    interest: Interest,
    place: Target & { readonly replica: Replica; readonly backend: Backend },
    context: BackendContext,
  ): Promise<WatchOutcome> {
    const { request, replica, backend } = place;
    const { uri, agentId } = interest;
    const { principal } = context;
    const events = { updated: (changed: string) => interest.updated(changed), lost: () => interest.lost() };
    const asked = { request, context, uri, events };
    const server = replica.local ? this.#parts.hosting.get(replica.alias) : undefined;
    if (server !== undefined) return this.#parts.hosted.join(server, asked);
    const current = (): Principal => this.#agents.get(agentId)?.principal ?? principal;
    return this.#parts.peers.join({ ...replica, backend, principal: current }, asked);
  }

  #room({ agentId }: Principal): boolean {
    const agent = this.#agents.get(agentId);
    return this.#interests.size < MAX_INTERESTS && (agent?.interests ?? 0) < MAX_OF_AGENT;
  }

  #hold(key: string, interest: Interest, principal: Principal): void {
    this.#interests.set(key, interest);
    const agent = this.#agents.get(principal.agentId) ?? { principal, interests: 0 };
    agent.interests += 1;
    this.#agents.set(principal.agentId, agent);
    this.seen(principal);
  }

  #release(key: string, interest: Interest): void {
    interest.end();
    if (this.#interests.get(key) !== interest) return;
    this.#interests.delete(key);
    const agent = this.#agents.get(interest.agentId);
    if (agent === undefined) return;
    agent.interests -= 1;
    if (agent.interests === 0) this.#agents.delete(interest.agentId);
  }
}

function nowhere(reply: BackendReply): Forwarded {
  return { reply, replica: undefined };
}
