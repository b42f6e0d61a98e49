import { Breaker, chooseReplica, Load, type Replica, replicaOn, type Service } from '../../src/routing/index.ts';
import type { Backend, BackendContext, BackendReply } from '../backends/backend.ts';
import { failure } from '../backends/reply.ts';
import type { RouterParts } from './parts.ts';
import type { Target } from './resolve.ts';
import { StateHomes } from './state-homes.ts';

/** Failures that say something about the replica rather than about the call. */
const FAULTS: ReadonlySet<string> = new Set(['NODE_UNREACHABLE', 'NO_HEALTHY_SERVER', 'OUTCOME_UNKNOWN']);
const MAX_ATTEMPTS = 3;
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
) => Promise<BackendReply>;

const plainly: Send = (_replica, backend, { target, context }) => backend.request(target.request, context);

type Parts = Pick<RouterParts, 'hosting' | 'peer' | 'clock'>;

/** Chooses among the places where a service runs, and learns from every answer. */
export class Replicas {
  readonly #parts: Parts;
  readonly #tracked = new Map<string, Tracked>();
  readonly #homes = new StateHomes();

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** Sends the target's request to one replica, and to another only where the first provably never began. */
  async forward(target: Target, context: BackendContext, send: Send = plainly): Promise<Forwarded> {
    const tried: Replica[] = [];
    let last: BackendReply | undefined;
    while (tried.length < MAX_ATTEMPTS) {
      const replica = this.#choose(target, tried);
      if (replica === undefined) break;
      tried.push(replica);
      last = await this.#ask(replica, target, (backend) => send(replica, backend, { target, context }));
      if (last.notStarted !== true || context.signal.aborted) break;
    }
    const replica = tried.at(-1);
    if (
      last !== undefined &&
      replica !== undefined &&
      context.era === 'stateless' &&
      target.service.replicas.length > 1
    ) {
      this.#homes.learn(last.body, replica.nodeId);
    }
    return { reply: last ?? this.#nobody(target), replica };
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

  async #ask(
    replica: Replica,
    target: Target,
    send: (backend: Backend) => Promise<BackendReply>,
  ): Promise<BackendReply> {
    const { clock, hosting } = this.#parts;
    const { load, breaker, backend } = this.#of(replica);
    const asked = replica.local ? hosting.get(replica.alias) : backend;
    if (asked === undefined) return this.#nobody(target);
    const began = clock.now();
    load.begin();
    breaker.begin(began);
    const reply = await send(asked);
    const fault = FAULTS.has(reply.reason);
    load.end(reply.notStarted === true || fault ? undefined : clock.now() - began);
    if (fault) breaker.failed(clock.now());
    else breaker.succeeded();
    return reply;
  }

  #of(replica: Replica): Tracked {
    const key = `${replica.nodeId}/${replica.alias}`;
    const known = this.#tracked.get(key);
    if (known !== undefined) return known;
    if (this.#tracked.size >= MAX_TRACKED) this.#tracked.delete(this.#tracked.keys().next().value as string);
    const backend = replica.local ? undefined : this.#parts.peer(replica.nodeId, replica.alias);
    const load = new Load(replica.local ? LOCAL_GUESS_MS : PEER_GUESS_MS);
    const tracked = { load, breaker: new Breaker(), backend };
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
