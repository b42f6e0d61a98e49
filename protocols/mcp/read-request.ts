import { MAX_DEPTH, type MessageText, readMessageText, type RpcRequest, shallowerThan } from '../../src/mcp/index.ts';

const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Text so short lies within what any step of a call can walk through, however it is nested. */
const SHALLOW = 2_048;

/** The JSON-RPC request in `bytes[start … end)`, or why it is refused: it is none, or no valid UTF-8, or holds more than a message may. */
export function readRequest(bytes: Buffer, start: number, end: number): RpcRequest | 'malformed' | 'too-large' {
  const read = readText(bytes, start, end);
  if (read?.kind === 'too-much') return 'too-large';
  if (read?.kind !== 'value' || !isRequest(read.value)) return 'malformed';
  return end - start < SHALLOW || shallowerThan(read.value, MAX_DEPTH) ? read.value : 'too-large';
}

function readText(bytes: Buffer, start: number, end: number): MessageText | undefined {
  try {
    return readMessageText(textOf(bytes, start, end));
  } catch {
    return undefined;
  }
}

/** Throws where it is no valid UTF-8. */
function textOf(bytes: Buffer, start: number, end: number): string {
  const text = bytes.toString('utf8', start, end);
  // What is not UTF-8 becomes U+FFFD; only text that has one can have been broken, and is read again by who says no.
  return text.includes('\ufffd') ? strict.decode(bytes.subarray(start, end)) : text;
}

function isRequest(value: unknown): value is RpcRequest {
  if (!isObject(value)) return false;
  const { jsonrpc, id, method, params } = value;
  const named = typeof id === 'string' || (typeof id === 'number' && Number.isFinite(id));
  return jsonrpc === '2.0' && named && typeof method === 'string' && (params === undefined || isObject(params));
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
