import type { Principal } from '../../src/permissions/index.ts';
import type { Authority } from './owner-side.ts';

/** What is left of a token when another is made. */
const RENEW_BEFORE_MS = 30_000;
const MAX_REMEMBERED = 1_024;

export interface AuthoritiesParts {
  readonly nodeId: string;
  /** A principal of an agent whose key is here, with a token that nobody else ever sees; undefined: this node may not speak for it. */
  readonly mint: (agent: string) => Promise<Principal | undefined>;
  readonly delegationFor: (principal: Principal, node: string) => string | undefined;
  readonly certificate: (proposalId: string) => unknown;
  readonly isRevoked: (principal: Principal) => boolean;
  readonly wallMs: () => number;
}

/**
 * In whose name other nodes are asked to run something: the agent's that deployed it, long after its call ended. With its token for as
 * long as that lasts; after that only if this node may speak for it without one.
 */
export class Authorities {
  readonly #parts: AuthoritiesParts;
  readonly #known = new Map<string, Principal>();
  readonly #unspoken = new Set<string>();

  constructor(parts: AuthoritiesParts) {
    this.#parts = parts;
  }

  /** Agents whose token has ended and whose key is not here: asked for in vain, and not heard of since. */
  unspoken(): ReadonlySet<string> {
    return this.#unspoken;
  }

  remember(principal: Principal): void {
    this.#unspoken.delete(principal.agentId);
    this.#known.delete(principal.agentId);
    this.#known.set(principal.agentId, principal);
    if (this.#known.size > MAX_REMEMBERED) this.#known.delete(this.#known.keys().next().value as string);
  }

  /** The agent's principal at this moment; undefined: nobody deploys here in that name. */
  known(agent: string): Principal | undefined {
    const principal = this.#known.get(agent);
    return principal === undefined || this.#isOver(principal) ? undefined : principal;
  }

  /** Never rejects. Without a delegation the other node refuses, and says so. */
  async of({
    agent,
    node,
    proposalId,
  }: {
    agent: string;
    node: string;
    proposalId: string | undefined;
  }): Promise<Authority> {
    const { nodeId, delegationFor, certificate } = this.#parts;
    const principal = await this.#principal(agent);
    const receipt = proposalId === undefined ? undefined : certificate(proposalId);
    if (principal === undefined || node === nodeId) return { receipt };
    return { delegation: delegationFor(principal, node), receipt };
  }

  async #principal(agent: string): Promise<Principal | undefined> {
    const known = this.known(agent);
    if (known !== undefined && known.expiresAtMs - this.#parts.wallMs() > RENEW_BEFORE_MS) return known;
    const minted = await this.#parts.mint(agent).catch(() => undefined);
    if (minted !== undefined) this.remember(minted);
    const principal = minted ?? known;
    if (principal === undefined && this.#unspoken.size < MAX_REMEMBERED) this.#unspoken.add(agent);
    return principal;
  }

  #isOver(principal: Principal): boolean {
    return principal.expiresAtMs <= this.#parts.wallMs() || this.#parts.isRevoked(principal);
  }
}
