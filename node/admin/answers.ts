import type { Anchored } from '../../src/audit/index.ts';
import type { Level } from '../../src/permissions/index.ts';
import type { PartKind } from '../../src/routing/index.ts';
import type { BroughtView, PolicyRow, RulesView, ProposalView, TimelineEntry } from '../governance/index.ts';
import type { StreamInput, StreamName, VerbInput, VerbName } from './verbs.ts';

export interface StatusAnswer {
  readonly node_id: string;
  readonly village_id: string;
  readonly version: string;
  readonly pid: number;
  readonly uptime_ms: number;
  readonly gateway: string;
  readonly admin: string;
  readonly addresses: readonly string[];
  readonly peers_admitted: number;
  readonly servers_healthy: number;
  readonly tools: number;
  readonly calls_in_flight: number;
  readonly [more: string]: unknown;
  /** What is not as it should be, what that means and what to do; with `note`, what may well be meant so. */
  readonly troubles: readonly TroubleRow[];
  /** The same in a line each, without notes, and what of the configuration changes nothing; empty when all is well. */
  readonly warnings: readonly string[];
}

export interface TroubleRow {
  /** Stays the same from version to version. */
  readonly kind: string;
  readonly of?: string | undefined;
  /** ISO 8601, UTC. */
  readonly since?: string | undefined;
  readonly found: string;
  readonly means: string;
  readonly remedy: string;
  readonly note?: boolean | undefined;
}

export interface PeerRow {
  readonly node_id: string;
  readonly address: string;
  readonly direction: 'inbound' | 'outbound';
  readonly admitted: boolean;
  /** Protocols that it speaks at other revisions than this node, as `mcp (2; here 1)`. */
  readonly other_revisions?: readonly string[] | undefined;
  readonly [more: string]: unknown;
}

export interface ServerRow {
  readonly alias: string;
  readonly node_id: string;
  readonly state: string;
  readonly tools: number;
  readonly problem?: string | undefined;
  readonly [more: string]: unknown;
}

export interface ToolRow {
  readonly name: string;
  readonly description?: string | undefined;
  readonly [more: string]: unknown;
}

export interface AgentRow {
  readonly name: string;
  readonly level: Level;
  readonly has_key: boolean;
  readonly kind: 'village' | 'node';
  readonly [more: string]: unknown;
}

export interface AuditVerdict {
  readonly ok: boolean;
  readonly checked: number;
  /** The first entry that does not fit, when `ok` is false. */
  readonly broken_at?: { readonly seq: number; readonly kind: string; readonly message: string } | undefined;
  readonly witnessed?:
    | {
        /** The last entry that a witness has seen; 0: none. */
        readonly to: number;
        readonly by: readonly string[];
        /** Witness → the last entry that it has seen. */
        readonly seen_to: Readonly<Record<string, number>>;
        /** Entries that no witness has seen, and when the first of them was made. */
        readonly entries_since: number;
        readonly since?: string | undefined;
        /** Nobody could be asked. */
        readonly alone: boolean;
      }
    | undefined;
  /** Entries that a witness had seen and accepted as lost, and the entry that says so. */
  readonly accepted: readonly {
    readonly seq: number;
    readonly by: string;
    readonly from: number;
    readonly to: number;
  }[];
  readonly [more: string]: unknown;
}

/** The result of a tool as MCP has it. A refusal or failure is thrown, with its name as the code. */
export interface ToolResult {
  readonly content?: readonly { readonly type: string; readonly text?: string; readonly [more: string]: unknown }[];
  readonly isError?: boolean;
  readonly [more: string]: unknown;
}

export interface FogHere {
  /** This node's own books, as `village://fog/ledger` has them. */
  readonly ledger: Readonly<Record<string, unknown>>;
  readonly reservations: readonly FogReservationRow[];
}

export interface FogReservationRow {
  readonly reservation_id: string;
  readonly shard_id: string;
  readonly owner: string;
  readonly agent: string;
  readonly state: string;
  readonly cpu_cores: number;
  readonly memory_gb: number;
  readonly gpu_ids: readonly string[];
  readonly expires_in_ms?: number | undefined;
  readonly placement?:
    | {
        readonly placement_id: string;
        readonly state: string;
        readonly run: number;
        readonly lease_left_ms: number;
        readonly reason?: string | undefined;
        readonly pid?: number | undefined;
        readonly memory_mb?: number | undefined;
        readonly cpu_ms?: number | undefined;
        readonly processes?: number | undefined;
      }
    | undefined;
}

