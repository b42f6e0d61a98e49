import type { Socket } from 'node:net';
import { LaneResponse, type Line } from './lane-response.ts';
import type { ReplyBatch } from './reply-batch.ts';
import { readRequestHead } from './request-head.ts';
import { readShared } from './shared-reads.ts';

/** Longer heads are for node:http, whose limit is what counts. */
const MAX_HEAD_BYTES = 8 * 1024;
const MAX_BODY_BYTES = 256 * 1024;
/** A request that comes in more pieces than this is for node:http. */
const MAX_PIECES = 16;
/** What a client may send ahead of its answer before it is no longer read. */
const MAX_AHEAD_BYTES = 64 * 1024;
/** Heads a connection remembers: a client repeats few, as one tool after another. */
const MAX_REMEMBERED = 4;
const MAX_REMEMBERED_BYTES = 4 * 1024;

const BEGINNING = Buffer.from('POST /mcp');
const EMPTY_LINE = Buffer.from('\r\n\r\n');

/** Part of a connection's bytes: the body of one request. Good until the function returns that was given it. */
export interface Span {
  readonly bytes: Buffer;
  readonly from: number;
  readonly to: number;
}

/** What serves whole requests. `Admitted` is all that is known from a head alone; a head that comes again is not read again. */
export interface LaneDesk<Admitted> {
  /** undefined: such requests are for node:http. */
  admit(head: NonNullable<ReturnType<typeof readRequestHead>>): Admitted | undefined;
  /**
   * False: nothing was done, and the request is for node:http. Else `response` is ended sooner or later. Never rejects. What is to be served
   * later is copied first.
   */
  serve(
    admitted: Admitted,
    request: { body: Span; socket: Socket; response: LaneResponse },
  ): boolean | Promise<boolean>;
}

interface Known<Admitted> {
  /** The head as it came, with its empty line. */
  readonly bytes: Buffer;
  readonly bodyBytes: number;
  readonly admitted: Admitted;
}

/** One connection in the fast lane: reads requests of the plain form, one after the other, until something else comes. */
export class LaneConnection<Admitted> {
  readonly #socket: Socket;
  readonly #desk: LaneDesk<Admitted>;
  readonly #line: Line;
  /** Takes the connection over, with bytes nobody has read. */
  readonly #leave: (connection: LaneConnection<Admitted>, unread: Buffer | undefined) => void;
  #known: Known<Admitted>[] = [];
  #rest: Buffer | undefined;
  #pieces = 0;
  #response: LaneResponse | undefined;
  #reading = false;
  /** Its bytes are lent, and whoever keeps some copies them. */
  readonly #lent: boolean;
  #ours = true;
  #ended = false;
  /** How often it was looked after since it last was of use. */
  #quiet = 0;
  #served = false;

