import type { AuthProvider } from '@modelcontextprotocol/client';
import { KeptToken } from '../agent-side/index.ts';
import { callerWait } from './caller-wait.ts';
import { ClientError } from './client-error.ts';

/** A token, or where to get one: asked before the one in use ends, and again when the node refuses it. */
export type TokenSource = string | (() => Promise<string>);

/** A source that does not answer within `timeoutMs` is asked anew for the next request. Errors: UNAUTHENTICATED, with the cause. */
export function authOf(source: TokenSource, { timeoutMs }: { readonly timeoutMs: number }): AuthProvider {
  if (typeof source === 'string') return { token: async () => spelled(source) };
  const kept = new KeptToken(async () => {
    try {
      return spelled(await callerWait(source(), { endsAt: performance.now() + timeoutMs }));
    } catch (cause) {
      if (cause instanceof ClientError && cause.code === 'UNAUTHENTICATED') throw cause;
      throw new ClientError('UNAUTHENTICATED', 'no token came from its source', { cause, notStarted: true });
    }
  });
  return { token: () => kept.current(), onUnauthorized: async () => kept.forget() };
}

/** What cannot stand in a header is told of here, where the words are ours: elsewhere the error would show the token. */
function spelled(token: unknown): string {
  if (typeof token === 'string' && /^[\x21-\x7e]+$/.test(token)) return token;
  throw new ClientError('UNAUTHENTICATED', 'what was given as a token is none', { notStarted: true });
}
