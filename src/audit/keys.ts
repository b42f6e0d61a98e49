const DIGITS = 16;

/** Where entry `seq` is stored: sorts as the numbers do. */
export function entryKey(seq: number): string {
  return `e/${String(seq).padStart(DIGITS, '0')}`;
}

/** Where the signed head that covers entries up to `seq` is stored. */
export function headKey(seq: number): string {
  return `h/${String(seq).padStart(DIGITS, '0')}`;
}

/** The number in an entry's or head's key; undefined when the key is not of that form. */
export function seqOfKey(key: string): number | undefined {
  const match = /^[eh]\/(\d{16})$/.exec(key);
  const seq = match === null ? Number.NaN : Number(match[1]);
  return Number.isSafeInteger(seq) ? seq : undefined;
}

/** Half-open ranges of keys: all entries, all heads (`/` is followed by `0`). */
export const ENTRY_KEYS = { gte: 'e/', lt: 'e0' } as const;
export const HEAD_KEYS = { gte: 'h/', lt: 'h0' } as const;
/** Where the newest signed head is, whatever called for it; it replaces the one before. And all keys of its kind. */
export const NEWEST_HEAD = 'n/head';
export const NEWEST_HEADS = { gte: 'n/', lt: 'n0' } as const;

/** Where a newest head is kept that the log did not bear out when it was continued. */
export function contradictedHeadKey(seq: number): string {
  return `n/not-borne-out/${String(seq).padStart(DIGITS, '0')}`;
}

/** Where the signed checkpoint is, after which the log begins, and all keys of its kind. */
export const CHECKPOINT = 'c/checkpoint';
export const CHECKPOINTS = { gte: 'c/', lt: 'c0' } as const;
