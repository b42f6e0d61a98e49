import type { Level } from './levels.ts';

/**
 * Who a call is made for, after authentication. Made once per token (gateway) or once per delegation (serving node) and then
 * shared by every call under it, so it holds nothing that changes from call to call.
 */
export interface Principal {
  /** `sage` (an agent of the constitution) or `local@Q3xK9a2Z` (a node's own agent). */
  readonly agentId: string;
  readonly role: string;
  /** Effective: the lowest of the token's, the table's or the credential's cap, and policy's. */
  readonly level: Level;
  /** Patterns that narrow what the level allows (see `includes`); undefined: not narrowed. */
  readonly permissions: readonly string[] | undefined;
  /** SHA-256 of the token's jti, hex: what may be named to other nodes and in audits. */
  readonly tokenId: string;
  readonly issuedAtMs: number;
  readonly expiresAtMs: number;
  /** The node that vouches: our own PeerId for a token, the caller's for a delegation. */
  readonly homeNode: string;
}
