import { parseExactJson } from '../../src/kernel/index.ts';
import type { RpcRequest } from '../../src/mcp/index.ts';

const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** The JSON-RPC request in `bytes[start … end)`; undefined when it is none, or no valid UTF-8. */
export function readRequest(bytes: Buffer, start: number, end: number): RpcRequest | undefined {
  let value: unknown;
  try {
    value = parseExactJson(strict.decode(bytes.subarray(start, end)));
  } catch {
    return undefined;
  }
  return isRequest(value) ? value : undefined;
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
