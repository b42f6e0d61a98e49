export { AgentKeystore, type KeyMove } from './agent-keystore.ts';
export { IdentityError } from './identity-error.ts';
export { deletePrivateFile, makePrivateFolder, readPrivateFile, writePrivateFile } from './key-files.ts';
export { type NodeKeys, openNodeKeys } from './node-keys.ts';
export { type OwnAgent, OwnAgents } from './own-agents.ts';
export { type PrivateJwk, SigningKey } from './signing-key.ts';
