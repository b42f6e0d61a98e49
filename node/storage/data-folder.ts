import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { makeFolder } from '../files/index.ts';
import { LevelDatabase } from './level-store.ts';
import { StorageError } from './storage-error.ts';

/** A data folder that this process holds until `close`. */
export interface DataFolder {
  readonly path: string;
  readonly database: LevelDatabase;
  close(): Promise<void>;
}

/**
 * Makes the folder where it is missing (mode 700), takes it for this process and opens its store.
 * Errors: DATA_IN_USE (naming the process where run.json tells), DATA_UNUSABLE.
 */
export async function openDataFolder(path: string): Promise<DataFolder> {
  const store = join(path, 'store');
  try {
    makeFolder(store);
  } catch (error) {
    throw new StorageError('DATA_UNUSABLE', `cannot make the data folder ${path}`, { cause: error });
  }
  const database = await openStore(path, store);
  return { path, database, close: () => database.close() };
}

async function openStore(path: string, store: string): Promise<LevelDatabase> {
  try {
    return await LevelDatabase.open(store);
  } catch (error) {
    if (!(error instanceof StorageError) || error.code !== 'DATA_IN_USE') throw error;
    const pid = await holderOf(path);
    throw new StorageError(
      'DATA_IN_USE',
      `${pid === undefined ? 'another process' : `another process (pid ${pid})`} is using the data folder ${path}`,
      { cause: error, hint: 'stop that node first, or name another folder with --data' },
    );
  }
}

async function holderOf(path: string): Promise<number | undefined> {
  try {
    const run: unknown = JSON.parse(await readFile(join(path, 'run.json'), 'utf8'));
    const pid = typeof run === 'object' && run !== null && 'pid' in run ? run.pid : undefined;
    return typeof pid === 'number' && Number.isSafeInteger(pid) ? pid : undefined;
  } catch {
    return undefined; // starting, or stopping: it has not written the file yet
  }
}