  constructor(
    socket: Socket,
    options: {
      readonly desk: LaneDesk<Admitted>;
      readonly keepAliveS: number;
      readonly batch: ReplyBatch;
      readonly leave: (connection: LaneConnection<Admitted>, unread: Buffer | undefined) => void;
    },
  ) {
    this.#socket = socket;
    this.#desk = options.desk;
    const keepAlive = `Connection: keep-alive\r\nKeep-Alive: timeout=${options.keepAliveS}\r\n`;
    this.#line = { socket, batch: options.batch, keepAlive, done: this.#done };
    this.#leave = options.leave;
    this.#lent = readShared(socket, this.#onLent);
    if (!this.#lent) socket.on('data', this.#onData);
    socket.on('end', this.#onEnd);
    socket.on('error', ignore); // 'close' follows, and that is what counts
    socket.on('close', this.#onClose);
    socket.on('drain', this.#onDrain);
  }

  get socket(): Socket {
    return this.#socket;
  }

  /** A request is being answered. */
  get busy(): boolean {
    return this.#response !== undefined;
  }

  /** Closes it, when it is free. */
  close(): void {
    if (this.#response !== undefined) return this.#response.close();
    this.#line.batch.flush();
    this.#socket.destroySoon();
  }

  /** Called every so often: what waits for the rest of a request, or never asked, is for node:http and its deadlines. */
  lookAfter(quietMost: number): void {
    if (this.busy) return;
    this.#quiet += 1;
    if (this.#rest !== undefined || !this.#served) this.#handOver(this.#rest);
    else if (this.#quiet > quietMost) this.#socket.destroy();
  }

  readonly #onData = (chunk: Buffer): void => {
    const rest = this.#rest;
    const bytes = rest === undefined ? chunk : Buffer.concat([rest, chunk]);
    if (this.#free) return this.#read(bytes);
    this.#rest = rest === undefined ? this.#kept(bytes) : bytes;
    if (bytes.length > MAX_AHEAD_BYTES) this.#socket.pause();
  };

  readonly #onLent = (lent: Buffer): boolean => {
    if (!this.#ours) return this.#socket.push(Buffer.from(lent)); // whoever has the connection now reads it as any other
    this.#onData(lent);
    return true;
  };

  /** Bytes that stay. */
  #kept(bytes: Buffer): Buffer {
    return this.#lent ? Buffer.from(bytes) : bytes;
  }

  readonly #onEnd = (): void => {
    this.#ended = true;
    this.#line.batch.flush();
    this.#socket.end();
  };

  readonly #onClose = (): void => {
    this.#response?.gone();
  };

  readonly #onDrain = (): void => {
    if (this.#free) this.#next();
  };

  /** Nothing is being answered, and the client reads what was. */
  get #free(): boolean {
    return this.#response === undefined && !this.#socket.writableNeedDrain;
  }

  /** As much of `bytes` as can be answered now; the rest is kept. */
  #read(bytes: Buffer): void {
    this.#reading = true;
    this.#rest = undefined;
    let at = 0;
    while (at < bytes.length) {
      const known = this.#head(bytes, at);
      if (known === 'other') return this.#handOver(this.#kept(bytes.subarray(at)));
      const end = known === 'more' ? Number.POSITIVE_INFINITY : at + known.bytes.length + known.bodyBytes;
      if (known === 'more' || end > bytes.length) {
        this.#pieces += 1;
        const rest = this.#kept(bytes.subarray(at));
        if (this.#pieces > MAX_PIECES) return this.#handOver(rest);
        this.#rest = rest;
        break;
      }
      this.#pieces = 0;
      if (!this.#serve(known, { bytes, at, end })) return;
      at = end;
      if (this.#socket.destroyed || this.#socket.writableEnded) break;
      if (!this.#free) {
        if (at < bytes.length) this.#rest = this.#kept(bytes.subarray(at));
        break;
      }
    }
    this.#reading = false;
  }

  /** False: the connection is not ours any more. */
  #serve(known: Known<Admitted>, { bytes, at, end }: { bytes: Buffer; at: number; end: number }): boolean {
    this.#quiet = 0;
    const response = new LaneResponse(this.#line);
    this.#response = response;
    const body = { bytes, from: at + known.bytes.length, to: end };
    const served = this.#desk.serve(known.admitted, { body, socket: this.#socket, response });
    if (served === true) {
      this.#served = true;
      this.#remember(known);
      return true;
    }
    if (served === false) {
      this.#handOver(this.#kept(bytes.subarray(at)));
      return false;
    }
    const request = this.#kept(bytes.subarray(at, end));
    void served.then((done) => {
      if (done) this.#served = true;
      else this.#handOver(this.#rest === undefined ? request : Buffer.concat([request, this.#rest]));
    });
    return true;
  }

  /** The head that begins at `at`: `more` has to come before it can be read, or it is none for us. */
  #head(bytes: Buffer, at: number): Known<Admitted> | 'more' | 'other' {
    for (const known of this.#known) {
      const { length } = known.bytes;
      if (bytes.length - at >= length && bytes.compare(known.bytes, 0, length, at, at + length) === 0) return known;
    }
    const beginning = Math.min(BEGINNING.length, bytes.length - at);
    if (bytes.compare(BEGINNING, 0, beginning, at, at + beginning) !== 0) return 'other';
    const empty = bytes.indexOf(EMPTY_LINE, at);
    if (empty < 0) return bytes.length - at > MAX_HEAD_BYTES ? 'other' : 'more';
    const end = empty + EMPTY_LINE.length;
    if (end - at > MAX_HEAD_BYTES) return 'other';
    const head = readRequestHead(bytes.toString('latin1', at, end));
    if (head === undefined || head.contentLength > MAX_BODY_BYTES) return 'other';
    const admitted = this.#desk.admit(head);
    return admitted === undefined
      ? 'other'
      : { bytes: bytes.subarray(at, end), bodyBytes: head.contentLength, admitted };
  }

  /** Only of those who were let in: strangers take no memory. */
  #remember(known: Known<Admitted>): void {
    if (this.#known.includes(known) || known.bytes.length > MAX_REMEMBERED_BYTES) return;
    const bytes = Buffer.allocUnsafeSlow(known.bytes.length);
    bytes.set(known.bytes);
    this.#known.unshift({ ...known, bytes });
    if (this.#known.length > MAX_REMEMBERED) this.#known.length = MAX_REMEMBERED;
  }

  readonly #done = (): void => {
    const last = this.#response?.last === true || this.#ended;
    this.#response = undefined;
    if (last) this.#socket.destroySoon();
    else if (!this.#reading && this.#free) this.#next();
  };

  /** Goes on with what came meanwhile. */
  #next(): void {
    if (this.#socket.isPaused()) this.#socket.resume();
    const rest = this.#rest;
    if (rest !== undefined) this.#read(rest);
  }

  #handOver(unread: Buffer | undefined): void {
    const socket = this.#socket;
    this.#line.batch.flush();
    this.#ours = false;
    this.#response = undefined;
    socket.off('data', this.#onData);
    socket.off('end', this.#onEnd);
    socket.off('error', ignore);
    socket.off('close', this.#onClose);
    socket.off('drain', this.#onDrain);
    if (!socket.destroyed) this.#leave(this, unread);
  }
}

function ignore(): void {}
