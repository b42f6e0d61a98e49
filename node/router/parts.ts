import type { AuditRecord, Receipt } from '../../src/audit/index.ts';
import type { PolicyView } from '../../src/constitution/index.ts';
import type { Catalogue } from '../../src/routing/index.ts';
import type { Backend, Hosting } from '../backends/backend.ts';
import type { PeerLinks } from '../peers/index.ts';
import type { Reporter } from '../telemetry/events.ts';
import type { PinPort } from './changed-parts.ts';
import type { KnownServersPort } from './known-servers.ts';
import type { OnceLog } from './once-log.ts';
import type { OverloadPort } from './overload.ts';
import type { ShardRoutes } from './shard-routes.ts';
import type { VotePort } from './vote-port.ts';

/** Where every outcome goes; answers the entry to who wants its receipt, unless the record became part of one that stands for many. `recordDurably` resolves when the entry is on disk and rejects when the disk refused it. */
export interface AuditPort {
  record(record: AuditRecord, wants?: { readonly receipt: boolean }): Receipt | undefined;
  recordDurably(record: AuditRecord): Promise<Receipt | undefined>;
  /** Why entries cannot be put on disk now; undefined while they can. */
  readonly failure: Error | undefined;
  /** Something to wait for before more is recorded; undefined: there is room. */
  room(): Promise<void> | undefined;
}

interface RateRule {
  readonly perMinute: number;
  readonly burst: number;
}

/** A bucket by key; 0: go on, else milliseconds until the next call may come. */
interface Buckets {
  take(key: string, rule: RateRule, nowMs: number): number;
}

/** What one peer brings: its agents' buckets, which are nobody else's, and one for all of it. */
export interface Brought extends Buckets {
  takeWhole(rule: RateRule, nowMs: number): number;
}

/** Buckets of the agents that ask here, and apart from them those of each peer. */
export interface RatePort extends Buckets {
  broughtBy(peer: string): Brought;
  /** The same limit over the whole village, for a call that begins here. Absent: this node is all there is. */
  takeShared?(agentId: string, tool: string, limit: { readonly perMinute: number; readonly nowMs: number }): number;
}

/** What the router is made of. It knows neither HTTP nor libp2p. */
export interface RouterParts {
  readonly policy: () => PolicyView;
  readonly catalogue: () => Catalogue;
  /** Looks for a server that the catalogue lacks; resolves when it is there, or when looking was in vain. */
  readonly find: (alias: string, options: { signal: AbortSignal }) => Promise<void>;
  readonly hosting: Pick<Hosting, 'get' | 'servers' | 'onChange' | 'isDraining'>;
  /** Whether a server of this node answers, and offers more than any list can hold. Absent: none does. */
  readonly isUnfit?: ((alias: string) => boolean) | undefined;
  readonly peer: (nodeId: string, alias: string) => Backend;
  /** The links to peers, for what is no call: notices of changed resources, and who hangs. */
  readonly links: Pick<PeerLinks, 'tell' | 'onNotice' | 'onLost' | 'keep' | 'silent'>;
  readonly audit: AuditPort;
  /** Calls that need a vote. Absent: they are denied. */
  readonly votes?: VotePort | undefined;
  /** Calls of deployments. Absent: any node that serves one is as good as another. */
  readonly shards?: ShardRoutes | undefined;
  /** After how long a second replica is asked too, for calls that may run twice, in milliseconds; absent or 0: never. */
  readonly hedgeAfterMs?: (() => number) | undefined;
  readonly rates: RatePort;
  /** Calls with keys, on disk. Absent: they are forgotten when the process ends. */
  readonly once?: OnceLog | undefined;
  /** What other nodes serve, for a later run. Absent: the next one knows nothing before it has heard. */
  readonly knownServers?: KnownServersPort | undefined;
  /** Absent: servers may change as they like. */
  readonly pins?: PinPort | undefined;
  /** Absent: nothing is turned away. */
  readonly overload?: OverloadPort | undefined;
  readonly reporter: Reporter;
  /** As `TracingOptions` has it; absent: no call is traced, whoever says so. */
  readonly tracing?: { readonly sampleRatio: number; readonly askedPerMinute: number } | undefined;
  /** In force now: they change with the configuration. */
  readonly limits: () => {
    readonly perAgentPerMinute: number;
    readonly callTimeoutMs: number;
    readonly perNodePerSecond: number;
    readonly maxInFlightPerAgent: number;
    readonly maxInFlightPerPeer: number;
  };
  /** `performance.now()`, and 0 ≤ chance < 1. */
  readonly clock: { readonly now: () => number; readonly chance: () => number };
}
