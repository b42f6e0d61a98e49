const MARGIN_MS = 60_000;

/** Keeps one token good: asked for when there is none, when the one there is nears its end, or when it was refused. */
export class TokenSource {
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

  async #renew(): Promise<string> {
    const token = await this.#mint();
    const { iatMs, expMs } = lifetimeOf(token) ?? { iatMs: this.#now(), expMs: this.#now() + 2 * MARGIN_MS };
    this.#renewAtMs = expMs - Math.min(MARGIN_MS, (expMs - iatMs) / 2);
    this.#token = token;
    return token;
  }
}

/** When a JWT begins and ends, read and not verified: only the node's word on it counts. */
function lifetimeOf(token: string): { iatMs: number; expMs: number } | undefined {
  try {
    const { iat, exp } = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString());
    if (typeof exp !== 'number' || typeof iat !== 'number') return undefined;
    return { iatMs: iat * 1000, expMs: exp * 1000 };
  } catch {
    return undefined;
  }
}
