export { boottimeMs } from './boottime.ts';
export type {
  EndReason,
  Enforcement,
  EnforcementTier,
  Logs,
  ModulePermissions,
  Program,
  Runner,
  RunningShard,
  ShardServer,
  ShardStart,
  StopCause,
  Usage,
} from './port.ts';
