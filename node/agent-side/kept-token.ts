import { isObject } from '../../src/mcp/index.ts';

const MARGIN_MS = 60_000;

/** Keeps one token good: asked for when there is none, when the one there is nears its end, or when it was refused. */
export class KeptToken {
  readonly #mint: () => Promise<string>;
  readonly #now: () => number;
  #token: string | undefined;
  #renewAtMs = 0;
  #minting: Promise<string> | undefined;

  constructor(mint: () => Promise<string>, now: () => number = Date.now) {
    this.#mint = mint;
    this.#now = now;
  }

  /** Rejects as `mint` does. */
  async current(): Promise<string> {
    if (this.#token !== undefined && this.#now() < this.#renewAtMs) return this.#token;
    return this.renewed();
  }

  /** A new token; callers that ask together get the same. */
  renewed(): Promise<string> {
    this.#minting ??= this.#renew().finally(() => {
      this.#minting = undefined;
    });
    return this.#minting;
  }

  /** It was refused: revoked, or the node was given new keys. */
  forget(): void {
    this.#token = undefined;
  }

  async #renew(): Promise<string> {
    const token = await this.#mint();
    const { fromMs = this.#now(), endMs } = lifetimeOf(token);
    // A minute before its end, but not on each request where it lives for less than two.
    this.#renewAtMs = endMs - Math.min(MARGIN_MS, (endMs - fromMs) / 2);
    this.#token = token;
    return token;
  }
}

/** When a JWT says that it begins and ends, ms since 1970, read and not verified: only the node's word on it counts. What is no JWT is kept until it is refused. */
function lifetimeOf(token: string): { readonly fromMs?: number; readonly endMs: number } {
  const { iat, exp } = payloadOf(token);
  if (typeof exp !== 'number') return { endMs: Number.MAX_SAFE_INTEGER };
  return { endMs: exp * 1000, ...(typeof iat === 'number' ? { fromMs: iat * 1000 } : {}) };
}

function payloadOf(token: string): { readonly iat?: unknown; readonly exp?: unknown } {
  try {
    const payload: unknown = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString('utf8'));
    return isObject(payload) ? payload : {};
  } catch {
    return {};
  }
}
