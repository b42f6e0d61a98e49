import { ProtocolError, SdkError, SdkErrorCode, SdkHttpError, UnauthorizedError } from '@modelcontextprotocol/client';
import { ERRORS, type ErrorName, isObject } from '../../src/mcp/index.ts';
import { VillageError } from '../../src/kernel/index.ts';

export type ClientErrorCode =
  | ErrorName
  | 'UNKNOWN_TOOL'
  | 'INVALID_ARGUMENTS'
  | 'CANCELLED'
  | 'INVALID_SCHEMA'
  | 'UNTRUSTED'
  | 'CLOSED'
  | 'SERVER_ERROR';

/** What went wrong with a call. `notStarted` is said only when the tool provably never ran: the same call may be made again. */
export class ClientError extends VillageError<ClientErrorCode> {
  readonly notStarted: boolean;
  readonly retryAfterMs: number | undefined;
  /** The JSON-RPC error's own number and data, where one came. */
  readonly rpc: { readonly code: number; readonly data: unknown } | undefined;

  constructor(
    code: ClientErrorCode,
    message: string,
    options: {
      readonly cause?: unknown;
      readonly notStarted?: boolean;
      readonly retryAfterMs?: number | undefined;
      readonly rpc?: { readonly code: number; readonly data: unknown };
    } = {},
  ) {
    super(code, message, options.cause === undefined ? {} : { cause: options.cause });
    this.notStarted = options.notStarted ?? false;
    this.retryAfterMs = options.retryAfterMs;
    this.rpc = options.rpc;
  }
}

/** The error a failed request is told as; recognised by codes, never by words. */
export function clientError(cause: unknown): ClientError {
  if (cause instanceof ClientError) return cause;
  if (ProtocolError.isInstance(cause)) return ofProtocol(cause);
  const message = cause instanceof Error ? cause.message : String(cause);
  if (cause instanceof UnauthorizedError) return unauthenticated(cause);
  if (SdkHttpError.isInstance(cause) && cause.code !== SdkErrorCode.ClientHttpAuthentication) return ofHttp(cause);
  if (!SdkError.isInstance(cause)) return new ClientError('OUTCOME_UNKNOWN', message, { cause });
  switch (cause.code) {
    case SdkErrorCode.RequestTimeout:
      return new ClientError('DEADLINE_EXCEEDED', 'no answer came before the deadline', { cause });
    case SdkErrorCode.ConnectionClosed:
    case SdkErrorCode.NotConnected:
      return new ClientError('CLOSED', 'the connection to the node is closed', { cause });
    case SdkErrorCode.ClientHttpAuthentication:
      return unauthenticated(cause);
    default:
      return cause.cause === undefined
        ? new ClientError('OUTCOME_UNKNOWN', message, { cause })
        : clientError(cause.cause);
  }
}

/** The error of a request that begins nothing, whatever became of it: a connection to be made, a list of tools. */
export function nothingBegun(cause: unknown): ClientError {
  const error = clientError(cause);
  const { code, message } = error;
  if (error.notStarted || (code !== 'OUTCOME_UNKNOWN' && code !== 'DEADLINE_EXCEEDED')) return error;
  const known = code === 'OUTCOME_UNKNOWN' ? 'NODE_UNREACHABLE' : code;
  return new ClientError(known, message, { cause: error, notStarted: true });
}

function unauthenticated(cause: unknown): ClientError {
  return new ClientError('UNAUTHENTICATED', 'the node does not take this token', { cause, notStarted: true });
}

/** A refusal at the door: its body is a JSON-RPC error where it comes from a node. */
function ofHttp(cause: SdkHttpError): ClientError {
  const error = errorIn(cause.data['text']);
  if (error?.['data'] !== undefined && isObject(error['data']) && error['data']['code'] === 'SESSION_NOT_FOUND') {
    return new ClientError('CLOSED', 'the node does not know this session any more', { cause, notStarted: true });
  }
  if (error !== undefined && typeof error['code'] === 'number') {
    return ofRpc({ code: error['code'], data: error['data'], message: String(error['message']) }, cause);
  }
  const known = cause.status >= 400 && cause.status < 500;
  return new ClientError(known ? 'INVALID_REQUEST' : 'OUTCOME_UNKNOWN', `the answer is HTTP ${cause.status}`, {
    cause,
  });
}

function errorIn(text: unknown): Readonly<Record<string, unknown>> | undefined {
  if (typeof text !== 'string') return undefined;
  try {
    const body: unknown = JSON.parse(text);
    return isObject(body) && isObject(body['error']) ? body['error'] : undefined;
  } catch {
    return undefined;
  }
}

function ofProtocol(cause: ProtocolError): ClientError {
  return ofRpc(cause, cause);
}

function ofRpc(error: { code: number; data?: unknown; message: string }, cause: Error): ClientError {
  const data = isObject(error.data) ? error.data : {};
  const name =
    typeof data['code'] === 'string' && Object.hasOwn(ERRORS, data['code']) ? (data['code'] as ErrorName) : undefined;
  const after = data['retry_after_ms'];
  return new ClientError(name ?? 'SERVER_ERROR', error.message, {
    cause,
    // The village says `retryable` only when nothing was begun.
    notStarted: name !== undefined && data['retryable'] === true,
    retryAfterMs: typeof after === 'number' ? Math.max(0, after) : undefined,
    rpc: { code: error.code, data: error.data },
  });
}
