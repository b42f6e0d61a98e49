import type { IncomingMessage } from 'node:http';

const LOOPBACK_NAMES = ['127.0.0.1', 'localhost', '[::1]'];

/**
 * Whether a request names this server as its Host, and comes from no other site. A page elsewhere can make a browser send
 * requests to loopback; its Origin, or the name it was rebound to, gives it away.
 */
export function isFromHere(request: IncomingMessage, origin: string, allowedHosts: readonly string[]): boolean {
  const host = request.headers.host?.toLowerCase();
  if (host === undefined) return false;
  const { port, host: own } = new URL(origin);
  const names = [
    own,
    ...LOOPBACK_NAMES.map((name) => `${name}:${port}`),
    ...allowedHosts.map((name) => name.toLowerCase()),
  ];
  if (!names.includes(host)) return false;
  const from = request.headers.origin;
  return from === undefined || from.toLowerCase() === `http://${host}`;
}
