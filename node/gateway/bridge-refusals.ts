import { errorText, isObject, type RpcId } from '../../src/mcp/index.ts';

/** The node's refusal as the answer to this request: before it has read a body it cannot name the id. */
export function refusalOf(id: RpcId, outcome: { readonly status: number; readonly body: string }): string {
  const error = errorIn(outcome.body);
  if (error !== undefined) return JSON.stringify({ jsonrpc: '2.0', id, error });
  return errorText(id, { name: 'INTERNAL_ERROR', message: `the local gateway answered HTTP ${outcome.status}` });
}

/** The JSON-RPC error that a refusal carries; undefined: something else than a node listens there. */
export function errorIn(body: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(body);
    return isObject(value) && isObject(value['error']) ? value['error'] : undefined;
  } catch {
    return undefined;
  }
}

/** That no token could be had. Of the cause only its code is told, never its words. */
export function tokenlessOf(id: RpcId, cause: unknown): string {
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : 'the token source failed';
  return errorText(id, { name: 'UNAUTHENTICATED', message: `no token: ${code}` });
}
