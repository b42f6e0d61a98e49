import { z } from 'zod';
import type { Store } from '../storage/index.ts';
import type { DirectoryState, DirectoryStore } from './ports.ts';

const KEY = 'own-descriptor';
const State = z.strictObject({
  seq: z.int().nonnegative(),
  firstSeen: z.record(z.string(), z.int().nonnegative()),
});

/** Keeps the state of discovery in `store`, synced before anyone relies on it. */
export function storedState(store: Store): DirectoryStore {
  return {
    async load(): Promise<DirectoryState | undefined> {
      const bytes = await store.get(KEY);
      return bytes === undefined ? undefined : State.parse(JSON.parse(Buffer.from(bytes).toString('utf8')));
    },
    save: (state) => store.put(KEY, Buffer.from(JSON.stringify(state)), { sync: true }),
  };
}
