import type { Store } from '../storage/index.ts';
import { text, utf8 } from '../../src/kernel/index.ts';

/** The number of this start: one more than the last, on disk before it is used. */
export async function nextBootSequence(store: Store): Promise<number> {
  const stored = await store.get('boot_seq');
  const last = stored === undefined ? 0 : Number(text(stored));
  const next = Number.isSafeInteger(last) ? last + 1 : 1;
  await store.put('boot_seq', utf8(String(next)), { sync: true });
  return next;
}
