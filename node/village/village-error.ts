import { VillageError } from '../../src/kernel/index.ts';

/**
 * ALREADY_IN_VILLAGE: the folder belongs to another one. VILLAGE_DAMAGED: its files cannot be believed.
 * INVITE_MALFORMED: not an invite. INVITE_INVALID: one that is over. INVITE_REFUSED: the inviter said no.
 * INVITER_UNREACHABLE: it did not answer. MAY_NOT_INVITE: this node's membership does not let it.
 */
export class VillageStateError extends VillageError<
  | 'ALREADY_IN_VILLAGE'
  | 'VILLAGE_DAMAGED'
  | 'INVITE_MALFORMED'
  | 'INVITE_INVALID'
  | 'INVITE_REFUSED'
  | 'INVITER_UNREACHABLE'
  | 'MAY_NOT_INVITE'
> {}
