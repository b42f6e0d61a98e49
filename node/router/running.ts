import type { Job } from './job.ts';
import type { Refused } from './gate.ts';
import { broughtBy } from './threat-records.ts';

/** Agents and peers without a call in flight that are kept, so that one call after another makes nothing new. */
const MAX_IDLE = 1_024;
const MAX_IDLE_OF_A_PEER = 64;

interface Bounds {
  readonly maxInFlightPerAgent: number;
  /** Of all agents together that one peer brings. */
  readonly maxInFlightPerPeer: number;
}

/** Calls under way, by agent; what each peer brings apart from what others bring and from what is asked here. */
export class Running {
  readonly #here = new CallsOneWay('', MAX_IDLE);
  readonly #peers = new Map<string, CallsOneWay>();
  #total = 0;

  get total(): number {
    return this.#total;
  }

  /** Refuses an agent that has as many calls in flight as it may have this way, and a peer that has. */
  tooMany(job: Pick<Job, 'side' | 'peer' | 'context'>, bounds: Bounds): Refused | undefined {
    const peer = broughtBy(job);
    const way = peer === '' ? this.#here : this.#peers.get(peer);
    if (way === undefined) return undefined;
    const { maxInFlightPerAgent, maxInFlightPerPeer } = bounds;
    if (way.of(job.context.principal.agentId) >= maxInFlightPerAgent) {
      return inFlight(`this agent has ${maxInFlightPerAgent} calls in flight`);
    }
    if (peer === '' || way.total < maxInFlightPerPeer) return undefined;
    return inFlight(`${maxInFlightPerPeer} calls by way of this node are in flight`);
  }

  /** Answers the way by which it came, for `end`: who the peer of the call is may be said otherwise by then. */
  begin(job: Pick<Job, 'side' | 'peer' | 'context'>): CallsOneWay {
    const way = this.#way(broughtBy(job));
    this.#total += 1;
    way.begin(job.context.principal.agentId);
    return way;
  }

  end(way: CallsOneWay, agentId: string): void {
    this.#total -= 1;
    way.end(agentId);
    if (way.total === 0 && way.peer !== '' && this.#peers.size > MAX_IDLE) this.#peers.delete(way.peer);
  }

  #way(peer: string): CallsOneWay {
    if (peer === '') return this.#here;
    const known = this.#peers.get(peer);
    if (known !== undefined) return known;
    const fresh = new CallsOneWay(peer, MAX_IDLE_OF_A_PEER);
    this.#peers.set(peer, fresh);
    return fresh;
  }
}

/** By one peer; by none: those asked here. */
class CallsOneWay {
  readonly peer: string;
  readonly #maxIdle: number;
  readonly #counts = new Map<string, { count: number }>();
  total = 0;

  constructor(peer: string, maxIdle: number) {
    this.peer = peer;
    this.#maxIdle = maxIdle;
  }

  of(agentId: string): number {
    return this.#counts.get(agentId)?.count ?? 0;
  }

  begin(agentId: string): void {
    this.total += 1;
    const agent = this.#counts.get(agentId);
    if (agent === undefined) this.#counts.set(agentId, { count: 1 });
    else agent.count += 1;
  }

  end(agentId: string): void {
    this.total -= 1;
    const agent = this.#counts.get(agentId);
    if (agent === undefined) return;
    agent.count -= 1;
    if (agent.count === 0 && this.#counts.size > this.#maxIdle) this.#counts.delete(agentId);
  }
}

function inFlight(what: string): Refused {
  const message = `${what}; wait for some to end`;
  return { error: 'RATE_LIMITED', reason: 'in-flight', message, retryAfterMs: 100 };
}
