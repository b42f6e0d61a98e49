import { type ArtifactRef, isExpired, objectToDeploy, type Transition, type Wanted } from '../../src/fog/index.ts';
import type { Principal } from '../../src/permissions/index.ts';
import type { Reporter } from '../telemetry/index.ts';
import type {
  DeploymentView,
  DeployOptions,
  DeployRequest,
  Explanation,
  FogAnswer,
  FogOffice,
  LedgerView,
  NodeFilter,
  NodesFound,
  Plan,
  ReservationView,
  ShardStatus,
  StopAnswer,
} from './desk.ts';
import type { NodeSide } from './node-side.ts';
import type { OwnerSide } from './owner-side.ts';
import { nodesFor, planFor } from './plan.ts';
import { reservationsOf } from './reservations.ts';
import type { LogChunk, RemoteLogs } from './remote-logs.ts';
import type { Logs } from './runner/index.ts';
import type { ShardMaps } from './shard-maps.ts';
import type { Timeline } from './timeline.ts';
import { tracedDeploy } from './traced-deploy.ts';
import { ledgerView, mappedView, ownView, refusalOf } from './views.ts';
import type { Waiting } from './waiting.ts';
import { whyIs } from './why.ts';

export interface OfficeParts {
  readonly nodeId: string;
  readonly node: NodeSide;
  readonly owner: OwnerSide;
  readonly maps: ShardMaps;
  readonly timeline: Timeline;
  readonly waiting: Waiting;
  readonly remoteLogs: Pick<RemoteLogs, 'follow'>;
  /** From now on this node may ask in that agent's name. */
  readonly remember: (principal: Principal) => void;
  readonly listen: (listener: (what: Transition) => void) => () => void;
  readonly nowMs: () => number;
  readonly reporter: Reporter;
}

const DRAIN_MS = 300_000;
const SHORT_ID = 8;
const GRACE_MS = 5_000;
/** Nothing more is to be waited for, though it is not what was hoped for. */
const STUCK: ReadonlySet<ShardStatus> = new Set(['blocked', 'failed', 'awaiting_vote', 'stopped', 'stopping']);

/** What people and agents ask of fog, answered from this node's machines and from the maps of others. */
export class Office implements FogOffice {
  readonly #parts: OfficeParts;

  constructor(parts: OfficeParts) {
    this.#parts = parts;
  }

