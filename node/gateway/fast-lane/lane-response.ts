import { STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import type { HttpResponse } from '../http-response.ts';
import type { ReplyBatch } from './reply-batch.ts';
import { dateLine, jsonHead } from './response-head.ts';

/** Up to here head and body are copied into one piece: cheaper than two writes. */
const ONE_PIECE_BYTES = 64 * 1024;

const SOON = Promise.resolve();

/** What no header value may hold. */
const NOT_TEXT = /[^\t -~]/g;

/** What all responses on one connection have in common. */
export interface Line {
  readonly socket: Socket;
  readonly batch: ReplyBatch;
  /** The headers that keep it open. */
  readonly keepAlive: string;
  /** Called when the connection is free for the next request. */
  readonly done: () => void;
}

/** The response to one request of a LaneConnection. Without a Content-Length it is sent in chunks. */
export class LaneResponse implements HttpResponse {
  readonly #line: Line;
  readonly #socket: Socket;
  #head: string | undefined;
  #chunked = false;
  #begun = false;
  #ended = false;
  #closed = false;
  #onClose: (() => void)[] | undefined;
  /** The connection ends with this response. */
  #last = false;

  constructor(line: Line) {
    this.#line = line;
    this.#socket = line.socket;
  }

  get destroyed(): boolean {
    return this.#closed || this.#socket.destroyed;
  }

  get headersSent(): boolean {
    return this.#head !== undefined;
  }

  get writableEnded(): boolean {
    return this.#ended;
  }

  get writableLength(): number {
    return this.#socket.writableLength;
  }

  /** Whether the connection is to be closed after it. */
  get last(): boolean {
    return this.#last;
  }

  /** No other request will be answered on this connection. */
  close(): void {
    this.#last = true;
  }

  writeHead(status: number, headers: readonly string[]): void {
    let lines = `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\n`;
    let measured = false;
    for (let at = 0; at + 1 < headers.length; at += 2) {
      const name = headers[at] as string;
      const value = headers[at + 1] as string;
      if (name === 'Content-Length') measured = true;
      if (name === 'Connection') this.#last ||= value === 'close';
      else lines += `${name}: ${value.replaceAll(NOT_TEXT, '')}\r\n`;
    }
    this.#chunked = !measured;
    const framing = measured ? '' : 'Transfer-Encoding: chunked\r\n';
    this.#head = `${lines}${dateLine()}${this.#connectionLine()}${framing}\r\n`;
  }

  /** All of it: JSON with status 200 and no other headers. */
  sendJson(body: Uint8Array | string): void {
    if (this.#ended || this.headersSent) return;
    const bytes = typeof body === 'string' ? Buffer.from(body) : body;
    const head = jsonHead(bytes.length, this.#connectionLine());
    this.#head = head.text;
    if (this.#closed || bytes.length > ONE_PIECE_BYTES) return this.end(bytes);
    this.#ended = true;
    this.#writePiece(head.bytes, bytes);
    this.#free();
  }

  flushHeaders(): void {
    if (this.#begun || this.#head === undefined || this.#closed) return;
    this.#begun = true;
    this.#line.batch.flush();
    this.#socket.write(this.#head, 'latin1');
  }

  write(chunk: Uint8Array | string): void {
    if (this.#ended || this.#closed) return;
    this.flushHeaders();
    const bytes = typeof chunk === 'string' ? Buffer.from(chunk) : chunk;
    if (bytes.length === 0) return; // an empty chunk would end it
    this.#socket.write(this.#chunked ? framed(bytes) : bytes);
  }

  end(body?: Uint8Array | string): void {
    if (this.#ended) return;
    this.#ended = true;
    if (this.#closed) return;
    if (this.#begun || this.#chunked) this.#endChunks(body);
    else this.#writeWhole(body ?? '');
    this.#free();
  }

  destroy(): void {
    this.#line.batch.flush();
    this.#socket.destroy();
  }

  once(_event: 'close', listener: () => void): void {
    if (this.#closed) return;
    if (this.#onClose === undefined) this.#onClose = [listener];
    else this.#onClose.push(listener);
  }

  /** The connection is gone. */
  gone(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#tell();
  }

  #endChunks(body: Uint8Array | string | undefined): void {
    this.#ended = false;
    if (body !== undefined) this.write(body);
    else this.flushHeaders();
    this.#ended = true;
    if (this.#chunked) this.#socket.write('0\r\n\r\n', 'latin1');
  }

  #writeWhole(body: Uint8Array | string): void {
    const head = this.#head ?? '';
    const { batch } = this.#line;
    if (body.length > ONE_PIECE_BYTES) {
      batch.flush();
      this.#socket.cork();
      this.#socket.write(head, 'latin1');
      this.#socket.write(body);
      this.#socket.uncork();
    } else if (typeof body === 'string') {
      batch.add(this.#socket, head + body);
    } else {
      this.#writePiece(Buffer.from(head, 'latin1'), body);
      return;
    }
    if (this.#last) batch.flush();
  }

  #writePiece(head: Uint8Array, body: Uint8Array): void {
    const { batch } = this.#line;
    const piece = Buffer.allocUnsafe(head.length + body.length);
    piece.set(head, 0);
    piece.set(body, head.length);
    batch.add(this.#socket, piece);
    if (this.#last) batch.flush();
  }

  /** Answered: whoever waits for its end hears of it, and the next request may come. */
  #free(): void {
    this.#closed = true;
    if (this.#onClose !== undefined) void SOON.then(() => this.#tell()); // a nextTick costs five times as much
    this.#line.done();
  }

  #tell(): void {
    const listeners = this.#onClose;
    this.#onClose = undefined;
    for (const listener of listeners ?? []) listener();
  }

  #connectionLine(): string {
    return this.#last ? 'Connection: close\r\n' : this.#line.keepAlive;
  }
}

function framed(bytes: Uint8Array): Uint8Array {
  return Buffer.concat([Buffer.from(`${bytes.length.toString(16)}\r\n`), bytes, CRLF]);
}

const CRLF = Buffer.from('\r\n');
