import type { Readable } from 'node:stream';

const WINDOW_MS = 100;
const MAX_WINDOW_BYTES = 256 * 1024;

/** Reads at most 2.5 MiB a second, so that a shard that prints without end waits for its pipe and not the node for the shard. */
export function paced(stream: Readable): Readable {
  let windowMs = performance.now();
  let read = 0;
  stream.on('data', (chunk: Buffer) => {
    const now = performance.now();
    if (now - windowMs >= WINDOW_MS) {
      windowMs = now;
      read = 0;
    }
    read += chunk.length;
    if (read < MAX_WINDOW_BYTES) return;
    stream.pause();
    setTimeout(() => stream.resume(), windowMs + WINDOW_MS - now).unref();
  });
  return stream;
}
