import type { Era } from './backend.ts';

/** A message on its way to a server: what JSON.stringify makes of it is the JSON-RPC text. */
export interface OutgoingMessage {
  readonly jsonrpc: '2.0';
  readonly id?: number | string | undefined;
  readonly method?: string | undefined;
  readonly params?: Readonly<Record<string, unknown>> | undefined;
  readonly result?: unknown;
  readonly error?: unknown;
}

/** Why request `id` will get no answer on this channel. `not-started`: the server provably never began it. */
export type ExchangeFailure =
  | { readonly kind: 'not-started'; readonly problem: string }
  | { readonly kind: 'unknown'; readonly problem: string }
  | { readonly kind: 'too-large' }
  /** The server forgot the session and refused the request unread. `renewed`: another session was opened since it was sent. */
  | { readonly kind: 'session-lost'; readonly renewed: boolean };

export interface ChannelEvents {
  /** One JSON object from the server. `about` names our request on whose own stream it came, where the transport has such. */
  message(message: Record<string, unknown>, about: number | undefined): void;
  /** Request `id` is wholly on its way: from here on the server may have begun. */
  written(id: number): void;
  failed(id: number, failure: ExchangeFailure): void;
  closed(problem: string): void;
}

/** JSON-RPC messages to and from one server, over a byte stream or over HTTP. Events start after `attach`. */
export interface Channel {
  /** HTTP: each request has a stream of its own, and ending it cancels a stateless request. */
  readonly perRequestStreams: boolean;
  attach(events: ChannelEvents): void;
  /** `busy`: nothing was sent, the queue is full; `closed`: nothing was sent. */
  send(message: OutgoingMessage): 'sent' | 'busy' | 'closed';
  /** Nobody waits for request `id` any more. */
  abandon(id: number): void;
  /** What the handshake settled; HTTP repeats it in headers. */
  agreed(terms: { readonly era: Era; readonly version: string }): void;
  /** Opens the stream for what the server says unasked (HTTP, session era); elsewhere nothing. */
  listen(): void;
  /** Whether what the server says unasked can reach us: always on a byte stream, over HTTP only within a session. */
  readonly twoWay: boolean;
  close(): void;
}
