import type {
  Approval,
  ArtifactRef,
  Dimension,
  Enforcement,
  EndReason,
  FogAd,
  Mode,
  PlacementState,
  RefusalCode,
  ReservationState,
  Resources,
  ShardSpec,
  SlotState,
  Transition,
} from '../../src/fog/index.ts';
import type { Principal } from '../../src/permissions/index.ts';
import type { LogChunk } from './remote-logs.ts';
import type { Logs, Usage } from './runner/index.ts';

/** A no that says why, for whom and what would do. */
export interface FogRefusal {
  readonly code: RefusalCode;
  readonly message: string;
  readonly retryable: boolean;
  readonly retryAfterMs?: number | undefined;
  readonly dimension?: Dimension | undefined;
  readonly requested?: number | undefined;
  readonly bestAvailable?: number | undefined;
  readonly perNode: readonly NodeRefusal[];
}

export interface NodeRefusal {
  readonly nodeId: string;
  readonly code: RefusalCode;
  readonly detail: string;
}

export type FogAnswer<Value> =
  | { readonly kind: 'done'; readonly value: Value }
  | { readonly kind: 'refused'; readonly refusal: FogRefusal };

/** Looked for on what is free, not on what there is. */
export interface NodeFilter {
  readonly need: Resources;
  readonly labels?: Readonly<Record<string, string>> | undefined;
  readonly enforcement?: readonly Enforcement[] | undefined;
  /** At most so many; 64 by default. */
  readonly limit?: number | undefined;
}

export interface FogNode {
  readonly nodeId: string;
  /** This node. */
  readonly self: boolean;
  readonly ad: FogAd;
  /** How old what is known of it is. */
  readonly adAgeMs: number;
  /** undefined: never measured. */
  readonly rttMs: number | undefined;
  /** Promises kept, thousandths. */
  readonly trust: number;
}

export interface NodesFound {
  /** Those that fit, the one with most free first. */
  readonly nodes: readonly FogNode[];
  /** Why the others do not: code or dimension → how many. */
  readonly filtered: Readonly<Record<string, number>>;
}

/** What is to run, and where. One deployment has `slots` slots of one spec. */
export interface DeployRequest {
  /** The deployment's id, unique for this node as owner: what an agent calls `shard_id`. Opaque. */
  readonly shardId: string;
  readonly spec: ShardSpec;
  /** 1 by default, at most 64. */
  readonly slots?: number | undefined;
  /** There first; no other node is asked, then or when it is lost, unless `allowFallback`. */
  readonly targetNode?: string | undefined;
  readonly allowFallback?: boolean | undefined;
  /** All slots begin together or none does; where one is lost later it is replaced by itself. */
  readonly allOrNothing?: boolean | undefined;
  /** What is waited for: `accepted` that somebody will run it, `running` that it answers. */
  readonly wait: 'accepted' | 'running';
  /** Puts another spec in the place of what runs under this id. */
  readonly replace?: boolean | undefined;
}

export interface DeployOptions {
  /** In whose name. */
  readonly principal: Principal;
  /** Ends the wait, not the deployment. */
  readonly signal: AbortSignal;
  readonly onProgress?: ((what: Transition) => void) | undefined;
  /** W3C trace context of the call by which it was asked for. */
  readonly traceparent?: string | undefined;
}

export type ShardStatus =
  | 'running'
  | 'starting'
  | 'awaiting_vote'
  | 'blocked'
  /** Whether it runs was not learnt. */
  | 'unknown'
  | 'failed'
  | 'stopping'
  | 'stopped';

/** One slot, as its owner, or the owner's map, knows it. */
export interface ShardView {
  /** `ID` of a deployment with one slot, `ID/SLOT` of one with more. */
  readonly shardId: string;
  readonly deployment: string;
  readonly slot: number;
  readonly owner: string;
  readonly agentType: string;
  readonly status: ShardStatus;
  /** The machine's own word; undefined for another owner's. */
  readonly state: SlotState | undefined;
  readonly term: number;
  readonly epoch: number;
  readonly nodeId: string | undefined;
  readonly placementId: string | undefined;
  /** Closed: a refusal code or an end reason. */
  readonly reason: string | undefined;
  readonly detail: string | undefined;
  /** The name under which its server is called in the village: `SERVER__tool`. */
  readonly server: string;
}

