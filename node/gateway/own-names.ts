import { hostname, networkInterfaces } from 'node:os';

const LOOPBACK = ['127.0.0.1', 'localhost', '::1'];
const EVERY_ADDRESS: ReadonlySet<string> = new Set(['0.0.0.0', '::']);

/**
 * The names and addresses by which a gateway bound to `host` is reached, as far as this machine knows. None of them is a name that a
 * stranger could point here.
 */
export function ownNames(host: string): string[] {
  const bound = host.replace(/^\[|\]$/g, '').toLowerCase();
  const names = new Set([...LOOPBACK, bound]);
  if (EVERY_ADDRESS.has(bound)) {
    const interfaces = Object.values(networkInterfaces()).flatMap((found) => found ?? []);
    for (const { address, scopeid } of interfaces) if (!scopeid) names.add(address);
    const name = hostname().toLowerCase();
    if (/^[a-z0-9.-]{1,253}$/.test(name)) names.add(name);
  }
  return [...names];
}
