import { VillageError } from '../../src/kernel/index.ts';

/**
 * DATA_IN_USE: another process holds the data folder. DATA_UNUSABLE: it cannot be read or written.
 * STORE_FAILED: the disk refused a read or a write. STORE_STUCK: it has not answered for long; nothing of a write is there, nor will be.
 */
export class StorageError extends VillageError<'DATA_IN_USE' | 'DATA_UNUSABLE' | 'STORE_FAILED' | 'STORE_STUCK'> {}
