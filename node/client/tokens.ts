import type { AuthProvider } from '@modelcontextprotocol/client';

/** A token, or where to get one: asked before the one in use ends, and again when the node refuses it. */
export type TokenSource = string | (() => Promise<string>);

const RENEW_BEFORE_MS = 60_000;

/** Keeps a good token at hand. Two requests that need a new one share the asking. */
export function authOf(source: TokenSource, nowMs: () => number): AuthProvider {
  if (typeof source === 'string') return { token: async () => source };
  let token: string | undefined;
  let renewAtMs = 0;
  let asking: Promise<string> | undefined;
  const renew = async (): Promise<string> => {
    asking ??= source().finally(() => {
      asking = undefined;
    });
    token = await asking;
    renewAtMs = endOf(token) - RENEW_BEFORE_MS;
    return token;
  };
  return {
    token: () => (token === undefined || nowMs() >= renewAtMs ? renew() : Promise.resolve(token)),
    onUnauthorized: async () => {
      token = undefined; // revoked, or the node was given new keys
    },
  };
}

/** When a JWT says that it ends, ms since 1970; what is no JWT is kept until it is refused. */
function endOf(token: string): number {
  try {
    const payload: unknown = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString('utf8'));
    const exp = typeof payload === 'object' && payload !== null && 'exp' in payload ? payload.exp : undefined;
    return typeof exp === 'number' ? exp * 1000 : Number.POSITIVE_INFINITY;
  } catch {
    return Number.POSITIVE_INFINITY;
  }
}
