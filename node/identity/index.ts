export { AgentKeystore, type KeyMove } from './agent-keystore.ts';
export { type TokenClaims } from './claims.ts';
export { DelegationDesk, type DelegationDeskOptions, type DelegationOutcome } from './delegations.ts';
export { GrantShelf } from './grants.ts';
export { IdentityError } from './identity-error.ts';
export { readPrivateFile, writePrivateFile } from './key-files.ts';
export { type NodeKeys, openNodeKeys } from './node-keys.ts';
export { type OAuthAnswer, TokenEndpoint, type TokenEndpointOptions } from './oauth.ts';
export { type OwnAgent, OwnAgents } from './own-agents.ts';
export { type RevocationEntry, Revocations } from './revocations.ts';
export { type RevokeOptions, revokeOwnAgent, revokeToken, revokeVillageAgent } from './revoke.ts';
export { type PrivateJwk, SigningKey } from './signing-key.ts';
export type { Speaker, SpeakerRefusal } from './speakers.ts';
export {
  type MintedToken,
  type MintRefusal,
  type MintRequest,
  TokenDesk,
  type TokenDeskOptions,
  type TokenVerdict,
} from './tokens.ts';
