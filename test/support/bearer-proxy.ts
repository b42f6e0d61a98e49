import { Agent, createServer, request as httpRequest, type Server } from 'node:http';
import { Agent as TlsAgent, request as tlsRequest } from 'node:https';

export interface BearerProxy extends AsyncDisposable {
  readonly port: number;
}

/**
 * Passes everything on to a gateway with a bearer token added, for clients that cannot send a header of their own.
 * Host and Origin that name this proxy name the gateway behind it; any other value passes as it came. With `ca` it speaks TLS 1.3 to
 * the gateway, and to nobody whom that authority did not name.
 */
export async function bearerProxy(target: { port: number; token: string; ca?: string }): Promise<BearerProxy> {
  const { ca } = target;
  const agent =
    ca === undefined ? new Agent({ keepAlive: true }) : new TlsAgent({ keepAlive: true, ca, minVersion: 'TLSv1.3' });
  const request = ca === undefined ? httpRequest : tlsRequest;
  const server: Server = createServer((incoming, outgoing) => {
    const { port } = server.address() as { port: number };
    const rename = (value: string) => value.replace(`:${port}`, `:${target.port}`);
    const headers = { ...incoming.headers, authorization: `Bearer ${target.token}` };
    if (headers.host !== undefined) headers.host = rename(headers.host);
    if (headers.origin?.includes(`:${port}`) === true)
      headers.origin = rename(headers.origin).replace(/^http:/, ca === undefined ? 'http:' : 'https:');
    const { method, url } = incoming;
    const onward = request(
      // Else the certificate is held against the Host header, which may be anybody's.
      { host: '127.0.0.1', port: target.port, method, path: url, headers, agent, servername: 'localhost' },
      (answer) => {
        outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
        outgoing.flushHeaders();
        answer.on('error', () => outgoing.destroy());
        answer.pipe(outgoing);
      },
    );
    outgoing.on('close', () => onward.destroy());
    onward.on('error', () => {
      if (outgoing.headersSent) return outgoing.destroy();
      outgoing.writeHead(502).end();
    });
    incoming.pipe(onward);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as { port: number }).port,
    [Symbol.asyncDispose]: async () => {
      agent.destroy();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
