import { open, rm } from 'node:fs/promises';
import { join } from 'node:path';

const BATCH = Buffer.alloc(4096, 'x');

/** How long a disk takes at worst for one batch as an audit log writes them, tried in `folder` for `forMs`. */
export async function slowestFlushMs(folder: string, forMs: number): Promise<number> {
  const path = join(folder, `flushed-${process.pid}-${performance.now()}`);
  const file = await open(path, 'w');
  const endsAt = performance.now() + forMs;
  let slowest = 0;
  try {
    while (performance.now() < endsAt) {
      const begun = performance.now();
      await file.write(BATCH);
      await file.datasync();
      slowest = Math.max(slowest, performance.now() - begun);
    }
  } finally {
    await file.close();
    await rm(path, { force: true });
  }
  return slowest;
}
