export { aliasOf } from './alias.ts';
export { ShardGroups } from './shard-groups.ts';
