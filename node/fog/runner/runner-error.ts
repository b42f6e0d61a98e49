import { VillageError } from '../../../src/kernel/index.ts';

/** Why a shard could not even be begun. Nothing of it runs then. */
export class RunnerError extends VillageError<
  | 'RUNNER_UNSUPPORTED' // this platform cannot run shards as processes
  | 'RUNNER_INVALID' // what was asked for is out of bounds
  | 'RUNNER_NO_PROGRAM' // there is no such program
  | 'RUNNER_TAMPERED' // its module is not what it was when it was fetched
  | 'RUNNER_FAILED' // guard, folder or journal could not be made
  | 'RUNNER_CLOSED' // the runner has been closed
> {}