  nodes(filter: NodeFilter): NodesFound {
    return nodesFor(this.#parts.owner.state, filter, this.#parts.nowMs());
  }

  plan(request: Parameters<FogOffice['plan']>[0]): Plan {
    return planFor(this.#parts.owner.state, wantedOf(this.#addressed(request), ''));
  }

  async deploy(request: DeployRequest, options: DeployOptions): Promise<FogAnswer<DeploymentView>> {
    const traced = tracedDeploy(this.#parts.reporter, options);
    if (traced === undefined) return this.#deploy(request, options);
    const onProgress = (what: Transition): void => {
      traced.changed(what);
      options.onProgress?.(what);
    };
    const answer = await this.#deploy(request, { ...options, onProgress });
    traced.ended(answer);
    return answer;
  }

  async #deploy(request: DeployRequest, options: DeployOptions): Promise<FogAnswer<DeploymentView>> {
    const { owner, remember, waiting, listen } = this.#parts;
    const { principal, signal, onProgress } = options;
    const wanted = wantedOf(this.#addressed(request), principal.agentId);
    const before = objectToDeploy(owner.state, wanted);
    if (before?.code === 'CONFLICT' && request.replace === true) await this.stop(request.shardId, { signal });
    const objection = objectToDeploy(owner.state, wanted);
    if (objection !== undefined) return refused(objection.code, objection.detail);
    if (!owner.working) return refused('UNREACHABLE', 'the disk of this node failed: it deploys nothing');
    remember(principal);
    const stopListening = listen((what) => {
      if (what.slot?.owner === this.#parts.nodeId && what.slot.deployment === request.shardId) onProgress?.(what);
    });
    try {
      owner.deploy(wanted);
      await waiting.until(() => (this.#isSettled(request) ? true : undefined), { signal });
    } finally {
      stopListening();
    }
    const view = this.#own(request.shardId);
    return view === undefined ? refused('CONFLICT', 'it was stopped meanwhile') : { kind: 'done', value: view };
  }

  status(shard: string): DeploymentView | undefined {
    const { id, slot } = parse(shard);
    const view = this.#own(id) ?? this.#others(id);
    if (view === undefined || slot === undefined) return view;
    const shards = view.shards.filter((one) => one.slot === slot);
    return shards.length === 0 ? undefined : { ...view, shards };
  }

  list(): readonly DeploymentView[] {
    const { owner, maps, nodeId } = this.#parts;
    const own = [...owner.state.deployments.values()].map((one) =>
      ownView(owner.state, one, owner.proposalOf(one.deployment)),
    );
    const others = [...maps.all()].filter(({ map }) => map.owner !== nodeId && map.slots.length > 0).map(mappedView);
    return [...own, ...others];
  }

  explain(shard: string): Explanation | undefined {
    const view = this.status(shard);
    const [first] = view?.shards ?? [];
    if (view === undefined || first === undefined) return undefined;
    const { timeline, owner, nowMs } = this.#parts;
    const { slot } = parse(shard);
    const known = [...owner.state.ads.values()].filter((ad) => !isExpired(ad, nowMs())).length;
    const perNode = view.refusal?.perNode ?? [];
    const parts = { owner: owner.state, nowMs: nowMs(), known };
    const why = view.shards.map((one) => whyIs(one, view, parts)).join('\n');
    return { shard: first, why, perNode, timeline: timeline.read(view.owner, view.deployment, slot) };
  }

  async stop(shard: string, { signal }: { readonly signal: AbortSignal }): Promise<StopAnswer> {
    const { owner, waiting } = this.#parts;
    const { id, slot } = parse(shard);
    const view = this.#own(id);
    if (view === undefined) {
      const other = this.#others(id);
      const message =
        other === undefined ? `no deployment ${id} is known here` : `only its owner ${other.owner} can stop it`;
      return refused(other === undefined ? 'NO_CANDIDATE' : 'REFUSED_POLICY', message);
    }
    if (slot !== undefined && view.shards.length > 1) {
      return refused('REFUSED_POLICY', 'a deployment is stopped as a whole: a single slot would be placed anew');
    }
    owner.stopDeployment(id, GRACE_MS);
    await waiting.until(() => (owner.state.deployments.has(id) ? undefined : true), { signal });
    const now = this.#own(id);
    const shards =
      now?.shards ?? view.shards.map((one) => ({ ...one, status: 'stopped' as const, state: 'released' as const }));
    return { kind: 'done', value: { shards } };
  }

  drain({ deadlineMs = DRAIN_MS }: { readonly deadlineMs?: number | undefined } = {}): void {
    this.#parts.node.drain(deadlineMs);
  }

  undrain(): void {
    this.#parts.node.undrain();
  }

  reservations(): readonly ReservationView[] {
    const { node } = this.#parts;
    return reservationsOf(node.state, node.shards);
  }

  ledger(): LedgerView {
    return ledgerView(this.#parts.node.state);
  }

  logs(shard: string): Logs | undefined {
    const { node } = this.#parts;
    const placementId = this.status(shard)?.shards[0]?.placementId;
    return placementId === undefined ? undefined : node.shards.logs(placementId);
  }

  artifactsInUse(): ReadonlySet<ArtifactRef> {
    const { node, owner } = this.#parts;
    return new Set([...owner.state.deployments.values(), ...node.state.rows.values()].map(({ spec }) => spec.artifact));
  }

  followLogs(shard: string, { signal }: { readonly signal: AbortSignal }): AsyncIterable<LogChunk> | undefined {
    const { owner, remoteLogs, nodeId: here } = this.#parts;
    const { id } = parse(shard);
    const [first] = this.status(shard)?.shards ?? [];
    if (!owner.state.deployments.has(id) || first?.nodeId === undefined || first.placementId === undefined)
      return undefined;
    const { nodeId, placementId: placement } = first;
    return nodeId === here ? undefined : remoteLogs.follow({ nodeId, placement }, { signal });
  }

  onChange(listener: (what: Transition) => void): () => void {
    return this.#parts.listen(listener);
  }

  /** A node may be named by the end of its id, as tables show it: by 8 characters or more that only one known node ends with. */
  #addressed<Request extends Pick<DeployRequest, 'targetNode'>>(request: Request): Request {
    const { targetNode: named } = request;
    const { ads } = this.#parts.owner.state;
    if (named === undefined || named.length < SHORT_ID || ads.has(named)) return request;
    const [found, ...others] = [...ads.keys()].filter((node) => node.endsWith(named));
    return found === undefined || others.length > 0 ? request : { ...request, targetNode: found };
  }

  #isSettled({ shardId, wait }: DeployRequest): boolean {
    const view = this.#own(shardId);
    if (view === undefined) return true;
    // A proposal that is asked for is named, or known to be impossible, in a moment.
    if (view.proposalId === undefined && view.shards.some(({ status }) => status === 'awaiting_vote')) return false;
    return view.shards.every(({ status, placementId }) => {
      if (STUCK.has(status)) return true;
      return wait === 'running' ? status === 'running' : placementId !== undefined;
    });
  }

  #own(id: string): DeploymentView | undefined {
    const { owner } = this.#parts;
    const known = owner.state.deployments.get(id);
    return known === undefined ? undefined : ownView(owner.state, known, owner.proposalOf(id));
  }

  #others(id: string): DeploymentView | undefined {
    const { maps, nodeId } = this.#parts;
    const known = maps.of(id).find(({ map }) => map.owner !== nodeId && map.slots.length > 0);
    return known === undefined ? undefined : mappedView(known);
  }
}

function wantedOf(
  request: Pick<DeployRequest, 'shardId' | 'spec' | 'slots' | 'targetNode' | 'allowFallback' | 'allOrNothing'>,
  agent: string,
): Wanted {
  const { shardId: deployment, spec, slots = 1, targetNode, allowFallback = false, allOrNothing = false } = request;
  const target = targetNode === undefined ? {} : { target: targetNode };
  const how = { allowFallback, gang: allOrNothing, spread: slots > 1, publisherKnown: true };
  return { deployment, agent, spec, slots, ...target, ...how };
}

function parse(shard: string): { readonly id: string; readonly slot: number | undefined } {
  const match = /^(.+)\/(\d{1,4})$/.exec(shard);
  return match === null ? { id: shard, slot: undefined } : { id: match[1] as string, slot: Number(match[2]) };
}

function refused(
  code: Parameters<typeof refusalOf>[0],
  message: string,
): { kind: 'refused'; refusal: ReturnType<typeof refusalOf> } {
  return { kind: 'refused', refusal: refusalOf(code, { message }) };
}
