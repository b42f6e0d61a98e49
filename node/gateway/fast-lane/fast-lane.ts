import type { Server } from 'node:http';
import type { Socket } from 'node:net';
import { Server as TlsServer } from 'node:tls';
import { LaneConnection, type LaneDesk } from './lane-connection.ts';
import { ReplyBatch } from './reply-batch.ts';

export interface FastLaneOptions {
  readonly keepAliveTimeoutMs: number;
  /** How often connections are looked after, and so how long a half-sent request waits before node:http's own deadlines begin. */
  readonly lookAfterMs: number;
}

/**
 * Stands before a `node:http` server on the same port and answers plain requests itself, at a fraction of the price. A connection on
 * which anything else comes is node:http's from then on, with every byte that was not answered.
 */
export class FastLane<Admitted> {
  readonly #options: FastLaneOptions;
  readonly #desk: LaneDesk<Admitted>;
  readonly #connections = new Map<Socket, LaneConnection<Admitted>>();
  readonly #batch = new ReplyBatch();
  readonly #toHttp: (socket: Socket) => void;
  #timer: NodeJS.Timeout | undefined;

  /** `toHttp` hears of each connection that is handed over, before node:http does. */
  constructor(
    server: Server,
    desk: LaneDesk<Admitted>,
    options: FastLaneOptions & { toHttp: (socket: Socket) => void },
  ) {
    this.#options = options;
    this.#desk = desk;
    const event = server instanceof TlsServer ? 'secureConnection' : 'connection';
    // node:http's own was there first; whoever else listens goes on to hear of every connection.
    const [serve] = server.listeners(event) as ((this: Server, socket: Socket) => void)[];
    if (serve === undefined) throw new TypeError('a server that hears of no connections');
    server.off(event, serve);
    server.on(event, (socket: Socket) => this.#accept(socket));
    this.#toHttp = (socket) => {
      options.toHttp(socket);
      serve.call(server, socket);
    };
  }

  start(): void {
    this.#timer = setInterval(() => this.#lookAfter(), this.#options.lookAfterMs).unref();
  }

  /** Closes what is idle now; each other connection closes with its answer. */
  stop(): void {
    clearInterval(this.#timer);
    for (const connection of this.#connections.values()) connection.close();
  }

  /** Cuts what is left. */
  cut(): void {
    this.#batch.flush();
    for (const socket of this.#connections.keys()) socket.destroy();
  }

  #accept(socket: Socket): void {
    const connection = new LaneConnection<Admitted>(socket, {
      desk: this.#desk,
      keepAliveS: Math.floor(this.#options.keepAliveTimeoutMs / 1000),
      batch: this.#batch,
      leave: (_connection, unread) => this.#handOver(socket, unread),
    });
    this.#connections.set(socket, connection);
    socket.once('close', () => this.#connections.delete(socket));
  }

  #handOver(socket: Socket, unread: Buffer | undefined): void {
    this.#connections.delete(socket);
    socket.pause();
    if (unread !== undefined && unread.length > 0) socket.unshift(unread);
    this.#toHttp(socket);
    socket.resume();
  }

  #lookAfter(): void {
    const { keepAliveTimeoutMs, lookAfterMs } = this.#options;
    const quietMost = Math.ceil(keepAliveTimeoutMs / lookAfterMs);
    for (const connection of this.#connections.values()) connection.lookAfter(quietMost);
  }
}
