import { createServer, type RequestListener, type Server, type ServerOptions } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { Socket } from 'node:net';
import { limitHandshakes } from './handshakes.ts';

/** The certificate and the rules of a gateway that speaks TLS. */
export interface TlsPort {
  /** For `node:https`; asked again at each change. */
  settings(): object;
  onChange(listener: () => void): () => void;
}

const HANDSHAKE_MS = 10_000;

/** A server of HTTP, or of HTTPS where `tls` is given; connections that are open keep the certificate that they began with. */
export function httpServer(
  options: ServerOptions & {
    readonly tls: TlsPort | undefined;
    /** A connection of this address was closed before its handshake. */
    readonly refused: (ip: string) => void;
  },
  handle: RequestListener,
): Server {
  const { tls, refused } = options;
  if (tls === undefined) return createServer(options, handle);
  const server = createTlsServer({ ...options, handshakeTimeout: HANDSHAKE_MS, ...tls.settings() }, handle);
  const unlisten = tls.onChange(() => server.setSecureContext(tls.settings()));
  server.once('close', unlisten);
  limitHandshakes(server, { refused });
  return server;
}

/** The TCP connections of `server`, under TLS too: those in a handshake are in no list of Node's. */
export function connectionsOf(server: Server): ReadonlySet<Socket> {
  const open = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    open.add(socket);
    socket.once('close', () => open.delete(socket));
  });
  return open;
}
