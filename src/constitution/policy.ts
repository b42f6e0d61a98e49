import type { Level, Permission } from '../permissions/index.ts';
import type { PolicyValue } from './constitution.ts';

/** What is in force now: the constitution's defaults with the decisions laid over them. Immutable: a decision makes a new one. */
export interface PolicyView {
  /** 0 at genesis, one more with every decision: part of every cache key. */
  readonly version: number;
  value(key: string): PolicyValue | undefined;
  /** The matrix entry of a built-in tool; undefined: not listed, which denies. */
  permissionFor(tool: string): Permission | undefined;
  /** The level that policy gives an agent (`sage`, or `local@Q3xK9a2Z` where a decision names it); undefined: none said. */
  levelOf(agentId: string): Level | undefined;
  isEvicted(nodeId: string): boolean;
  /** `tokenId`: SHA-256 of a token's jti, hex. */
  isRevoked(tokenId: string): boolean;
}
