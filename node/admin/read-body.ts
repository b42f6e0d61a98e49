import type { IncomingMessage, ServerResponse } from 'node:http';
import { sendError } from './send.ts';

/** Arguments of a tool call are the largest thing that a verb takes. */
const MAX_BYTES = 5 * 1024 * 1024;

/** The JSON of a request's body; undefined when it was answered already: not JSON (400, 415) or too large (413). */
export async function readBody(
  request: IncomingMessage,
  response: ServerResponse,
): Promise<{ readonly value: unknown } | undefined> {
  // A browser sends this type to another site only after asking, and it is not told yes.
  if (!/^application\/json\s*(;|$)/i.test(request.headers['content-type'] ?? '')) {
    refuse(request, response, 415, 'UNSUPPORTED_MEDIA_TYPE', 'the body must be application/json');
    return undefined;
  }
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request) {
    bytes += (chunk as Buffer).length;
    if (bytes > MAX_BYTES) {
      refuse(request, response, 413, 'TOO_LARGE', `the body is over ${MAX_BYTES} bytes`);
      return undefined;
    }
    chunks.push(chunk as Buffer);
  }
  try {
    return { value: JSON.parse(Buffer.concat(chunks).toString('utf8')) };
  } catch {
    refuse(request, response, 400, 'MALFORMED', 'the body is not JSON');
    return undefined;
  }
}

function refuse(
  request: IncomingMessage,
  response: ServerResponse,
  status: number,
  code: string,
  message: string,
): void {
  if (!request.complete) response.setHeader('connection', 'close');
  sendError(response, status, { code, message });
}
