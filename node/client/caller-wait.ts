import { ClientError } from './client-error.ts';

export interface CallerWait {
  readonly signal?: AbortSignal | undefined;
  /** By `performance.now()`. */
  readonly endsAt: number;
}

/**
 * Waits for `work`, which goes on for others, no longer than this caller does. For what comes before a call is sent.
 * Errors: those of `work`; DEADLINE_EXCEEDED, CANCELLED.
 */
export async function callerWait<Result>(work: Promise<Result>, { signal, endsAt }: CallerWait): Promise<Result> {
  const over = Promise.withResolvers<never>();
  const cancelled = (): void =>
    over.reject(new ClientError('CANCELLED', 'the caller cancelled the call', { notStarted: true }));
  const late = (): void => {
    const message = 'the node did not answer before the deadline, and nothing was begun';
    over.reject(new ClientError('DEADLINE_EXCEEDED', message, { notStarted: true }));
  };
  const timer = setTimeout(late, Math.max(0, endsAt - performance.now()));
  signal?.addEventListener('abort', cancelled, { once: true });
  if (signal?.aborted === true) cancelled();
  try {
    return await Promise.race([work, over.promise]);
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', cancelled);
  }
}
