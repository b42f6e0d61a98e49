import type { IncomingHttpHeaders } from 'node:http';
import type { FlatHeaders } from './answer.ts';
import { ownNames } from './own-names.ts';

const USUAL_PORT: Readonly<Record<string, string>> = { 'http:': '80', 'https:': '443' };

/** Which Host and Origin headers are ours: a page in a browser that was lured to our address carries its own. */
export class OriginGuard {
  readonly #hosts: ReadonlySet<string>;
  readonly #origins: ReadonlySet<string>;
  readonly #foreign: ReadonlySet<string>;

  /** `bound` is the origin that the gateway was told to listen on, with the port it got. */
  constructor(bound: URL, allowed: { hosts: readonly string[]; origins: readonly string[] }) {
    const [port, usual] = [portOf(bound), USUAL_PORT[bound.protocol]];
    const names = ownNames(bound.hostname).map((name) => (name.includes(':') ? `[${name}]` : name));
    const own = names.flatMap((name) => (port === usual ? [name, `${name}:${port}`] : [`${name}:${port}`]));
    this.#hosts = new Set([...own, ...allowed.hosts.map((host) => host.toLowerCase())]);
    this.#foreign = new Set(allowed.origins.map((origin) => origin.toLowerCase()));
    this.#origins = new Set([...own.map((host) => `${bound.protocol}//${host}`), ...this.#foreign]);
  }

  /** undefined: both are ours. */
  refuses({ host, origin }: IncomingHttpHeaders): 'host' | 'origin' | undefined {
    if (host === undefined || (!this.#hosts.has(host) && !this.#hosts.has(host.toLowerCase()))) return 'host';
    return origin === undefined || this.#origins.has(origin.toLowerCase()) ? undefined : 'origin';
  }

  /** What a page of a configured foreign origin needs to be told so that its browser lets it read our answers. */
  corsHeaders(origin: string | undefined): FlatHeaders {
    if (origin === undefined || !this.#foreign.has(origin.toLowerCase())) return [];
    return [
      'Access-Control-Allow-Origin',
      origin,
      'Vary',
      'Origin',
      'Access-Control-Expose-Headers',
      'Mcp-Session-Id, WWW-Authenticate, Retry-After',
    ];
  }
}

/** Whether only programs on this machine can reach `host`. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || host === '[::1]' || /^127(\.\d{1,3}){3}$/.test(host);
}

function portOf({ port, protocol }: URL): string | undefined {
  return port === '' ? USUAL_PORT[protocol] : port;
}
