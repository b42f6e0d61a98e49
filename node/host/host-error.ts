import { VillageError } from '../../src/kernel/index.ts';

/**
 * ADDRESS_IN_USE, ADDRESS_INVALID: a listen or dial address. NODE_UNREACHABLE: no connection, or it broke.
 * NOT_ADMITTED: a connection, but hello proved no membership in time. NOT_RUNNING: before start or after stop.
 * OTHER_REVISION: the node speaks the protocol, and another revision of it than this one. MESSAGE_TOO_LARGE: more than gossip carries.
 */
export class HostError extends VillageError<
  | 'ADDRESS_IN_USE'
  | 'ADDRESS_INVALID'
  | 'NODE_UNREACHABLE'
  | 'NOT_ADMITTED'
  | 'OTHER_REVISION'
  | 'NOT_RUNNING'
  | 'MESSAGE_TOO_LARGE'
> {}
