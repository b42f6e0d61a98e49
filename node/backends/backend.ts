import type { Receipt } from '../../src/audit/index.ts';
import type { Awaitable } from '../../src/kernel/index.ts';
import type { Cancellation, Movable } from '../../protocols/mcp/index.ts';
import type { Principal } from '../../src/permissions/index.ts';
import type {
  ClientAbilities,
  ClientAnswer,
  ClientQuestion,
  Era,
  LogLevel,
  RpcRequest,
  ServerAccess,
  ServerDefinition,
} from '../../src/mcp/index.ts';

export type { ClientAnswer, ClientQuestion } from '../../src/mcp/index.ts';
export type { Era } from '../../src/mcp/index.ts';

export interface BackendContext {
  readonly principal: Principal;
  readonly era: Era;
  /** 16 random bytes, the same at both ends of a hop. */
  readonly callId: Uint8Array;
  /** `performance.now()` at which the caller stops waiting. */
  readonly deadlineAt: number;
  /** Aborts when the caller cancels, goes away, or the deadline passes. */
  readonly signal: AbortSignal;
  /** Says of the caller what `signal` says; absent: listen to that. */
  readonly cancellation?: Cancellation | undefined;
  /** Takes a notification that belongs to this request (progress, log), as JSON bytes, before the reply. */
  readonly onRelated?: ((message: Uint8Array) => void) | undefined;
  /** What this agent's client can be asked; undefined: nothing. */
  readonly client?: ClientAbilities | undefined;
  /**
   * Asks this agent's client, and nobody else's, in the midst of the call. Never rejects: a client that cannot, will not or is gone
   * answers with an error. undefined in the stateless era, where a question is the call's own result (`input_required`).
   */
  readonly ask?: ((question: ClientQuestion, options: { signal: AbortSignal }) => Promise<ClientAnswer>) | undefined;
  /** Hears of a question that was not put to the client because it does not declare what that needs. */
  readonly onUnaskable?: ((question: ClientQuestion) => void) | undefined;
  /** The least grave log message this agent wants to hear in the call; undefined: none was asked for. */
  readonly logLevel?: LogLevel | undefined;
  /** W3C trace context, passed on. */
  readonly traceparent?: string | undefined;
}

/**
 * The end of one request. `body` is a whole JSON-RPC response (result or error) carrying the request's own id.
 * `notStarted` is said only when the server provably never began: another replica may be tried.
 */
export interface BackendReply {
  readonly body: Uint8Array;
  readonly outcome: 'ok' | 'tool_error' | 'failed' | 'unknown' | 'denied';
  /** The error's name or string code where the outcome is not ok. */
  readonly reason: string;
  readonly notStarted?: boolean | undefined;
  /** Where the node that served it has put it on record, when that is another one. */
  readonly receipt?: Receipt | undefined;
}

export type { Awaitable } from '../../src/kernel/index.ts';

/** Where a request can end: a role in this process, a child process, a URL, or a peer. Never rejects: a failure is a reply. */
export interface Backend {
  readonly kind: 'role' | 'stdio' | 'url' | 'peer';
  /** `movable`: for a peer, which may fall silent. */
  request(request: RpcRequest, context: BackendContext, movable?: Movable): Awaitable<BackendReply>;
}

export type ServerState = 'starting' | 'healthy' | 'degraded' | 'down' | 'disabled';

/** `agentId`: in whose own instance of the server it changed; undefined: in everybody's. */
export type ResourceListener = (uri: string, agentId: string | undefined) => void;

/** A server that this node hosts: the one seam for built-in roles and third-party servers alike. */
export interface HostedServer extends Backend {
  readonly kind: 'role' | 'stdio' | 'url';
  readonly alias: string;
  /** `mesh`: every admitted node's agents may use it; `local`: only this node's. */
  readonly share: 'mesh' | 'local';
  state(): {
    readonly state: ServerState;
    readonly since: number;
    readonly problem?: string;
    readonly pid?: number;
    readonly restarts?: number;
  };
  /** Who may use it, by its configuration: known before it ever answered. Absent: its definition says so. */
  readonly access?: ServerAccess | undefined;
  /** The newest known definition; undefined until the server first answered. */
  definition(): ServerDefinition | undefined;
  /** Hears of resources that somebody subscribed to and that changed, or may have changed unheard. Absent: it never tells. */
  onResourceUpdated?(listener: ResourceListener): () => void;
  start(): Promise<void>;
  stop(): Promise<void>;
}

/** All servers of this node. `onChange` fires (coalesced) when a server came, went, or changed its definition or state. */
export interface Hosting {
  servers(): readonly HostedServer[];
  get(alias: string): HostedServer | undefined;
  onChange(listener: (alias: string) => void): () => void;
  /** Whether a server finishes what runs and begins nothing. Absent: none does. */
  isDraining?(alias: string): boolean;
}
