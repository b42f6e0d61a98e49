import { randomFillSync } from 'node:crypto';

const POOL = Buffer.alloc(8 * 256);
let used = POOL.length;

/** 16 hex digits, not all zero. */
export function newSpanId(): string {
  for (;;) {
    if (used === POOL.length) {
      randomFillSync(POOL);
      used = 0;
    }
    used += 8;
    const id = POOL.toString('hex', used - 8, used);
    if (id !== '0000000000000000') return id;
  }
}
