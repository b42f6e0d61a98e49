import {
  DELEGATION_TYP,
  type Delegation,
  GRANT_TYP,
  type Grant,
  MAX_DELEGATION_S,
  parseAgentId,
} from '../../src/constitution/index.ts';
import type { Principal } from '../../src/permissions/index.ts';
import type { AgentKeystore } from './agent-keystore.ts';
import type { GrantShelf } from './grants.ts';
import type { NodeKeys } from './node-keys.ts';

const MAX_CACHED = 20_000;
/** A delegation is made anew when less than this of it is left, so that calls under way do not outlive it. */
const RENEW_BEFORE_MS = 20_000;

export type DelegationOutcome =
  | { readonly kind: 'delegated'; readonly jws: string; readonly expiresAtMs: number }
  | { readonly kind: 'refused'; readonly because: 'token-expired' | 'no-grant' };

type Made = Extract<DelegationOutcome, { kind: 'delegated' }>;

export interface DelegationDeskOptions {
  readonly keys: NodeKeys;
  readonly keystore: AgentKeystore;
  readonly grants: GrantShelf;
  readonly villageId: string;
}

/** Writes what this node tells other nodes about the agents it speaks for. */
export class DelegationDesk {
  readonly #options: DelegationDeskOptions;
  readonly #made = new Map<string, Made>();
  /** Calls mostly come in a row, of one principal to one node. */
  #latest: { readonly principal: Principal; readonly targetNode: string; readonly made: Made } | undefined;

  constructor(options: DelegationDeskOptions) {
    this.#options = options;
  }

  /**
   * The delegation of `principal` (authenticated here) for calls to `targetNode`: at most 60 s long, never longer than the
   * token. The same one is handed out until it is nearly over.
   */
  delegationFor(principal: Principal, targetNode: string, { nowMs }: { readonly nowMs: number }): DelegationOutcome {
    const latest = this.#latest;
    const isLatest = latest?.principal === principal && latest.targetNode === targetNode;
    if (isLatest && isFresh(latest.made.expiresAtMs, principal, nowMs)) return latest.made;
    const found = this.#find(principal, targetNode, { nowMs });
    this.#latest = found.kind === 'delegated' ? { principal, targetNode, made: found } : undefined;
    return found;
  }

  /** Call when a token or an agent was revoked. */
  forget(): void {
    this.#made.clear();
    this.#latest = undefined;
  }

  #find(principal: Principal, targetNode: string, { nowMs }: { readonly nowMs: number }): DelegationOutcome {
    const id = `${principal.tokenId} ${principal.level} ${targetNode}`;
    const known = this.#made.get(id);
    if (known !== undefined && isFresh(known.expiresAtMs, principal, nowMs)) return known;
    this.#made.delete(id);
    const made = this.#make(principal, targetNode, { nowMs });
    if (made.kind === 'delegated') {
      if (this.#made.size >= MAX_CACHED) this.#made.delete(this.#made.keys().next().value as string);
      this.#made.set(id, made);
    }
    return made;
  }

  #make(principal: Principal, targetNode: string, { nowMs }: { readonly nowMs: number }): DelegationOutcome {
    const { keys, villageId } = this.#options;
    const iat = Math.floor(nowMs / 1000);
    const exp = Math.min(iat + MAX_DELEGATION_S, Math.floor(principal.expiresAtMs / 1000));
    if (exp * 1000 <= nowMs) return { kind: 'refused', because: 'token-expired' };
    const grant = parseAgentId(principal.agentId)?.kind === 'village' ? this.#grant(principal, iat) : undefined;
    if (grant === 'none') return { kind: 'refused', because: 'no-grant' };
    const payload: Delegation = {
      village: villageId,
      agent: principal.agentId,
      role: principal.role,
      level: principal.level,
      permissions: principal.permissions === undefined ? undefined : [...principal.permissions],
      token: principal.tokenId,
      token_iat: Math.floor(principal.issuedAtMs / 1000),
      from: keys.nodeId,
      to: targetNode,
      iat,
      exp,
      grant,
    };
    return { kind: 'delegated', jws: keys.signAsIssuer(DELEGATION_TYP, payload), expiresAtMs: exp * 1000 };
  }

  /** The agent's own word: what it handed in with its assertion, or a new one by its key where that is here. */
  #grant(principal: Principal, iat: number): string | 'none' {
    const { keys, keystore, grants, villageId } = this.#options;
    const handedIn = grants.get(principal.tokenId, iat * 1000);
    if (handedIn !== undefined) return handedIn;
    const payload: Grant = {
      village: villageId,
      agent: principal.agentId,
      node: keys.nodeId,
      token: principal.tokenId,
      iat: Math.min(iat, Math.floor(principal.issuedAtMs / 1000)),
      exp: Math.floor(principal.expiresAtMs / 1000),
    };
    return keystore.signAs(principal.agentId, { typ: GRANT_TYP, payload }) ?? 'none';
  }
}

/** Fresh: enough of it is left, or all that the token allows. */
function isFresh(expiresAtMs: number, principal: Principal, nowMs: number): boolean {
  if (expiresAtMs <= nowMs || expiresAtMs > principal.expiresAtMs) return false;
  return expiresAtMs - nowMs > RENEW_BEFORE_MS || expiresAtMs >= Math.floor(principal.expiresAtMs / 1000) * 1000;
}
