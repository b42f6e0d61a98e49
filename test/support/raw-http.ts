import { connect, type Socket } from 'node:net';
import { once } from 'node:events';
import { until } from './until.ts';

/** A client that sends bytes as they are, and keeps all that comes back. */
export class RawClient implements Disposable {
  readonly socket: Socket;
  #text = '';
  #at = 0;
  closed = false;

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.setNoDelay(true);
    socket.on('data', (chunk: Buffer) => (this.#text += chunk.toString('latin1')));
    socket.on('error', () => {}); // a reset after the answer is fine: the answer is what counts
    socket.on('close', () => (this.closed = true));
  }

  static async to(port: number): Promise<RawClient> {
    const client = new RawClient(connect(port, '127.0.0.1'));
    await once(client.socket, 'connect');
    return client;
  }

  /** All that came. */
  get text(): string {
    return this.#text;
  }

  get statuses(): readonly number[] {
    return [...this.#text.matchAll(/(?:^|\n|\})HTTP\/1\.1 (\d{3})/g)].map(([, status]) => Number(status));
  }

  send(bytes: string | Uint8Array): void {
    this.socket.write(bytes);
  }

  /** The next whole response with a Content-Length. */
  async response(): Promise<{ readonly status: number; readonly head: string; readonly body: string }> {
    let found: { status: number; head: string; body: string } | undefined;
    await until(() => {
      const text = this.#text.slice(this.#at);
      const end = text.indexOf('\r\n\r\n');
      if (end < 0) return false;
      const head = text.slice(0, end);
      const length = Number(/content-length: (\d+)/i.exec(head)?.[1]);
      const body = text.slice(end + 4, end + 4 + length);
      if (body.length < length) return false;
      this.#at += end + 4 + length;
      found = { status: Number(head.slice(9, 12)), head, body };
      return true;
    });
    return found as NonNullable<typeof found>;
  }

  [Symbol.dispose](): void {
    this.socket.destroy();
  }
}

/** The bytes of a POST with these headers, and the length of its body. */
export function postBytes(path: string, headers: Readonly<Record<string, string>>, body: string): string {
  const lines = Object.entries({ ...headers, 'Content-Length': String(Buffer.byteLength(body)) });
  return `POST ${path} HTTP/1.1\r\n${lines.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n${body}`;
}
