import type { AuthProvider } from '@modelcontextprotocol/client';
import { KeptToken } from '../agent-side/index.ts';

/** A token, or where to get one: asked before the one in use ends, and again when the node refuses it. */
export type TokenSource = string | (() => Promise<string>);

export function authOf(source: TokenSource): AuthProvider {
  if (typeof source === 'string') return { token: async () => source };
  const kept = new KeptToken(source);
  return { token: () => kept.current(), onUnauthorized: async () => kept.forget() };
}
