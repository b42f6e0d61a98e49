import { errorText, isObject, type RpcId } from '../../src/mcp/index.ts';

/** The node's refusal as the answer to this request: before it has read a body it cannot name the id. */
export function refusalOf(id: RpcId, outcome: { readonly status: number; readonly body: string }): string {
  try {
    const body: unknown = JSON.parse(outcome.body);
    if (isObject(body) && isObject(body['error'])) return JSON.stringify({ jsonrpc: '2.0', id, error: body['error'] });
  } catch {
    // not JSON: something else than a node listens there
  }
  return errorText(id, { name: 'INTERNAL_ERROR', message: `the local gateway answered HTTP ${outcome.status}` });
}

/** That no token could be had. Of the cause only its code is told, never its words. */
export function tokenlessOf(id: RpcId, cause: unknown): string {
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : 'the token source failed';
  return errorText(id, { name: 'UNAUTHENTICATED', message: `no token: ${code}` });
}
