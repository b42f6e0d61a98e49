import { createServer, type RequestListener, type Server, type ServerOptions } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { Socket } from 'node:net';

/** The certificate and the rules of a gateway that speaks TLS. */
export interface TlsPort {
  /** For `node:https`; asked again at each change. */
  settings(): object;
  onChange(listener: () => void): () => void;
}

const HANDSHAKE_MS = 10_000;

/** A server of HTTP, or of HTTPS where `tls` is given; connections that are open keep the certificate that they began with. */
export function httpServer(options: ServerOptions, tls: TlsPort | undefined, handle: RequestListener): Server {
  if (tls === undefined) return createServer(options, handle);
  const server = createTlsServer({ ...options, handshakeTimeout: HANDSHAKE_MS, ...tls.settings() }, handle);
  const unlisten = tls.onChange(() => server.setSecureContext(tls.settings()));
  server.once('close', unlisten);
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
