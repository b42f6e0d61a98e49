import type { RefusedCall } from '../../protocols/mcp/index.ts';
import type { PartKind } from '../../src/routing/index.ts';
import type { Span } from './spans.ts';

/** The catalogue of what a node reports. Log lines, metrics and status are readers of it, so they cannot disagree. */
export interface Events {
  'node.started': { readonly nodeId: string; readonly startedMs: number };
  'node.stopping': { readonly reason: string };
  'peer.admitted': { readonly peer: string; readonly direction: 'inbound' | 'outbound' };
  'peer.refused': { readonly peer: string; readonly reason: string };
  /** Both speak the protocol, at revisions (joined by commas) that do not meet. */
  'peer.other-revision': {
    readonly peer: string;
    readonly protocol: string;
    readonly ours: string;
    readonly theirs: string;
  };
  'peer.gone': { readonly peer: string };
  /** A call that a peer asked for was refused before it was looked at. `because`: what is wrong with its delegation. */
  'peer.denied': { readonly peer: string } & RefusedCall;
  'peer.misbehaved': { readonly peer: string; readonly protocol: string; readonly reason: string };
  'admission.granted': { readonly peer: string; readonly ticket: string };
  'admission.refused': { readonly peer: string; readonly reason: string };
  /** The token endpoint gave an agent a token. */
  'token.issued': { readonly agent: string; readonly tokenId: string; readonly level: string };
  /** This start made the village, or joined it. */
  'village.entered': { readonly village: string; readonly how: 'found' | 'join' };
  /** This node took back a token or an agent's tokens. `id`: the token's id, or the agent's name. */
  'revocation.made': { readonly kind: 'token' | 'agent'; readonly id: string };
  /** Another signer did, and this node honours it. */
  'revocation.heard': { readonly kind: 'token' | 'agent'; readonly id: string; readonly by: string };
  /** A valid revocation is not honoured, since its signer has too many in force. */
  'revocation.full': { readonly by: string };
  /** A voter's key signed here. `statement`: its id. */
  /** What was gossiped and is not looked at or passed on. `from`: who published it, which need not be who brought it. */
  'gossip.refused': {
    readonly topic: string;
    readonly from: string;
    readonly reason: 'rate' | 'malformed' | 'bad' | 'ended';
  };
  'governance.signed': { readonly voter: string; readonly kind: string; readonly statement: string };
  'governance.decided': { readonly proposal: string; readonly outcome: string };
  /** A voter signed two things that cannot both be honest; both are kept. */
  'governance.equivocation': { readonly voter: string; readonly about: 'register' | 'log' };
  /** A voter's key is at work elsewhere too, or its disk failed: it signs nothing more here. */
  'governance.halted': { readonly voter: string };
  /** A statement that can never count was offered. */
  'governance.refused': { readonly reason: string };
  /** A statement on disk is not what was written. */
  'governance.damaged': { readonly key: string };
  /** A reservation, a placement, a slot or this node's willingness changed. `fence`: term.epoch. */
  'fog.changed': {
    readonly of: string;
    readonly id: string;
    readonly from: string;
    readonly to: string;
    readonly because: string;
    readonly peer: string;
    readonly fence: string;
  };
  /** A shard runs and another server of this node has its name. */
  'fog.unlisted': { readonly server: string };
  /** A message that is longer than the protocol allows was not sent. */
  'fog.unsent': { readonly peer: string; readonly kind: string };
  /** What has to be on disk could not be put there: this node takes no part in fog until it is started again. */
  'fog.halted': { readonly area: 'node' | 'owner'; readonly error: unknown };
  'server.state': { readonly server: string; readonly state: string; readonly problem?: string };
  'server.output': { readonly server: string; readonly line: string };
  'server.definition': { readonly server: string; readonly tools: number; readonly hash: string };
  'directory.updated': { readonly peer: string; readonly seq: number; readonly servers: number };
  'directory.dropped': { readonly peer: string; readonly reason: string };
  /** A third-party server's tools are described otherwise than when they were last seen. */
  'directory.redefined': { readonly peer: string; readonly server: string; readonly tools: readonly string[] };
  /** A hosted server offers more than can be told to other nodes. */
  'directory.unlisted': { readonly server: string };
  'dht.provided': { readonly key: string; readonly stored: number };
  'call.done': {
    readonly kind: 'call' | 'serve';
    readonly method: string;
    readonly server: string;
    readonly target: string;
    readonly outcome: string;
    readonly reason: string;
    readonly durationMs: number;
    /** W3C trace context that the call was under, with this node's own span where it is traced. */
    readonly traceparent?: string | undefined;
    /** Where it is traced. */
    readonly span?: Span | undefined;
  };
  /** A traced call was answered, or not, by a server outside this process. `peer`: its node, empty where it is this one. */
  'call.forwarded': {
    readonly to: 'stdio' | 'url' | 'peer' | 'role';
    readonly peer: string;
    readonly method: string;
    readonly server: string;
    readonly outcome: string;
    readonly reason: string;
    readonly durationMs: number;
    readonly span: Span;
  };
  /** Something traced is over that is no call: a list (`server`), or a part of one that this node does itself (`internal`). */
  'work.done': {
    readonly name: string;
    readonly side: 'server' | 'internal';
    /** `ok`, or a code of a closed list. */
    readonly outcome: string;
    /** Words and numbers of this program's own, as a collector is to have them. */
    readonly attributes: Readonly<Record<string, string>>;
    readonly durationMs: number;
    readonly span: Span;
  };
  /** Spans do not reach their collector, or do again. `problem`: in our own words. */
  'telemetry.failing': { readonly problem: string };
  'telemetry.working': { readonly failedMs: number };
  'call.refused': { readonly stage: string; readonly reason: string };
  /** A call looked too dangerous to be made. `signals`: names of what spoke against it. */
  'threat.blocked': {
    readonly agent: string;
    readonly server: string;
    readonly target: string;
    readonly score: number;
    readonly signals: string;
    /** As in `call.done`. */
    readonly traceparent?: string | undefined;
  };
  /** Part of a third party's server is described otherwise than when it was pinned. Hashes of its definition, hex. */
  'tool.changed': {
    readonly peer: string;
    readonly server: string;
    readonly kind: PartKind;
    readonly name: string;
    readonly was: string;
    readonly is: string;
  };
  /** By the policy or the operator. */
  'tool.approved': {
    readonly peer: string;
    readonly server: string;
    readonly kind: PartKind;
    readonly name: string;
    readonly is: string;
  };
  /** This node turns away so many levels, counted from the lowest. What it bears, in hundredths of what it should. */
  'overload.changed': {
    readonly levels: number;
    readonly delay: number;
    readonly inFlight: number;
    readonly memory: number;
  };
  /** So many calls of an agent were blocked that this node takes none for a while. */
  'threat.quarantined': {
    readonly agent: string;
    /** Whose calls in its name those were, and which are not taken; empty: those at this node. */
    readonly peer: string;
  };
  /** A peer has countersigned this node's log up to `seq`. */
  'audit.witnessed': { readonly peer: string; readonly seq: number };
  /** What `by` holds of the log of `node` is not what that node now signs, or what its log says. */
  'audit.contradiction': { readonly node: string; readonly by: string; readonly kind: string; readonly seq: number };
  'audit.flushed': { readonly entries: number; readonly durationMs: number };
  /** Key paths; what wants a restart is not in force yet. */
  'config.reloaded': { readonly applied: readonly string[]; readonly wantsRestart: readonly string[] };
  'config.invalid': { readonly problem: string };
  /** The certificate that the gateway shows from now on. */
  'gateway.certificate': { readonly pin: string; readonly notAfter: string };
  /** The files of the gateway's certificate changed and cannot be used: the last good ones stay. */
  'gateway.certificate-refused': { readonly problem: string };
  'background.failed': { readonly area: string; readonly error: unknown };
}
export type EventName = keyof Events;

export interface Reporter {
  report<Name extends EventName>(name: Name, detail: Events[Name]): void;
}

export interface EventBus extends Reporter {
  on<Name extends EventName>(name: Name, listener: (detail: Events[Name]) => void): () => void;
  onAny(listener: (name: EventName, detail: Events[EventName]) => void): () => void;
}
