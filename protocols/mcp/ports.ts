import type { Receipt } from '../../src/audit/index.ts';
import type { Awaitable } from '../../src/kernel/index.ts';
import type { ClientAbilities, ClientAnswer, ClientQuestion, LogLevel, RpcRequest } from '../../src/mcp/index.ts';
import type { Principal } from '../../src/permissions/index.ts';
import type { CallEra, CallOutcome, RefuseReason } from './schema.ts';

/** Hears that a caller has given its call up. */
export interface Cancellable {
  onCancel(): void;
}

/** A caller's giving up, for one listener at a time: what an AbortSignal says at a small part of its cost. */
export interface Cancellation {
  readonly cancelled: boolean;
  /** Told once. Whoever sets it takes it away again. */
  listener: Cancellable | undefined;
}

/** What goes with a request, at either end. */
export interface CallContext {
  readonly principal: Principal;
  readonly era: CallEra;
  readonly callId: Uint8Array;
  /** On `Clock.now`. */
  readonly deadlineAt: number;
  readonly signal: AbortSignal;
  /** Says of the caller what `signal` says; absent: listen to that. */
  readonly cancellation?: Cancellation | undefined;
  readonly onRelated?: ((message: Uint8Array) => void) | undefined;
  /** What the caller's client can be asked; undefined: nothing. */
  readonly client?: ClientAbilities | undefined;
  /** Asks the caller's client in the midst of the call. Never rejects. Only in the session era, where it can be asked anything. */
  readonly ask?: ((question: ClientQuestion, options: { signal: AbortSignal }) => Promise<ClientAnswer>) | undefined;
  /** The least grave log message the caller wants to hear. */
  readonly logLevel?: LogLevel | undefined;
  readonly traceparent?: string | undefined;
  /** As argumentsHash() makes it; made here where it is not given. */
  readonly argumentsHash?: string | undefined;
}

/** Says of a call whose peer is silent whether it can be made elsewhere, now. */
export interface Movable {
  mayMove(): boolean;
}

export interface OutgoingCall {
  readonly server: string;
  readonly request: RpcRequest;
  readonly context: CallContext;
  /** Absent: it waits for this peer. */
  readonly movable?: Movable | undefined;
}

/** A call that a peer asks for, its delegation and arguments hash checked; whether it is allowed is for `serve` to say. */
export interface ServedCall {
  /** The node that asks, proven by the connection. */
  readonly peer: string;
  readonly server: string;
  readonly target: string;
  readonly request: RpcRequest;
  readonly argumentsHash: string;
  readonly context: CallContext;
}

export interface ServedReply {
  /** A whole JSON-RPC response; empty where the caller's node may write the error itself from `reason`. */
  readonly body: Uint8Array;
  readonly outcome: CallOutcome;
  readonly reason: string;
  readonly notStarted?: boolean | undefined;
  /** Where the node that served the call has put it on record. */
  readonly receipt?: Receipt | undefined;
}

/** How a call ended for its caller. */
export type CallEnd =
  | ({ readonly kind: 'result' } & Required<Pick<ServedReply, 'body' | 'outcome' | 'reason'>> & {
        readonly notStarted: boolean;
        readonly receipt?: Receipt | undefined;
      })
  /** The peer said no before it began. */
  | { readonly kind: 'refused'; readonly because: RefuseReason }
  /** It never left this node. */
  | { readonly kind: 'unsent'; readonly because: 'busy' | 'closed' | 'too-large' | 'no-delegation' }
  /** It was sent and the stream ended: it may have run. */
  | { readonly kind: 'lost' }
  /** The peer fell silent, and the call may be made elsewhere: it may have run. */
  | { readonly kind: 'silent'; readonly sent: boolean }
  | { readonly kind: 'deadline'; readonly sent: boolean }
  | { readonly kind: 'cancelled'; readonly sent: boolean };

export type DelegationVerdict =
  | { readonly kind: 'accepted'; readonly principal: Principal; readonly expiresAtMs: number }
  /** `agentId`: whom the peer claims to speak for, where that could be read. */
  | { readonly kind: 'refused'; readonly because: string; readonly agentId?: string | undefined };

/** `now` is monotonic, `wall` is Unix time; both in milliseconds. */
export interface Clock {
  now(): number;
  wall(): number;
}

/** One structure of deadlines for every call in flight. */
export interface Deadlines {
  add(atMs: number, target: Expiring): { cancel(): void };
}
export interface Expiring {
  onDeadline(): void;
}

/** A call that was refused before it came to `serve`. Every text but `reason` and `because` is the peer's. */
export interface RefusedCall {
  readonly reason: RefuseReason;
  /** Why its delegation was refused: a word of a closed list. */
  readonly because?: string | undefined;
  /** For whom it was made, or is claimed to be. */
  readonly agentId?: string | undefined;
  readonly callId?: Uint8Array | undefined;
  readonly method?: string | undefined;
  readonly server?: string | undefined;
  readonly target?: string | undefined;
}

/** What a session asks of the node around it. */
export interface SessionPorts {
  readonly clock: Clock;
  readonly deadlines: Deadlines;
  /** Runs `flush` soon, after other input that is ready now: it decides how many frames share a write. */
  readonly defer: (flush: () => void) => void;
  /** A JWS that lets this peer act for `principal`; undefined when there is none to be had any more. */
  readonly delegationFor: (principal: Principal) => string | undefined;
  readonly accept: (delegation: string) => DelegationVerdict;
  /** The reply, or what comes to be it and never fails; if it does, the caller is told INTERNAL_ERROR and `onFault` the error. */
  readonly serve: (call: ServedCall) => Awaitable<ServedReply>;
  readonly onNotice: (topic: string, body: Uint8Array) => void;
  /** A session ended: undefined for an orderly end, else a WireError or what the stream failed with. */
  readonly onEnd: (error: Error | undefined) => void;
  /** The peer, or this side while it drains, starts no more calls here. */
  readonly onDraining: () => void;
  readonly onFault: (error: unknown) => void;
  /** The peer was told no, and this node should know. */
  readonly onRefused: (refused: RefusedCall) => void;
}

/** Counts since the session began, and what is under way now. */
export interface SessionStats {
  readonly asked: number;
  readonly served: number;
  readonly rttMs: number | undefined;
  readonly bytesIn: number;
  readonly bytesOut: number;
  readonly queuedBytes: number;
  /** On `Clock.now`. */
  readonly openedAt: number;
}
