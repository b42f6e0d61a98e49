import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { VillageError } from '../../src/kernel/index.ts';
import { isLoopback } from './origin-guard.ts';

export class GatewayError extends VillageError<
  'GATEWAY_INSECURE_BIND' | 'GATEWAY_ADDRESS_IN_USE' | 'GATEWAY_CANNOT_LISTEN'
> {}

export interface ListenAddress {
  /** As in a URL: an IPv6 address stands in brackets. */
  readonly host: string;
  readonly port: number;
}

/** Reads `HOST:PORT`. Refuses a host that others could reach in plain HTTP, unless it may be `exposed`. */
export function listenAddress(hostPort: string, options: { exposed: boolean }): ListenAddress {
  const at = hostPort.lastIndexOf(':');
  const host = hostPort.slice(0, at);
  const port = Number(hostPort.slice(at + 1));
  if (at < 1 || !Number.isInteger(port) || port < 0 || port > 65_535) {
    throw new GatewayError('GATEWAY_CANNOT_LISTEN', `not HOST:PORT: ${hostPort}`, {
      hint: 'Give --gateway HOST:PORT.',
    });
  }
  if (!isLoopback(host) && !options.exposed) {
    throw new GatewayError('GATEWAY_INSECURE_BIND', `${hostPort} would carry tokens over the network without TLS`, {
      hint: 'Give the gateway a certificate, or set insecureGatewayBind if the network itself is protected.',
    });
  }
  return { host, port };
}

/** Resolves with the port once `server` listens. */
export async function listen(server: Server, { host, port }: ListenAddress): Promise<number> {
  await new Promise<void>((resolve, reject) => {
    const failed = (cause: NodeJS.ErrnoException): void => reject(listenError(cause, { host, port }));
    server.once('error', failed);
    server.listen({ host: host.replace(/^\[|\]$/g, ''), port, backlog: 1024 }, () => {
      server.off('error', failed);
      resolve();
    });
  });
  return (server.address() as AddressInfo).port;
}

function listenError(cause: NodeJS.ErrnoException, { host, port }: ListenAddress): GatewayError {
  if (cause.code === 'EADDRINUSE') {
    const hint = 'Another program listens there: choose another with --gateway HOST:PORT (port 0 picks a free one).';
    return new GatewayError('GATEWAY_ADDRESS_IN_USE', `the gateway address ${host}:${port} is taken`, { cause, hint });
  }
  const hint = 'Choose an address of this machine with --gateway HOST:PORT.';
  return new GatewayError('GATEWAY_CANNOT_LISTEN', `cannot listen on ${host}:${port}`, { cause, hint });
}
