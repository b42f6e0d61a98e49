import { VillageError } from '../../src/kernel/index.ts';

/** JOURNAL_DAMAGED: what this node promised cannot be read back, so it takes no part in fog. */
export class FogError extends VillageError<'JOURNAL_DAMAGED'> {}
