import type { RpcId, RpcNotification, RpcRequest, RpcResponse } from './message.ts';

export const MAX_DEPTH = 128;
export const MAX_BATCH = 100;
const MAX_ID_LENGTH = 256;
const MAX_METHOD_LENGTH = 256;

export type InvalidEnvelope = { readonly kind: 'invalid'; readonly because: string; readonly id: RpcId | null };
export type Envelope =
  | { readonly kind: 'request'; readonly message: RpcRequest }
  | { readonly kind: 'notification'; readonly message: RpcNotification }
  | { readonly kind: 'response'; readonly message: RpcResponse }
  | InvalidEnvelope;
export type Body = Envelope | { readonly kind: 'batch'; readonly envelopes: readonly Envelope[] };

/**
 * What the parsed body of a POST or a line is. `length` is the length of its text: a value cannot nest deeper than half of it,
 * so that most bodies need no walk. The message is the very object given, never a copy.
 */
export function readBody(value: unknown, length: number): Body {
  if (length >= 2 * MAX_DEPTH && !shallowerThan(value, MAX_DEPTH)) return invalid('nested too deeply', null);
  if (!Array.isArray(value)) return readMessage(value);
  if (value.length === 0) return invalid('an empty batch', null);
  if (value.length > MAX_BATCH) return invalid(`a batch of more than ${MAX_BATCH} messages`, null);
  return { kind: 'batch', envelopes: value.map(readMessage) };
}

/** One message. Strict as the MCP schemas are: unknown members, a null or fractional id, params that are no object are refused. */
export function readMessage(value: unknown): Envelope {
  if (!isObject(value)) return invalid('not a JSON-RPC message', null);
  const id = value['id'];
  const known = isId(id) ? id : null;
  if (value['jsonrpc'] !== '2.0') return invalid('jsonrpc must be "2.0"', known);
  if (id !== undefined && known === null && !(id === null && value['error'] !== undefined)) {
    return invalid('id must be a string or an integer', null);
  }
  return value['method'] === undefined ? readResponse(value, known) : readCall(value, known);
}

function readCall(value: Record<string, unknown>, id: RpcId | null): Envelope {
  const { method, params } = value;
  if (typeof method !== 'string' || method === '' || method.length > MAX_METHOD_LENGTH) {
    return invalid('method must be a non-empty string', id);
  }
  if (params !== undefined && !isObject(params)) return invalid('params must be an object', id);
  const meta = params?.['_meta'];
  if (meta !== undefined && !isObject(meta)) return invalid('params._meta must be an object', id);
  for (const key in value) {
    if (key !== 'jsonrpc' && key !== 'id' && key !== 'method' && key !== 'params') return invalid('unknown member', id);
  }
  if (id === null) return { kind: 'notification', message: value as unknown as RpcNotification };
  return { kind: 'request', message: value as unknown as RpcRequest };
}

function readResponse(value: Record<string, unknown>, id: RpcId | null): Envelope {
  const { result, error } = value;
  if ((result === undefined) === (error === undefined)) return invalid('neither a request nor a response', id);
  for (const key in value) {
    if (key !== 'jsonrpc' && key !== 'id' && key !== 'result' && key !== 'error') return invalid('unknown member', id);
  }
  const wellFormed =
    error === undefined
      ? id !== null && isObject(result)
      : isObject(error) && Number.isInteger(error['code']) && typeof error['message'] === 'string';
  if (!wellFormed) return invalid('a malformed response', id);
  return { kind: 'response', message: value as unknown as RpcResponse };
}

export function isId(value: unknown): value is RpcId {
  if (typeof value === 'string') return value.length <= MAX_ID_LENGTH;
  return Number.isSafeInteger(value); // a larger number would come back as another one
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Whether no part of `value` lies `limit` or more containers deep. The walk itself never goes deeper than `limit`. */
export function shallowerThan(value: unknown, limit: number): boolean {
  if (typeof value !== 'object' || value === null) return true;
  if (limit === 0) return false;
  if (Array.isArray(value)) return value.every((item) => shallowerThan(item, limit - 1));
  for (const key in value) {
    if (!shallowerThan((value as Record<string, unknown>)[key], limit - 1)) return false;
  }
  return true;
}

function invalid(because: string, id: RpcId | null): InvalidEnvelope {
  return { kind: 'invalid', because, id };
}
