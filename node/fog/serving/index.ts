export { aliasOf } from './alias.ts';
export { addressedTo, keyOf } from './call-meta.ts';
export { type SlotRefusal, slotRefused } from './refusal.ts';
export { type GuestHosting, ShardGroups } from './shard-groups.ts';
