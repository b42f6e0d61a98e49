import { Breaker, chooseReplica, Load, type Replica, replicaOn, type Service } from '../../src/routing/index.ts';
import type { Awaitable, Backend, BackendContext, BackendReply } from '../backends/backend.ts';
import { failure } from '../backends/reply.ts';
import type { RouterParts } from './parts.ts';
import type { Target } from './resolve.ts';
import { StateHomes } from './state-homes.ts';
import { type VotedRouting, votedRouting } from './voted-routing.ts';

/** Failures that say something about the replica rather than about the call. */
const FAULTS: ReadonlySet<string> = new Set(['NODE_UNREACHABLE', 'NO_HEALTHY_SERVER', 'OUTCOME_UNKNOWN']);
const NONE: readonly Replica[] = [];
const LOCAL_GUESS_MS = 1;
const PEER_GUESS_MS = 5;
const MAX_TRACKED = 8192;

interface Tracked {
  readonly load: Load;
  readonly breaker: Breaker;
  readonly backend: Backend | undefined;
}

export interface Forwarded {
  readonly reply: BackendReply;
  /** Where it was answered, or last tried; undefined: nowhere. */
  readonly replica: Replica | undefined;
}

/** How the request reaches the chosen replica. */
type Send = (
  replica: Replica,
  backend: Backend,
  call: { readonly target: Target; readonly context: BackendContext },
) => Awaitable<BackendReply>;

const plainly: Send = (_replica, backend, { target, context }) => backend.request(target.request, context);

type Parts = Pick<RouterParts, 'hosting' | 'peer' | 'clock' | 'policy'>;

/** Chooses among the places where a service runs, and learns from every answer. */
export class Replicas {
  readonly #parts: Parts;
  readonly #tracked = new Map<string, Tracked>();
  /** The same, by the replica as the catalogue of the moment has it: most calls need no key. */
  readonly #seen = new WeakMap<Replica, Tracked>();
  readonly #homes = new StateHomes();
  readonly #routing: VotedRouting;

  constructor(parts: Parts) {
    this.#parts = parts;
    this.#routing = votedRouting(parts.policy);
  }

  /** Sends the target's request to one replica, and to another only where the first provably never began. */
  forward(target: Target, context: BackendContext, send: Send = plainly): Awaitable<Forwarded> {
    const replica = this.#choose(target, NONE);
    if (replica === undefined) return { reply: this.#nobody(target), replica };
    const reply = this.#ask(replica, { target, context }, send);
    if (reply instanceof Promise || reply.notStarted === true)
      return this.#goOn(replica, reply, { target, context, send });
    return this.#learnt({ reply, replica }, target, context);
  }

  async #goOn(
    first: Replica,
    asked: Awaitable<BackendReply>,
    { target, context, send }: { target: Target; context: BackendContext; send: Send },
  ): Promise<Forwarded> {
    const tried = [first];
    let replica = first;
    let reply = await asked;
    while (reply.notStarted === true && !context.signal.aborted && tried.length < this.#routing.maxAttempts) {
      const next = this.#choose(target, tried);
      if (next === undefined) break;
      tried.push(next);
      replica = next;
      reply = await this.#ask(next, { target, context }, send);
    }
    return this.#learnt({ reply, replica }, target, context);
  }

  #learnt(forwarded: Forwarded, { service }: Target, { era }: BackendContext): Forwarded {
    const { reply, replica } = forwarded;
    if (era === 'stateless' && service.replicas.length > 1 && replica !== undefined) {
      this.#homes.learn(reply.body, replica.nodeId);
    }
    return forwarded;
  }

  #choose(target: Target, tried: readonly Replica[]): Replica | undefined {
    const { service, nodeId } = target;
    if (nodeId !== undefined) {
      const named = replicaOn(service, nodeId);
      return named === undefined || tried.length > 0 ? undefined : named;
    }
    if (tried.length === 0 && service.replicas.length === 1) return service.replicas[0];
    const now = this.#parts.clock.now();
    const home = tried.length === 0 ? this.#home(target) : undefined;
    if (home !== undefined && this.#usable(home, now)) return home;
    const open = service.replicas.filter((replica) => !tried.includes(replica) && this.#usable(replica, now));
    // With every breaker open the call still goes somewhere: it is the trial that closes one.
    const pool = open.length > 0 || tried.length > 0 ? open : service.replicas;
    const costs = pool.map((replica) => ({ local: replica.local, cost: this.#of(replica).load.cost() }));
    return pool[chooseReplica(costs, this.#parts.clock.chance())];
  }

  #home({ service, request }: Target): Replica | undefined {
    const nodeId = this.#homes.homeOf(request);
    return nodeId === undefined ? undefined : replicaOn(service, nodeId);
  }

  #usable(replica: Replica, now: number): boolean {
    if (!this.#of(replica).breaker.allows(now)) return false;
    return !replica.local || this.#parts.hosting.get(replica.alias)?.state().state !== 'down';
  }

  #ask(
    replica: Replica,
    call: { readonly target: Target; readonly context: BackendContext },
    send: Send,
  ): Awaitable<BackendReply> {
    const tracked = this.#of(replica);
    const asked = replica.local ? this.#parts.hosting.get(replica.alias) : tracked.backend;
    if (asked === undefined) return this.#nobody(call.target);
    const began = this.#parts.clock.now();
    tracked.load.begin();
    tracked.breaker.begin(began);
    const reply = send(replica, asked, call);
    return reply instanceof Promise
      ? reply.then((ended) => this.#ended(tracked, began, ended))
      : this.#ended(tracked, began, reply);
  }

  #ended({ load, breaker }: Tracked, began: number, reply: BackendReply): BackendReply {
    const now = this.#parts.clock.now();
    const fault = FAULTS.has(reply.reason);
    load.end(reply.notStarted === true || fault ? undefined : now - began);
    if (fault) breaker.failed(now);
    else breaker.succeeded();
    return reply;
  }

  #of(replica: Replica): Tracked {
    const seen = this.#seen.get(replica);
    if (seen !== undefined) return seen;
    const tracked = this.#track(replica);
    this.#seen.set(replica, tracked);
    return tracked;
  }

  #track(replica: Replica): Tracked {
    const key = `${replica.nodeId}/${replica.alias}`;
    const known = this.#tracked.get(key);
    if (known !== undefined) return known;
    if (this.#tracked.size >= MAX_TRACKED) this.#tracked.delete(this.#tracked.keys().next().value as string);
    const backend = replica.local ? undefined : this.#parts.peer(replica.nodeId, replica.alias);
    const load = new Load(replica.local ? LOCAL_GUESS_MS : PEER_GUESS_MS);
    const tracked = { load, breaker: new Breaker(this.#routing.breaker), backend };
    this.#tracked.set(key, tracked);
    return tracked;
  }

  #nobody({ service, request, nodeId }: Target): BackendReply {
    const problem = nodeId === undefined ? nobodyServes(service) : unknownNode(service, nodeId);
    return failure(request.id, problem, { notStarted: true });
  }
}

function nobodyServes(service: Service): { name: 'NO_HEALTHY_SERVER'; message: string } {
  return { name: 'NO_HEALTHY_SERVER', message: `no node serves ${service.label} now; try again in a moment` };
}

function unknownNode(service: Service, nodeId: string): { name: 'NODE_UNREACHABLE'; message: string } {
  return {
    name: 'NODE_UNREACHABLE',
    message: `node ${nodeId} serves no ${service.label} that is known here; discover_nodes lists the nodes`,
  };
}
