import { connect, type Socket } from 'node:net';
import { JSON_TYPE } from '../support/echo-gateway.ts';

export interface Load {
  readonly requests: number;
  readonly seconds: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly failed: number;
}

/** One POST to `/mcp` as it goes over the wire. */
export function post(port: number, headers: Record<string, string>, message: object): Buffer {
  const body = JSON.stringify(message);
  const lines = Object.entries({ ...JSON_TYPE, ...headers, 'Content-Length': String(Buffer.byteLength(body)) });
  const head = lines.map(([name, value]) => `${name}: ${value}\r\n`).join('');
  return Buffer.from(`POST /mcp HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n${head}\r\n${body}`);
}

export const median = (values: readonly number[]): number =>
  [...values].sort((one, other) => one - other)[values.length >> 1] ?? Number.NaN;
export const perSecond = (run: Load): number => run.requests / run.seconds;

/** Keeps one request in flight on each of `connections` keep-alive connections for `seconds`. `request` gives the bytes for one. */
export async function load(
  port: number,
  options: { connections: number; seconds: number; request: (connection: number) => Buffer },
): Promise<Load> {
  const latencies: number[] = [];
  let failed = 0;
  const startedAt = performance.now();
  const until = startedAt + options.seconds * 1000;
  const runs = Array.from({ length: options.connections }, (_, connection) => {
    const bytes = options.request(connection);
    return drive(connect(port, '127.0.0.1'), bytes, (ms, ok) => {
      latencies.push(ms);
      if (!ok) failed += 1;
      return performance.now() < until;
    });
  });
  await Promise.all(runs);
  const seconds = (performance.now() - startedAt) / 1000;
  latencies.sort((a, b) => a - b);
  const at = (share: number): number => latencies[Math.floor(latencies.length * share)] ?? Number.NaN;
  return { requests: latencies.length, seconds, p50Ms: at(0.5), p99Ms: at(0.99), failed };
}

/** Sends `bytes` again for each whole response while `answered` says so. */
function drive(socket: Socket, bytes: Buffer, answered: (ms: number, ok: boolean) => boolean): Promise<void> {
  socket.setNoDelay(true);
  return new Promise((resolve, reject) => {
    let text = '';
    let sentAt = performance.now();
    socket.on('error', reject);
    socket.on('close', () => resolve());
    socket.on('data', (chunk: Buffer) => {
      text += chunk.toString('latin1');
      const head = text.indexOf('\r\n\r\n');
      if (head < 0) return;
      const length = Number(/content-length: (\d+)/i.exec(text)?.[1]);
      if (text.length < head + 4 + length) return;
      const ok = text.startsWith('HTTP/1.1 200') && text.includes('"result"');
      text = '';
      const now = performance.now();
      const more = answered(now - sentAt, ok);
      sentAt = now;
      if (more) socket.write(bytes);
      else socket.destroy();
    });
    socket.write(bytes);
  });
}
