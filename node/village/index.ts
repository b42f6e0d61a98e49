export type { CreatedInvite, InviteRequest } from './inviter.ts';
export { type JoinOptions, Village, type VillageOptions } from './village.ts';
