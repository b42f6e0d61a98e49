import type { Server } from 'node:http';
import type { Socket } from 'node:net';
import { networkOf, RateLimiter } from '../../src/routing/index.ts';

export interface HandshakeLimits {
  /** Handshakes that one network has begun and not ended. */
  readonly maxUnfinishedOfOne: number;
  /** The same of all networks together. */
  readonly maxUnfinished: number;
  /** Of one network: `burst` at once, `perMinute` from then on. */
  readonly rate: { readonly perMinute: number; readonly burst: number };
}

const LIMITS: HandshakeLimits = {
  maxUnfinishedOfOne: 128,
  maxUnfinished: 1_024,
  rate: { perMinute: 3_600, burst: 256 },
};
const MAX_NETWORKS = 10_000;

/**
 * Closes connections before their TLS handshake where one network begins too many. A handshake costs half a millisecond of processor,
 * as much as several calls, and comes before anything is known that a limit for agents could go by.
 */
export function limitHandshakes(
  server: Server,
  options: {
    readonly refused: (ip: string) => void;
    readonly limits?: Partial<HandshakeLimits> | undefined;
    /** Milliseconds of a clock that does not go back. */
    readonly now?: () => number;
  },
): void {
  const { refused, now = () => performance.now() } = options;
  const { maxUnfinishedOfOne, maxUnfinished, rate } = { ...LIMITS, ...options.limits };
  const rates = new RateLimiter({ maxKeys: MAX_NETWORKS });
  const unfinished = new Unfinished();
  const begin = server.listeners('connection');
  server.removeAllListeners('connection');
  server.on('connection', (socket: Socket) => {
    const { remoteAddress: ip, remotePort: port } = socket;
    if (ip === undefined) return void socket.destroy(); // it is gone already
    const network = networkOf(ip);
    const isFull = unfinished.size >= maxUnfinished || unfinished.of(network) >= maxUnfinishedOfOne;
    if (isFull || rates.take(network, rate, now()) > 0) {
      refused(ip);
      socket.destroy();
      return;
    }
    const name = `${ip} ${port}`;
    unfinished.add(name, network);
    socket.once('close', () => unfinished.end(name));
    for (const listener of begin) Reflect.apply(listener, server, [socket]);
  });
  server.on('secureConnection', ({ remoteAddress, remotePort }: Socket) =>
    unfinished.end(`${remoteAddress} ${remotePort}`),
  );
}

/** Handshakes that were begun, by the address and port of who began them, and how many each network has. */
class Unfinished {
  readonly #networks = new Map<string, string>();
  readonly #counts = new Map<string, number>();

  get size(): number {
    return this.#networks.size;
  }

  of(network: string): number {
    return this.#counts.get(network) ?? 0;
  }

  add(name: string, network: string): void {
    this.end(name);
    this.#networks.set(name, network);
    this.#counts.set(network, this.of(network) + 1);
  }

  end(name: string): void {
    const network = this.#networks.get(name);
    if (network === undefined) return;
    this.#networks.delete(name);
    const left = this.of(network) - 1;
    if (left === 0) this.#counts.delete(network);
    else this.#counts.set(network, left);
  }
}
