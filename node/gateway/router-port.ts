import type { Cancellation } from '../../protocols/mcp/index.ts';
import type { ClientAbilities, Era, ErrorName, LogLevel, MirroredArgument, RpcRequest } from '../../src/mcp/index.ts';
import type { Principal } from '../../src/permissions/index.ts';
import type { Service } from '../../src/routing/index.ts';
import type { Awaitable, BackendContext } from '../backends/backend.ts';

export interface RouterCall {
  readonly request: RpcRequest;
  readonly principal: Principal;
  readonly era: Era;
  /** The SERVER of `/mcp/SERVER`; undefined: everything this agent may use. */
  readonly view: string | undefined;
  readonly sourceIp: string;
  readonly sessionId: string | undefined;
  /** Aborts when the caller cancels or, in the stateless era, goes away. Made on first reading: read it once and keep it. */
  readonly signal: AbortSignal;
  /** The same, for who would do nothing else with the signal than be told. */
  readonly cancellation?: Cancellation | undefined;
  /** Takes a notification of this request (progress, log) as JSON bytes, before the reply. */
  readonly onRelated?: ((message: Uint8Array) => void) | undefined;
  /** As in BackendContext: what the client can be asked, how to ask it, and which log messages it wants. */
  readonly client?: ClientAbilities | undefined;
  readonly ask?: BackendContext['ask'];
  readonly logLevel?: LogLevel | undefined;
  readonly traceparent?: string | undefined;
  readonly timeoutMs?: number | undefined;
  /** Whether the caller wants all tools, or two that find and call them; undefined: whatever is configured. */
  readonly toolsMode?: 'list' | 'search' | undefined;
}

export interface RouterReply {
  /** A whole JSON-RPC response with the request's own id. */
  readonly body: Uint8Array;
  /** Said when the village itself refused: decides the HTTP status. */
  readonly errorName?: ErrorName | undefined;
  readonly retryAfterMs?: number | undefined;
}

/** What HTTP asks of the one pipeline that every call goes through. */
export interface RouterPort {
  /**
   * Every list, tools/call, resources/read, prompts/get, completion/complete. Never throws and never rejects; the reply is there at
   * once where nobody had to be waited for.
   */
  handle(call: RouterCall): Awaitable<RouterReply>;
  /** Capabilities and instructions of a view; undefined: no such server for this agent. */
  describe(
    principal: Principal,
    view: string | undefined,
    era?: Era | undefined,
  ): { readonly capabilities: Record<string, unknown>; readonly instructions: string | undefined } | undefined;
  /** Why a server that should be there for this agent is not; undefined: none of that name should be. */
  away(principal: Principal, view: string): string | undefined;
  /** The arguments of a tool that a stateless request must repeat in its headers. */
  mirrored(tool: string, view: string | undefined): readonly MirroredArgument[];
  /** The servers of which this agent may use anything. */
  servers(principal: Principal): readonly Pick<Service, 'label' | 'kind' | 'definition' | 'replicas'>[];
  /** A refusal that never reached `handle`: for the audit. */
  refused(detail: {
    readonly stage: string;
    readonly reason: string;
    readonly sourceIp: string;
    readonly agentId?: string | undefined;
    readonly method?: string | undefined;
  }): void;
  /**
   * Hears of changes to one resource until the returned function is called; the refusal, as a whole JSON-RPC response to `request`,
   * where it is not to be heard of. `request` is a resources/subscribe.
   */
  subscribe(
    call: Pick<RouterCall, 'request' | 'principal' | 'era' | 'view' | 'sourceIp' | 'signal' | 'traceparent'>,
    listener: (uri: string) => void,
  ): Promise<
    | { readonly kind: 'subscribed'; readonly end: () => void }
    | { readonly kind: 'refused'; readonly reply: RouterReply }
  >;
  onListChanged(listener: (what: 'tools' | 'resources' | 'prompts') => void): () => void;
}

/** What HTTP asks of identity. */
export interface AuthPort {
  /**
   * The principal of a token verified before and still good; synchronous, for the hot path. `known`, kept with this token and no other,
   * spares the next look its hash.
   */
  verifyCached(token: string, known?: { tokenSha256: string | undefined }): Principal | undefined;
  verify(
    token: string,
  ): Promise<
    | { readonly kind: 'ok'; readonly principal: Principal }
    | { readonly kind: 'refused'; readonly claim: string; readonly message: string }
  >;
  exchange(
    form: URLSearchParams,
    options: { tokenEndpoint: string },
  ): Promise<{ readonly status: number; readonly body: Record<string, unknown> }>;
  jwks(): Record<string, unknown>;
  authorizationServerMetadata(origin: string): Record<string, unknown>;
  protectedResourceMetadata(origin: string, path: string): Record<string, unknown>;
}

/** The first gate: a bucket per source address. */
export interface LimiterPort {
  /** 0: go on; else milliseconds until the next request may come. */
  source(ip: string): number;
}
