import { VillageError } from '../../src/kernel/index.ts';

/**
 * KEY_EXPOSED: others may read a key file. KEY_MALFORMED: it holds no Ed25519 key. KEY_UNREADABLE: the disk refused it.
 * KEY_MISSING: it is not there. KEY_EXISTS: it is there already. KEY_UNKNOWN: no agent of the village has this key.
 * AGENT_NAME: not a name. AGENT_EXISTS: taken. LEVEL_TOO_HIGH: above what this node's membership lets it give.
 * AGENTS_MALFORMED: the file of this node's agents cannot be understood.
 */
export class IdentityError extends VillageError<
  | 'KEY_EXPOSED'
  | 'KEY_MALFORMED'
  | 'KEY_UNREADABLE'
  | 'KEY_MISSING'
  | 'KEY_EXISTS'
  | 'KEY_UNKNOWN'
  | 'AGENT_NAME'
  | 'AGENT_EXISTS'
  | 'LEVEL_TOO_HIGH'
  | 'AGENTS_MALFORMED'
> {}
