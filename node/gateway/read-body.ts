import { isUtf8 } from 'node:buffer';
import type { IncomingMessage } from 'node:http';

export type BodyText =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'too-large' }
  | { readonly kind: 'not-utf8' };

/** How much of a body over the limit is still taken in, so that the client reads our refusal instead of a reset. */
const DRAIN_FACTOR = 4;

/**
 * Reads a request's body as UTF-8 text and hands it to `done`, once. Over `maxBytes` nothing is kept. A client that goes away
 * half-way is never heard of again; one that dawdles is cut off by the server's request timeout.
 */
export function readBody(req: IncomingMessage, maxBytes: number, done: (body: BodyText) => void): void {
  let first: Buffer | undefined;
  let rest: Buffer[] | undefined;
  let length = 0;
  let finished = Number(req.headers['content-length'] ?? 0) > maxBytes * DRAIN_FACTOR;
  if (finished) return done({ kind: 'too-large' });
  req.on('data', (chunk: Buffer) => {
    length += chunk.length;
    if (length > maxBytes) {
      first = undefined;
      rest = undefined;
      if (length <= maxBytes * DRAIN_FACTOR || finished) return;
      finished = true;
      done({ kind: 'too-large' });
    } else if (first === undefined) first = chunk;
    else if (rest === undefined) rest = [first, chunk];
    else rest.push(chunk);
  });
  req.on('end', () => {
    if (finished) return;
    finished = true;
    if (length > maxBytes) return done({ kind: 'too-large' });
    const bytes = rest === undefined ? (first ?? Buffer.alloc(0)) : Buffer.concat(rest);
    done(isUtf8(bytes) ? { kind: 'text', text: bytes.toString() } : { kind: 'not-utf8' });
  });
}
