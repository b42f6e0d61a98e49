import { ERRORS, type ErrorName } from './error-table.ts';
import type { RpcId } from './message.ts';

/** Errors after which the very same request may succeed later. */
const RETRYABLE: ReadonlySet<ErrorName> = new Set(['RATE_LIMITED', 'NO_HEALTHY_SERVER', 'NODE_UNREACHABLE']);

export interface ErrorDetail {
  readonly retryAfterMs?: number | undefined;
  /** Overrides what the error's name implies. */
  readonly retryable?: boolean | undefined;
  /** Further members of `error.data`; never `code`, `message`, `retryable`. */
  readonly data?: Readonly<Record<string, unknown>> | undefined;
  /** A narrower string for `data.code`, where the table's name says too little. */
  readonly dataCode?: string | undefined;
}

/** `{jsonrpc, id, error: {code, message, data: {code, message, retryable, retry_after_ms?, …}}}` as JSON text. */
export function errorText(
  id: RpcId | null,
  error: { name: ErrorName; message: string },
  detail: ErrorDetail = {},
): string {
  return JSON.stringify({
    jsonrpc: '2.0',
    id,
    error: {
      code: ERRORS[error.name].code,
      message: error.message,
      data: {
        code: detail.dataCode ?? error.name,
        message: error.message,
        retryable: detail.retryable ?? RETRYABLE.has(error.name),
        ...(detail.retryAfterMs === undefined ? {} : { retry_after_ms: Math.ceil(detail.retryAfterMs) }),
        ...detail.data,
      },
    },
  });
}

/** `{jsonrpc, id, result}` as JSON text. */
export function resultText(id: RpcId, result: object): string {
  return JSON.stringify({ jsonrpc: '2.0', id, result });
}

/** `{jsonrpc, method, params?}` as JSON text. */
export function notificationText(method: string, params?: object): string {
  return JSON.stringify(params === undefined ? { jsonrpc: '2.0', method } : { jsonrpc: '2.0', method, params });
}
