import { VillageError } from '../../src/kernel/index.ts';

/** Why a configuration was refused. The message names file, key and what is allowed; never a value, which may be secret. */
export class ConfigError extends VillageError<
  | 'CONFIG_NOT_FOUND'
  | 'CONFIG_UNREADABLE'
  | 'CONFIG_TOO_LARGE'
  | 'CONFIG_MALFORMED'
  | 'CONFIG_INVALID'
  | 'CONFIG_VARIABLE'
> {}
