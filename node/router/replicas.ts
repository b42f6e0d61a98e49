import type { Deadlines, Movable } from '../../protocols/mcp/index.ts';
import { after, waits } from '../../src/kernel/index.ts';
import {
  type Avoided,
  chooseReplica,
  type Field,
  isIdempotent,
  type Replica,
  ReplicaHealth,
  replicaOn,
} from '../../src/routing/index.ts';
import type { Awaitable, Backend, BackendContext, BackendReply } from '../backends/backend.ts';
import { failure } from '../backends/reply.ts';
import type { CallTracing } from './call-tracing.ts';
import { beginsAnew, drained } from './draining.ts';
import { hedged } from './hedge.ts';
import { nobodyServes, unknownNode } from './nobody.ts';
import type { RouterParts } from './parts.ts';
import type { Target } from './resolve.ts';
import { Siblings } from './siblings.ts';
import { StateHomes } from './state-homes.ts';
import { type VotedRouting, votedRouting } from './voted-routing.ts';

/** Failures that say something about the replica rather than about the call. */
const FAULTS: ReadonlySet<string> = new Set(['NODE_UNREACHABLE', 'NO_HEALTHY_SERVER', 'OUTCOME_UNKNOWN']);
const NONE: readonly Replica[] = [];
const LOCAL_GUESS_MS = 1;
const PEER_GUESS_MS = 5;
const MAX_TRACKED = 8192;

interface Tracked {
  readonly health: ReplicaHealth;
  readonly nodeId: string;
  readonly alias: string;
  readonly backend: Backend | undefined;
  drained: boolean;
}

/** A place of a server that is not asked now. */
export type AvoidedReplica = Avoided & { readonly nodeId: string; readonly server: string };

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
  movable?: Movable,
) => Awaitable<BackendReply>;

const plainly: Send = (_replica, backend, { target, context }, movable) =>
  backend.request(target.request, context, movable);

interface Call {
  readonly target: Target;
  readonly context: BackendContext;
  readonly send: Send;
}

type Parts = Pick<RouterParts, 'hosting' | 'peer' | 'clock' | 'policy' | 'hedgeAfterMs'> & {
  readonly links: Pick<RouterParts['links'], 'silent'>;
  readonly deadlines?: Deadlines | undefined;
  readonly tracing?: CallTracing | undefined;
};

/** One attempt. `tried`: who was asked before; undefined: several are asked at once, and none is to be replaced. */
interface Asking {
  readonly target: Target;
  readonly context: BackendContext;
  readonly tried?: readonly Replica[];
}

/** Chooses among the places where a service runs, and learns from every answer. */
export class Replicas {
  readonly #parts: Parts;
  readonly #tracked = new Map<string, Tracked>();
  /** The same, by the replica as the catalogue of the moment has it: most calls need no key. */
  readonly #seen = new WeakMap<Replica, Tracked>();
  readonly #homes = new StateHomes();
  readonly #routing: VotedRouting;
  readonly #siblings = new Siblings((replica) => this.#seen.get(replica)?.health);

  constructor(parts: Parts) {
    this.#parts = parts;
    this.#routing = votedRouting(parts.policy);
  }

  /**
   * Sends the target's request to one replica, and to another only where the first provably never began, or where the call may run
   * twice and it is not known what became of it.
   */
  forward(target: Target, context: BackendContext, send: Send = plainly): Awaitable<Forwarded> {
    const hedgeAfterMs = this.#parts.hedgeAfterMs?.() ?? 0;
    if (hedgeAfterMs > 0 && mayHedge(target, context)) return this.#hedge(target, context, { send, hedgeAfterMs });
    const replica = this.#choose(target, NONE);
    if (replica === undefined) return { reply: this.#nobody(target), replica };
    const reply = this.#ask(replica, { target, context, tried: NONE }, send);
    if (waits(reply) || reply.notStarted === true) return this.#goOn([replica], reply, { target, context, send });
    return this.#learnt({ reply, replica }, target, context);
  }

  /** Where a server runs and is not asked, for how it did. */
  avoided(): readonly AvoidedReplica[] {
    const now = this.#parts.clock.now();
    return [...this.#tracked.values()].flatMap(({ health, nodeId, alias: server }) => {
      const avoided = health.avoided(now);
      return avoided === undefined ? [] : [{ ...avoided, nodeId, server }];
    });
  }

