export { type DataFolder, openDataFolder } from './data-folder.ts';
export { LevelDatabase, LevelStore } from './level-store.ts';
export { MemoryDatabase, MemoryStore } from './memory-store.ts';
export { StorageError } from './storage-error.ts';
export type { Database, Store, StoreChange, StoreRange, WriteOptions } from './store.ts';