/** What each verb answers; snake_case, as printed with `--json`. Times are ISO 8601 instants. */
export interface Answers {
  readonly status: StatusAnswer;
  readonly peers: { readonly peers: readonly PeerRow[] };
  readonly servers: { readonly servers: readonly ServerRow[] };
  readonly 'servers.drain': { readonly alias: string; readonly draining: boolean };
  readonly 'tools.list': { readonly tools: readonly ToolRow[] };
  readonly 'tools.describe': { readonly tool: ToolRow };
  readonly 'tools.call': ToolResult;
  readonly 'tools.approve': {
    readonly name: string;
    /** Of all that has that name and changed. */
    readonly kinds: readonly PartKind[];
    readonly hashes: readonly string[];
  };
  readonly token: { readonly token: string; readonly token_id: string; readonly expires_at: string };
  readonly 'agents.list': { readonly agents: readonly AgentRow[] };
  readonly 'agents.add': { readonly name: string; readonly level: Level };
  /** The private JWK. Prepared for a terminal or a file, never for a log. */
  /** The public key, raw, base64url: the private one stays on this node. */
  readonly 'agents.key.new': { readonly name: string; readonly key: string };
  readonly 'agents.key.export': { readonly key: Readonly<Record<string, unknown>>; readonly moved: boolean };
  readonly 'agents.key.import': { readonly name: string };
  /** `already`: it had been taken back before. */
  readonly 'revoke.token': {
    readonly token_id: string;
    readonly already: boolean;
    /** Of a token named by its id: whether this node's record knows it as its own. */
    readonly on_record?: boolean | undefined;
  };
  readonly 'revoke.agent': { readonly agent: string; readonly already: boolean };
  readonly invite: {
    readonly invite: string;
    readonly expires_at: string;
    readonly uses: number;
    readonly addresses: readonly string[];
    readonly warnings: readonly string[];
  };
  readonly join: {
    readonly village_id: string;
    readonly node_id: string;
    readonly joined: boolean;
    readonly archived?: string | undefined;
  };
  readonly 'audit.verify': AuditVerdict;
  readonly 'audit.anchors': { readonly anchors: readonly Anchored[] };
  /** `acceptance`: to be put on record at that node. */
  readonly 'audit.accept': {
    readonly acceptance: string;
    readonly node: string;
    readonly from: number;
    readonly to: number;
  };
  readonly 'audit.restored': {
    readonly by: string;
    readonly from: number;
    readonly to: number;
    readonly entry: number | undefined;
  };
  readonly 'gov.list': { readonly proposals: readonly ProposalView[] };
  readonly 'gov.show': { readonly proposal: ProposalView; readonly timeline: readonly TimelineEntry[] };
  readonly 'gov.policy': { readonly policies: readonly PolicyRow[] };
  /** `resumed`: there had been a doubt. */
  readonly 'gov.resume': { readonly voter: string; readonly resumed: boolean };
  /** How each epoch so far ended, as certificates carry it. */
  readonly 'gov.history': { readonly village_id: string; readonly epochs: readonly unknown[] };
  readonly 'gov.rules': RulesView;
  readonly 'gov.hand_in': { readonly statements: readonly BroughtView[] };
  readonly 'fog.here': FogHere;
  readonly 'fog.drain': { readonly node_id: string; readonly draining: boolean; readonly shards: number };
  readonly 'fog.logs': { readonly shard_id: string; readonly lines: readonly string[]; readonly dropped: number };
  readonly 'fog.publish': { readonly artifact: string; readonly bytes: number; readonly not_after: string };
  /** Modules that nothing here runs or wants run: their digests. */
  readonly 'fog.gc': { readonly removed: readonly string[]; readonly kept: number };
  readonly 'gov.certificate': { readonly certificate: Readonly<Record<string, unknown>> };
}

export interface VerbOptions {
  readonly signal: AbortSignal;
}

/** What a running node does for each verb. A `VillageError` thrown is told to the caller with its code, message and hint. */
export type AdminHandlers = {
  readonly [Verb in VerbName]: (input: VerbInput<Verb>, options: VerbOptions) => Promise<Answers[Verb]>;
} & {
  readonly [Stream in StreamName]: (input: StreamInput<Stream>, options: VerbOptions) => AsyncIterable<object>;
};

/** The verbs that work on the data folder when no node runs there. */
export type OfflineHandlers = Pick<
  AdminHandlers,
  | 'token'
  | 'agents.list'
  | 'agents.add'
  | 'agents.key.export'
  | 'agents.key.import'
  | 'invite'
  | 'join'
  | 'audit.verify'
  | 'audit.anchors'
  | 'audit.export'
>;
