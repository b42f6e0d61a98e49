export { boottimeMs } from './boottime.ts';
export { ownEnvironment, ownProgram } from './own-program.ts';
export {
  type EndReason,
  type EnforcementFound,
  exitOf,
  type Logs,
  type ModuleFile,
  type Program,
  type Runner,
  type RunningShard,
  type ShardServer,
  type ShardStart,
  type StopCause,
  type Usage,
} from './port.ts';
export { ShardRunner, type ShardRunnerOptions } from './shard-runner.ts';
