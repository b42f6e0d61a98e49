export type { CreatedInvite, InviteRequest } from './inviter.ts';
export { type JoinOptions, Village, type VillageOptions } from './village.ts';
export { VillageStateError } from './village-error.ts';