  #goOn(tried: readonly Replica[], asked: Awaitable<BackendReply>, call: Call): Awaitable<Forwarded> {
    return after(asked, (reply) => {
      const { target, context, send } = call;
      const next = this.#next(tried, reply, call);
      if (next === undefined) return this.#learnt({ reply, replica: tried.at(-1) }, target, context);
      return this.#goOn([...tried, next], this.#ask(next, { target, context, tried }, send), call);
    });
  }

  /** Whom to ask after `reply`; undefined: it is the answer. */
  #next(tried: readonly Replica[], reply: BackendReply, { target, context }: Call): Replica | undefined {
    if (!mayGoOn(reply, target) || context.signal.aborted || tried.length >= this.#routing.maxAttempts)
      return undefined;
    return this.#choose(target, tried) ?? againHere(reply, tried);
  }

  async #hedge(
    target: Target,
    context: BackendContext,
    { send, hedgeAfterMs: afterMs }: { readonly send: Send; readonly hedgeAfterMs: number },
  ): Promise<Forwarded> {
    const { clock, deadlines } = this.#parts;
    const ask = (tried: readonly Replica[], own: BackendContext) => {
      const replica = this.#choose(target, tried);
      const reply = replica && this.#ask(replica, { target, context: own }, send);
      return replica && reply && { replica, reply: Promise.resolve(reply) };
    };
    const options = { afterMs, nowMs: clock.now(), deadlines: deadlines as Deadlines };
    const landed = await hedged(ask, context, options);
    if (landed === undefined) return { reply: this.#nobody(target), replica: undefined };
    const { reply, tried, replica } = landed;
    const last = [...tried.filter((one) => one !== replica), replica];
    return this.#goOn(last, reply, { target, context, send });
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
    const { replicas } = service;
    if (nodeId !== undefined) {
      const named = replicaOn(service, nodeId);
      return named === undefined || tried.length > 0 ? undefined : named;
    }
    if (tried.length === 0 && replicas.length === 1) return replicas[0];
    const now = this.#parts.clock.now();
    const home = tried.length === 0 ? this.#home(target) : undefined;
    if (home !== undefined && this.#usable(home, now)) return home;
    const field: Field = {
      count: replicas.length,
      local: replicas[0]?.local === true ? 0 : -1,
      usable: (index) => {
        const replica = replicas[index] as Replica;
        return (tried.length === 0 || !tried.includes(replica)) && this.#usable(replica, now);
      },
      cost: (index) => this.#of(replicas[index] as Replica).health.cost(now),
    };
    const chance = this.#parts.clock.chance();
    const chosen = chooseReplica(field, chance);
    if (chosen >= 0) return replicas[chosen];
    // With every breaker open the call still goes somewhere: it is the trial that closes one.
    if (tried.length > 0) return undefined;
    return replicas[chooseReplica({ ...field, usable: () => true }, chance)];
  }

  #home({ service, request }: Target): Replica | undefined {
    const nodeId = this.#homes.homeOf(request);
    return nodeId === undefined ? undefined : replicaOn(service, nodeId);
  }

  #usable(replica: Replica, now: number): boolean {
    const { health } = this.#of(replica);
    if (replica.draining === true || !health.allows(now)) return false;
    if (!replica.local) return !this.#parts.links.silent.has(replica.nodeId);
    const { hosting } = this.#parts;
    return hosting.isDraining?.(replica.alias) !== true && hosting.get(replica.alias)?.state().state !== 'down';
  }

  #ask(replica: Replica, call: Asking, send: Send): Awaitable<BackendReply> {
    const { hosting, clock } = this.#parts;
    const tracked = this.#of(replica);
    const asked = replica.local ? hosting.get(replica.alias) : tracked.backend;
    if (asked === undefined) return this.#nobody(call.target);
    if (replica.local && hosting.isDraining?.(replica.alias) === true && beginsAnew(call.target.request))
      return drained(call.target.request);
    const began = clock.now();
    tracked.health.begin(began);
    const leg = this.#parts.tracing?.leg(asked, replica, call);
    const movable = this.#movable(replica, call);
    const reply =
      leg === undefined
        ? send(replica, asked, call, movable)
        : after(send(replica, asked, leg.call, movable), leg.ended);
    return after(reply, (ended) => this.#ended(ended, { tracked, began }, call));
  }

  /** Asked only of a peer that fell silent, while others may do what it was asked for. */
  #movable(replica: Replica, { target, context, tried }: Asking): Movable | undefined {
    if (replica.local || tried === undefined || target.service.replicas.length < 2) return undefined;
    const mayMove = (): boolean =>
      isIdempotent(target.service.definition, target.request) &&
      !isGivenUp(context) &&
      tried.length + 1 < this.#routing.maxAttempts &&
      this.#choose(target, [...tried, replica]) !== undefined;
    return { mayMove };
  }

  #ended(
    reply: BackendReply,
    { tracked: { health, nodeId }, began }: { readonly tracked: Tracked; readonly began: number },
    { target, context }: { readonly target: Target; readonly context: BackendContext },
  ): BackendReply {
    const now = this.#parts.clock.now();
    const isFault = FAULTS.has(reply.reason);
    // Of one that hangs no fault is counted before its stream is given up: it is not asked meanwhile, and may wake up.
    if (isFault && (isGivenUp(context) || this.#parts.links.silent.has(nodeId))) health.abandoned();
    else health.ended({ tookMs: reply.notStarted === true ? undefined : now - began, isFault }, now);
    if (target.service.replicas.length > 1) this.#siblings.seen(target.service, now);
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
    const nowMs = this.#parts.clock.now();
    const known = this.#tracked.get(key);
    if (known !== undefined) {
      if (known.drained && replica.draining !== true) known.health.returned(nowMs);
      known.drained = replica.draining === true;
      return known;
    }
    if (this.#tracked.size >= MAX_TRACKED) this.#tracked.delete(this.#tracked.keys().next().value as string);
    const backend = replica.local ? undefined : this.#parts.peer(replica.nodeId, replica.alias);
    const guessMs = replica.local ? LOCAL_GUESS_MS : PEER_GUESS_MS;
    const health = new ReplicaHealth({ guessMs, rules: this.#routing.breaker, nowMs });
    const { nodeId, alias } = replica;
    const tracked = { health, nodeId, alias, backend, drained: replica.draining === true };
    this.#tracked.set(key, tracked);
    return tracked;
  }

  #nobody({ service, request, nodeId }: Target): BackendReply {
    const problem = nodeId === undefined ? nobodyServes(service) : unknownNode(service, nodeId);
    return failure(request.id, problem, { notStarted: true });
  }
}

/** Whether another replica may be asked: nothing has run, or it may run twice. */
function mayGoOn({ notStarted, outcome }: BackendReply, { service, request }: Target): boolean {
  return notStarted === true || (outcome === 'unknown' && isIdempotent(service.definition, request));
}

/** A server of this node that went away in the call comes back: what may run twice is asked of it once more. */
function againHere({ outcome }: BackendReply, tried: readonly Replica[]): Replica | undefined {
  const [only] = tried;
  return outcome === 'unknown' && tried.length === 1 && only?.local === true ? only : undefined;
}

/** Only what may run twice, and where nobody could be asked twice for the one call. */
function mayHedge({ service, request, nodeId }: Target, { ask }: BackendContext): boolean {
  const isOpen = nodeId === undefined && ask === undefined && request.params?.['requestState'] === undefined;
  return isOpen && service.replicas.length > 1 && isIdempotent(service.definition, request);
}

/** Looked at only after a fault: the signal of a call is made when it is first looked at. */
function isGivenUp({ signal, cancellation }: BackendContext): boolean {
  return cancellation?.cancelled === true || signal.aborted;
}
