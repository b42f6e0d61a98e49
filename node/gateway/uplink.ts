import type { KeptToken } from '../agent-side/index.ts';
import type { IncomingMessage } from 'node:http';
import { gatewayRequest, type Trust } from '../trust/index.ts';
import { EventReader } from './event-reader.ts';

/** How a request to the node ended. Messages of the answer have been handed on by then. */
export type Outcome =
  | { readonly kind: 'answered'; readonly sessionId: string | undefined }
  /** The node took it and has nothing to say. */
  | { readonly kind: 'accepted' }
  | { readonly kind: 'refused'; readonly status: number; readonly body: string }
  /** The node never got it: it may be sent again. */
  | { readonly kind: 'unreachable' }
  /** The node may have got it, and the answer is lost. */
  | { readonly kind: 'broken' }
  /** Nothing was sent, because no token could be had. */
  | { readonly kind: 'tokenless'; readonly cause: unknown };

export interface Sent {
  readonly method: 'POST' | 'GET' | 'DELETE';
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly signal: AbortSignal;
  /** How long the connection may be silent. */
  readonly idleMs: number;
  readonly onMessage: (text: string) => void;
}

const MAX_MESSAGE_BYTES = 32 * 1024 * 1024;

/** HTTP to the local node, with the agent's token. A token that is refused is renewed and tried again, once. */
export class Uplink {
  readonly #tokens: KeptToken;
  readonly #trust: () => Trust | undefined;

  /** `trust`: how the node is known under TLS, asked for each request. */
  constructor(tokens: KeptToken, trust: () => Trust | undefined) {
    this.#tokens = tokens;
    this.#trust = trust;
  }

  /** Never rejects. */
  async send(sent: Sent): Promise<Outcome> {
    try {
      const first = await this.#once(sent, await this.#tokens.current());
      if (first.kind !== 'refused' || first.status !== 401) return first;
      return await this.#once(sent, await this.#tokens.renewed());
    } catch (cause) {
      return { kind: 'tokenless', cause };
    }
  }

  #once(sent: Sent, token: string): Promise<Outcome> {
    const { method, url, signal, body } = sent;
    const headers: Record<string, string | number> = { ...sent.headers, Authorization: `Bearer ${token}` };
    if (body !== undefined) headers['Content-Length'] = Buffer.byteLength(body);
    return new Promise((resolve) => {
      let connected = false;
      // A connection for each request: on a kept one that the node closes just then, nobody could tell whether a call was made.
      const req = gatewayRequest(new URL(url), { method, headers, signal, trust: this.#trust() });
      req.on('response', (res) => {
        receive(res, sent.onMessage).then(resolve, () => resolve({ kind: 'broken' }));
      });
      req.on('socket', (socket) => {
        connected = !socket.connecting;
        socket.once('connect', () => {
          connected = true;
        });
      });
      req.setTimeout(sent.idleMs, () => req.destroy());
      req.on('error', () => resolve({ kind: connected ? 'broken' : 'unreachable' }));
      req.end(body);
    });
  }
}

async function receive(res: IncomingMessage, onMessage: (text: string) => void): Promise<Outcome> {
  const status = res.statusCode ?? 0;
  if (res.headers['content-type']?.startsWith('text/event-stream') === true) {
    const reader = new EventReader(MAX_MESSAGE_BYTES, onMessage);
    for await (const chunk of res) reader.push(chunk as Buffer);
    return { kind: 'answered', sessionId: undefined };
  }
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of res) {
    length += (chunk as Buffer).length;
    if (length > MAX_MESSAGE_BYTES) return { kind: 'broken' };
    chunks.push(chunk as Buffer);
  }
  const body = Buffer.concat(chunks).toString();
  if (status === 503) return { kind: 'unreachable' }; // the node is stopping, and says that it did not take it
  if (status >= 300) return { kind: 'refused', status, body };
  if (body === '') return { kind: 'accepted' };
  onMessage(body);
  const sessionId = res.headers['mcp-session-id'];
  return { kind: 'answered', sessionId: typeof sessionId === 'string' ? sessionId : undefined };
}
