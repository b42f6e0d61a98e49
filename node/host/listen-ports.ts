import { createServer } from 'node:net';
import type { Store } from '../storage/index.ts';
import { text, utf8 } from '../../src/kernel/index.ts';
import { HostError } from './host-error.ts';

const TCP = /^\/(ip4|ip6)\/([^/]+)\/tcp\/(\d{1,5})(\/.*)?$/;

/**
 * The addresses to listen on: a port 0 becomes the port it was given last time where that is still free, so that invites
 * and addresses that others remember keep working. Errors: ADDRESS_IN_USE, naming the address.
 */
export async function listenAddresses(wanted: readonly string[], store: Store): Promise<string[]> {
  const chosen: string[] = [];
  for (const address of wanted) {
    const parts = TCP.exec(address);
    if (parts === null) {
      chosen.push(address);
      continue;
    }
    const [, family, host, port, rest = ''] = parts as unknown as [string, string, string, string, string | undefined];
    if (port !== '0') {
      if (!(await isFree(host, Number(port)))) {
        throw new HostError('ADDRESS_IN_USE', `${address} is taken`, { hint: 'choose another port with --listen' });
      }
      chosen.push(address);
      continue;
    }
    const last = await lastPort(address, store);
    const free = last !== undefined && (await isFree(host, last));
    chosen.push(free ? `/${family}/${host}/tcp/${last}${rest}` : address);
  }
  return chosen;
}

/** Remembers which port each address with port 0 was given. */
export async function rememberPorts(wanted: readonly string[], bound: readonly string[], store: Store): Promise<void> {
  for (const address of wanted) {
    const parts = TCP.exec(address);
    if (parts === null || parts[3] !== '0') continue;
    // Bound to every interface, libp2p lists each: all carry the same port.
    const family = `/${parts[1]}/`;
    const port = bound.filter((one) => one.startsWith(family)).map((one) => TCP.exec(one)?.[3])[0];
    if (port !== undefined) await store.put(`port:${address}`, utf8(port));
  }
}

async function lastPort(address: string, store: Store): Promise<number | undefined> {
  const stored = await store.get(`port:${address}`);
  const port = stored === undefined ? Number.NaN : Number(text(stored));
  return Number.isInteger(port) && port > 0 && port < 65_536 ? port : undefined;
}

async function isFree(host: string, port: number): Promise<boolean> {
  const server = createServer();
  return new Promise((resolve) => {
    server.once('error', () => resolve(false));
    server.listen({ host, port, exclusive: true }, () => server.close(() => resolve(true)));
  });
}
