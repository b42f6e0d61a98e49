import { open, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { text, utf8 } from '../src/kernel/index.ts';
import type { Store } from './storage/index.ts';

const FILE = 'witness';
const KEY = 'witness';

export interface DiskWitness {
  /** The files were put back from a copy since they were last recorded. */
  readonly restored: boolean;
  /** Takes the folder as it is for the one to go on with: after everything that rests on `restored` is on disk. */
  record(): Promise<void>;
}

/**
 * Whether the files of a data folder were put back from a copy. A file's number and the time of its last change of state are the
 * kernel's own: whoever writes the file anew, from whatever backup, changes them, and the record of them in the store is then older
 * than the file. A disk that is turned back as a whole takes both along and is not noticed.
 */
export async function witnessDisk(dataDir: string, store: Pick<Store, 'get' | 'put'>): Promise<DiskWitness> {
  const path = join(dataDir, FILE);
  const recorded = await store.get(KEY);
  const same = recorded !== undefined && text(recorded) === (await marksOf(path));
  return {
    restored: recorded !== undefined && !same,
    record: async () => {
      if (same) return;
      const file = await open(path, 'w', 0o600);
      try {
        await file.writeFile('The record of this file shows whether the folder was put back from a copy. Leave it.\n');
        await file.sync();
      } finally {
        await file.close();
      }
      await store.put(KEY, utf8((await marksOf(path)) ?? ''), { sync: true });
    },
  };
}

async function marksOf(path: string): Promise<string | undefined> {
  try {
    const { ino, ctimeNs } = await stat(path, { bigint: true });
    return `${ino} ${ctimeNs}`;
  } catch {
    return undefined; // no such file: the record alone came back
  }
}
