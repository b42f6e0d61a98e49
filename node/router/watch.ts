import type { RpcRequest } from '../../src/mcp/index.ts';
import type { Principal } from '../../src/permissions/index.ts';
import type { Awaitable, BackendContext, BackendReply, Era } from '../backends/backend.ts';

/** What a watched resource tells its watcher. Both may come before the watch is confirmed. */
export interface WatchEvents {
  /** It changed, or one beneath it did, or may have while nobody listened. `agentId`: in this agent's own instance alone. */
  updated(uri: string, agentId: string | undefined): void;
  /** The watch is over, by no wish of ours; it may be begun anew. */
  lost(): void;
}

/** A resources/subscribe on its way to the place that serves the resource. */
export interface WatchRequest {
  readonly request: RpcRequest;
  readonly context: BackendContext;
  readonly uri: string;
  readonly events: WatchEvents;
}

/** `leave` is there exactly when the reply says ok. It says goodbye and never throws. */
export interface WatchOutcome {
  readonly reply: BackendReply;
  readonly leave: (() => void) | undefined;
}

/** Runs a request of this node's own making in the name of `principal`, with a deadline of its own. */
export type InBackground = (
  principal: Principal,
  era: Era,
  run: (context: BackendContext) => Awaitable<BackendReply>,
) => Promise<BackendReply>;

export function subscribeTo(uri: string): RpcRequest {
  return { jsonrpc: '2.0', id: 1, method: 'resources/subscribe', params: { uri } };
}

export function unsubscribeFrom(uri: string): RpcRequest {
  return { jsonrpc: '2.0', id: 1, method: 'resources/unsubscribe', params: { uri } };
}
