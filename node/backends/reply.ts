import { utf8 } from '../../src/kernel/index.ts';
import { type ErrorName, errorText, type RpcError, type RpcId, resultText } from '../../src/mcp/index.ts';
import type { BackendReply } from './backend.ts';

export interface FailureOptions {
  readonly outcome?: 'failed' | 'unknown' | 'denied' | undefined;
  /** The server provably never began. */
  readonly notStarted?: boolean | undefined;
  readonly retryAfterMs?: number | undefined;
  /** What would help. */
  readonly hint?: string | undefined;
}

/** The reply to request `id` when it ends in one of the village's own errors. */
export function failure(
  id: RpcId,
  problem: { name: ErrorName; message: string },
  options: FailureOptions = {},
): BackendReply {
  const { outcome = 'failed', notStarted = false, retryAfterMs, hint } = options;
  // Who was denied is denied again, and what is too large stays so.
  const retryable = notStarted && outcome !== 'denied' && problem.name !== 'TOO_LARGE';
  const body = utf8(
    errorText(id, problem, { retryable, retryAfterMs, ...(hint === undefined ? {} : { data: { hint } }) }),
  );
  return { body, outcome, reason: problem.name, ...(notStarted ? { notStarted } : {}) };
}

/** The reply that carries `result`; a tool's own error is an outcome apart. */
export function success(id: RpcId, result: Readonly<Record<string, unknown>>): BackendReply {
  const body = utf8(resultText(id, result));
  return result['isError'] === true
    ? { body, outcome: 'tool_error', reason: 'TOOL_ERROR' }
    : { body, outcome: 'ok', reason: '' };
}

/** The reply that passes on an error which the server itself answered with. */
export function serverError(id: RpcId, error: RpcError): BackendReply {
  return { body: utf8(JSON.stringify({ jsonrpc: '2.0', id, error })), outcome: 'failed', reason: String(error.code) };
}