export interface DeploymentView {
  readonly deployment: string;
  readonly owner: string;
  readonly agentType: string;
  readonly mode: Mode | undefined;
  readonly server: string;
  readonly shards: readonly ShardView[];
  /** By which the village allowed it, or is asked to; undefined: it needs no vote, or another node owns it. */
  readonly proposalId: string | undefined;
  /** Why some of its slots have no place; undefined: all have one, or are about to, or another node owns it. */
  readonly refusal: FogRefusal | undefined;
}

/** What would happen now. Nothing is asked of anybody, nothing is held. */
export interface Plan {
  /** Fewer than asked for where not all have a place. */
  readonly slots: readonly { readonly slot: number; readonly nodeId: string }[];
  readonly filtered: Readonly<Record<string, number>>;
  readonly perNode: readonly NodeRefusal[];
  /** Why it needs a vote; empty: it does not. */
  readonly needsVote: readonly string[];
  /** What the village would be asked to allow; `deploy` asks by itself. */
  readonly approval: Omit<Approval, 'notAfter'> | undefined;
}

export interface Explanation {
  readonly shard: ShardView;
  /** A sentence for each slot: "ID is blocked, epoch 2: 5 nodes: 2 draining, 2 memory short by 1.2 GiB, 1 power or heat allows no new work". */
  readonly why: string;
  readonly perNode: readonly NodeRefusal[];
  /** Every offer, refusal, epoch and exit that is remembered, oldest first. */
  readonly timeline: readonly Transition[];
}

export interface ReservationView {
  readonly reservationId: string;
  readonly owner: string;
  readonly agent: string;
  readonly deployment: string;
  readonly slot: number;
  readonly state: ReservationState;
  readonly booked: Resources;
  readonly gpuIds: readonly string[];
  /** Milliseconds; of one that is held. */
  readonly expiresInMs: number | undefined;
  readonly placement:
    | {
        readonly placementId: string;
        readonly state: PlacementState;
        readonly run: number;
        readonly leaseLeftMs: number;
        readonly reason: EndReason | undefined;
        readonly usage: Usage | undefined;
        readonly pid: number | undefined;
      }
    | undefined;
}

/** This node's own books. */
export interface LedgerView {
  readonly nodeId: string;
  readonly bootSeq: number;
  readonly capacity: Resources;
  readonly free: Resources;
  readonly held: Resources;
  readonly committed: Resources;
  readonly promised: Resources;
  readonly freeGpuIds: readonly string[];
  readonly shards: number;
  readonly maxShards: number;
  readonly draining: boolean;
  readonly power: 'accept' | 'hold' | 'drain';
  readonly enforcement: readonly Enforcement[];
}

export type StopAnswer = FogAnswer<{ readonly shards: readonly ShardView[] }>;

/** What the Edge/Fog server, the command line and the dashboard ask of fog. `shard`: `ID` or `ID/SLOT`. */
export interface FogOffice {
  /** From what is known here, at once. */
  nodes(filter: NodeFilter): NodesFound;
  plan(request: Pick<DeployRequest, 'shardId' | 'spec' | 'slots' | 'targetNode'>): Plan;
  /** Resolves when what is waited for came, or it is clear that it won't now; what was begun goes on either way. Never rejects. */
  deploy(request: DeployRequest, options: DeployOptions): Promise<FogAnswer<DeploymentView>>;
  status(shard: string): DeploymentView | undefined;
  /** Those that this node owns, then those of other owners whose maps are known here. */
  list(): readonly DeploymentView[];
  explain(shard: string): Explanation | undefined;
  /** Resolves when it has ended everywhere, or when `signal` fires. Only its owner can. */
  stop(shard: string, options: { readonly signal: AbortSignal }): Promise<StopAnswer>;
  /** Takes nothing new here, and ends what runs by the deadline (5 min by default). */
  drain(options?: { readonly deadlineMs?: number | undefined }): void;
  undrain(): void;
  reservations(): readonly ReservationView[];
  ledger(): LedgerView;
  /** What a shard printed; undefined: it does not run on this node. */
  logs(shard: string): Logs | undefined;
  /** Of what runs here, and of what this node wants run anywhere. */
  artifactsInUse(): ReadonlySet<ArtifactRef>;
  /**
   * What a shard of this node prints on another: all that is kept, then, after a piece without lines, what comes; ends when `signal`
   * fires or that node answers no more. undefined: it is not this node's, or runs here or nowhere.
   */
  followLogs(shard: string, options: { readonly signal: AbortSignal }): AsyncIterable<LogChunk> | undefined;
  /** Hears of each change of what `list`, `ledger` and `reservations` show. */
  onChange(listener: (what: Transition) => void): () => void;
}
