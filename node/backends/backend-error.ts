import { VillageError } from '../../src/kernel/index.ts';

/** Why a hosted server cannot serve. */
export class BackendError extends VillageError<
  | 'BACKEND_HANDSHAKE' // it answered, but neither era's handshake succeeded
  | 'BACKEND_UNREACHABLE' // it could not be started or reached, or went away
  | 'BACKEND_ABSENT' // there is no such program
  | 'BACKEND_LISTING' // it would not list what it offers
  | 'BACKEND_UNSUPPORTED' // this platform cannot host it
> {}
