import { Agent as PlainAgent, type IncomingMessage, request, type RequestOptions } from 'node:http';
import { request as requestTls } from 'node:https';
import type { Socket } from 'node:net';
import { Readable } from 'node:stream';
import { TLSSocket } from 'node:tls';
import { agentFor, TlsError, type Trust } from '../trust/index.ts';
import { ClientError } from './client-error.ts';

/** Sooner than the node ends an idle connection, so that no request is sent on one that is just closing. */
const KEPT_IDLE_MS = 15_000;
/** Of an answer that is not a stream of events; a node's are smaller. */
const MAX_ANSWER_BYTES = 64 * 1024 * 1024;
/**
 * What TLS 1.3 says of a client's certificate (RFC 8446 6.2) comes after the client's own part of the handshake, and with the first
 * request on its way; the other end reads none before it is satisfied.
 */
const CERTIFICATE_REFUSED: ReadonlySet<unknown> = new Set([
  'ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED',
  'ERR_SSL_TLSV1_ALERT_UNKNOWN_CA',
  'ERR_SSL_TLSV1_ALERT_ACCESS_DENIED',
  'ERR_SSL_SSLV3_ALERT_BAD_CERTIFICATE',
  'ERR_SSL_SSLV3_ALERT_UNSUPPORTED_CERTIFICATE',
  'ERR_SSL_SSLV3_ALERT_CERTIFICATE_REVOKED',
  'ERR_SSL_SSLV3_ALERT_CERTIFICATE_EXPIRED',
  'ERR_SSL_SSLV3_ALERT_CERTIFICATE_UNKNOWN',
]);
const NO_BODY: ReadonlySet<number> = new Set([101, 204, 205, 304]);

export interface NodeFetch {
  readonly fetch: typeof fetch;
  close(): void;
}

/**
 * `fetch` to one node, over connections that are kept: under TLS to whom `trust` knows. Rejects with a ClientError that tells whether
 * the request can have arrived, which the built-in one leaves open; with an AbortError when its signal aborts.
 */
export function nodeFetch(trust: Trust | undefined): NodeFetch {
  const plain = new PlainAgent({ keepAlive: true, timeout: KEPT_IDLE_MS });
  const tls = agentFor(trust ?? {}, { keepAlive: true });
  const ask = async (input: string | URL | Request, init: RequestInit = {}): Promise<Response> => {
    const url = new URL(input instanceof Request ? input.url : input);
    const { method = 'GET', signal, body } = init;
    signal?.throwIfAborted();
    const headers = Object.fromEntries(new Headers(init.headers));
    const secure = url.protocol === 'https:';
    const options: RequestOptions = { method, headers, agent: secure ? tls : plain, ...(signal ? { signal } : {}) };
    const res = await responseTo(secure ? requestTls(url, options) : request(url, options), {
      body: typeof body === 'string' ? body : undefined,
      signal: signal ?? undefined,
    });
    return asResponse(res);
  };
  return {
    fetch: ask,
    close: () => {
      plain.destroy();
      tls.destroy();
    },
  };
}

function responseTo(
  req: ReturnType<typeof request>,
  { body, signal }: { body: string | undefined; signal: AbortSignal | undefined },
): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    let connected = false;
    let untrusted = (): boolean => false;
    req.once('socket', (socket) => {
      untrusted = () => socket instanceof TLSSocket && Boolean(socket.authorizationError);
      connected = isOpen(socket);
      if (connected) return;
      socket.once(socket instanceof TLSSocket ? 'secureConnect' : 'connect', () => {
        connected = true;
      });
    });
    req.once('response', resolve);
    req.on('error', (cause) =>
      reject(
        signal?.aborted === true
          ? cause
          : failure(cause, { connected, untrusted: untrusted(), isNew: !req.reusedSocket }),
      ),
    );
    req.end(body);
  });
}

/** Whether what is written to it may arrive: under TLS nothing does before the handshake is over. */
function isOpen(socket: Socket): boolean {
  if (socket.connecting || !(socket instanceof TLSSocket)) return !socket.connecting;
  const protocol = socket.getProtocol();
  return protocol !== null && protocol !== 'unknown';
}

function failure(
  cause: Error,
  {
    connected,
    untrusted,
    isNew,
  }: { readonly connected: boolean; readonly untrusted: boolean; readonly isNew: boolean },
): ClientError {
  // A node known by its pin need not be vouched for: once connected to, it was trusted.
  if ((untrusted && !connected) || cause instanceof TlsError) {
    const message = 'what answers there is not the node that is trusted';
    return new ClientError('UNTRUSTED', message, { cause, notStarted: true });
  }
  if (isNew && 'code' in cause && CERTIFICATE_REFUSED.has(cause.code)) {
    const message = 'the node takes no connection without a client certificate that it knows';
    return new ClientError('UNAUTHENTICATED', message, { cause, notStarted: true });
  }
  if (connected) return new ClientError('OUTCOME_UNKNOWN', 'the connection broke before the answer came', { cause });
  return new ClientError('NODE_UNREACHABLE', 'the node cannot be reached', { cause, notStarted: true });
}

function asResponse(res: IncomingMessage): Response {
  const status = res.statusCode ?? 500;
  const headers = new Headers();
  for (const [name, values] of Object.entries(res.headersDistinct)) {
    for (const value of values ?? []) headers.append(name, value);
  }
  const init = { status, statusText: res.statusMessage ?? '', headers };
  if (!NO_BODY.has(status)) {
    const isStream = headers.get('content-type')?.startsWith('text/event-stream') === true;
    return new Response(Readable.toWeb(isStream ? res : Readable.from(bounded(res))) as ReadableStream, init);
  }
  res.resume();
  return new Response(null, init);
}

async function* bounded(res: IncomingMessage): AsyncGenerator<Buffer, void> {
  let bytes = 0;
  for await (const chunk of res as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > MAX_ANSWER_BYTES) throw new ClientError('OUTCOME_UNKNOWN', 'the answer is larger than any of a node');
    yield chunk;
  }
}
