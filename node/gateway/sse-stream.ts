import type { FlatHeaders } from './answer.ts';
import type { HttpResponse } from './http-response.ts';

const HEADERS = [
  'Content-Type',
  'text/event-stream',
  'Cache-Control',
  'no-cache, no-transform',
  'X-Accel-Buffering',
  'no',
];
/** A reader this far behind is not reading: the stream is cut, and the client opens another. */
export const MAX_BACKLOG_BYTES = 1024 * 1024;

const PREFIX = Buffer.from('event: message\ndata: ');
const END = Buffer.from('\n\n');

/** Begins an event stream on `res`. */
export function openEventStream(res: HttpResponse, headers: FlatHeaders = []): void {
  res.writeHead(200, [...HEADERS, ...headers]);
  res.flushHeaders();
}

/** One message as a server-sent event. Raw line breaks in JSON are only ever spaces between tokens, so they become spaces. */
export function eventOf(message: Uint8Array, id?: string): Uint8Array {
  const bytes = Buffer.from(message.buffer, message.byteOffset, message.byteLength);
  const oneLine =
    bytes.includes(10) || bytes.includes(13) ? bytes.map((byte) => (byte === 10 || byte === 13 ? 32 : byte)) : bytes;
  const head = id === undefined ? PREFIX : Buffer.from(`id: ${id}\nevent: message\ndata: `);
  return Buffer.concat([head, oneLine, END]);
}

/** One connection that carries events to one client. */
export class SseStream {
  readonly #res: HttpResponse;

  /** `onClose` is called once, whoever ended it. */
  constructor(res: HttpResponse, onClose: () => void) {
    this.#res = res;
    openEventStream(res);
    res.once('close', onClose);
  }

  get open(): boolean {
    return !this.#res.destroyed && !this.#res.writableEnded;
  }

  /** The client reads so slowly that what may be lost should be. */
  get behind(): boolean {
    return this.#res.writableLength > MAX_BACKLOG_BYTES;
  }

  send(message: Uint8Array | string): void {
    this.write(eventOf(typeof message === 'string' ? Buffer.from(message) : message));
  }

  /** An event that is not a message, as HTTP+SSE's `endpoint`. */
  event(name: string, data: string): void {
    this.write(`event: ${name}\ndata: ${data}\n\n`);
  }

  /** An event without data: from its id the client can resume before anything was said, after `retryMs`. */
  prime(id: string, retryMs: number): void {
    this.write(`id: ${id}\nretry: ${retryMs}\ndata: \n\n`);
  }

  /** A comment that keeps proxies from closing an idle connection. */
  keepAlive(): void {
    this.write(':\n\n');
  }

  /** Whole events, as `eventOf` makes them. */
  write(chunk: Uint8Array | string): void {
    if (!this.open) return;
    if (this.behind) this.#res.destroy();
    else this.#res.write(chunk);
  }

  end(last?: Uint8Array): void {
    if (!this.open) return;
    if (last === undefined) this.#res.end();
    else this.#res.end(last);
  }
}
