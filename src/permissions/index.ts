export { decide } from './decide.ts';
export { atLeast, isLevel, LEVELS, type Level, lowest, rankOf } from './levels.ts';
export type { ChangeType, Denial, Permission, Verdict } from './permission.ts';
export type { Principal } from './principal.ts';
export { includes, matches, reaches, type Scope, spelledScope } from './scope.ts';
