import { sha256Hex } from '../../src/kernel/index.ts';
import type { Principal } from '../../src/permissions/index.ts';

const MAX_ENTRIES = 10_000;

interface Entry {
  readonly principal: Principal;
  readonly policyRoot: string;
}

/** Where whoever holds a token, and that one only, keeps its SHA-256 for the next time. */
export interface KnownDigest {
  tokenSha256: string | undefined;
}

/** Tokens that were verified, by their SHA-256: the hot path of every call. Holds no token. */
export class VerifiedTokens {
  readonly #entries = new Map<string, Entry>();

  get(
    token: string,
    options: { readonly nowMs: number; readonly policyRoot: string; readonly known?: KnownDigest | undefined },
  ): Principal | undefined {
    const { known } = options;
    const id = known?.tokenSha256 ?? sha256Hex(token);
    if (known !== undefined) known.tokenSha256 = id;
    const entry = this.#entries.get(id);
    if (entry === undefined) return undefined;
    if (entry.principal.expiresAtMs > options.nowMs && entry.policyRoot === options.policyRoot) return entry.principal;
    this.#entries.delete(id);
    return undefined;
  }

  add(token: string, entry: Entry): void {
    if (this.#entries.size >= MAX_ENTRIES) this.#entries.delete(this.#entries.keys().next().value as string);
    this.#entries.set(sha256Hex(token), entry);
  }

  clear(): void {
    this.#entries.clear();
  }
}
