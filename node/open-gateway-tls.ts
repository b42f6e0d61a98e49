import { join, resolve } from 'node:path';
import type { Config } from './config/index.ts';
import { isLoopback, ownNames } from './gateway/index.ts';
import type { Reporter } from './telemetry/index.ts';
import { GatewayTls } from './tls/index.ts';

/** What the gateway's certificate is; undefined: plain HTTP, on loopback or because the configuration says so. */
export function openGatewayTls(
  config: Pick<Config, 'gateway' | 'gatewayTls' | 'insecureGatewayBind' | 'allowedHosts'>,
  { dataDir, bus }: { readonly dataDir: string; readonly bus: Reporter },
): GatewayTls | undefined {
  const { gateway, gatewayTls: wanted, insecureGatewayBind, allowedHosts } = config;
  const host = gateway.slice(0, gateway.lastIndexOf(':'));
  if (wanted === undefined && (isLoopback(host) || insecureGatewayBind)) return undefined;
  const { cert, key, clientCa } = wanted ?? {};
  const file = (path: string) => resolve(dataDir, path);
  const named = allowedHosts.map((allowed) => new URL(`https://${allowed}`).hostname.replace(/^\[|\]$/g, ''));
  return new GatewayTls({
    keysDir: join(dataDir, 'keys'),
    given: cert === undefined || key === undefined ? undefined : { cert: file(cert), key: file(key) },
    clientCa: clientCa === undefined ? undefined : file(clientCa),
    names: [...new Set([...ownNames(host), ...named])],
    reporter: bus,
  });
}
