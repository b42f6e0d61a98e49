import type { BackendContext } from '../backends/backend.ts';

/** One of several attempts at the same call, which can be given up alone. */
export interface Attempt {
  readonly context: BackendContext;
  abandon(): void;
  /** It ended: it does not listen to its call any more. */
  end(): void;
}

/** `alone`: of all attempts only this one may show progress to the caller. */
export function attemptOf(
  call: BackendContext & { readonly argumentsHash?: string | undefined },
  { alone }: { readonly alone: boolean },
): Attempt {
  const own = new AbortController();
  const follow = (): void => own.abort(call.signal.reason);
  if (call.signal.aborted) follow();
  else call.signal.addEventListener('abort', follow, { once: true });
  const { principal, era, callId, deadlineAt, onRelated, client, logLevel, traceparent, argumentsHash } = call;
  const said = { principal, era, callId, deadlineAt, client, logLevel, traceparent, argumentsHash };
  return {
    context: { ...said, signal: own.signal, onRelated: alone ? onRelated : undefined },
    abandon: () => own.abort(),
    end: () => call.signal.removeEventListener('abort', follow),
  };
}
