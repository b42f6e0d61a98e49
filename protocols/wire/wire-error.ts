import { VillageError } from '../../src/kernel/index.ts';

/**
 * What went wrong between two peers on one stream.
 * WIRE_MALFORMED: not what the protocol says. WIRE_TOO_LARGE: longer than it allows, refused from the length alone.
 * WIRE_TIMEOUT: the deadline passed. WIRE_CLOSED: the peer, or the connection, went away.
 */
export class WireError extends VillageError<'WIRE_MALFORMED' | 'WIRE_TOO_LARGE' | 'WIRE_TIMEOUT' | 'WIRE_CLOSED'> {}
