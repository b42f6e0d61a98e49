import { parseExactJson } from '../../src/kernel/index.ts';
import type { RpcRequest } from '../../src/mcp/index.ts';

const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** The JSON-RPC request in `bytes[start … end)`; undefined when it is none, or no valid UTF-8. */
export function readRequest(bytes: Buffer, start: number, end: number): RpcRequest | undefined {
  let value: unknown;
  try {
    value = parseExactJson(textOf(bytes, start, end));
  } catch {
    return undefined;
  }
  return isRequest(value) ? value : undefined;
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
