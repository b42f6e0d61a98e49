import { ENTRY_KEYS, entryKey } from '../../src/audit/index.ts';
import type { Store } from '../storage/index.ts';
import type { SeqRange } from './verify-audit.ts';

/** A place in the log as people name it: an entry's number, or an ISO 8601 instant. */
export interface Places {
  readonly from?: number | string | undefined;
  readonly to?: number | string | undefined;
}

/**
 * The range of entry numbers that `places` mean: an instant as `from` is the first entry made then or later, as `to` the last one
 * made then or before. The range has no holes, so that it can be verified, even where the clock was set back within it. Instants
 * are looked for `within` so many entries only, where that is given: the search reads each of them.
 */
export async function auditRange(
  store: Pick<Store, 'entries'>,
  places: Places,
  options: { readonly within?: SeqRange | undefined; readonly signal?: AbortSignal | undefined } = {},
): Promise<SeqRange> {
  const { from, to } = places;
  const fromMs = typeof from === 'string' ? Date.parse(from) : undefined;
  const toMs = typeof to === 'string' ? Date.parse(to) : undefined;
  const { within } = options;
  let first = typeof from === 'number' ? Math.max(1, from) : undefined;
  let last = typeof to === 'number' ? to : undefined;
  if (fromMs === undefined && toMs === undefined) return { from: first, to: last };
  const keys = {
    gte: within?.from === undefined ? ENTRY_KEYS.gte : entryKey(within.from),
    lt: within?.to === undefined ? ENTRY_KEYS.lt : entryKey(within.to + 1),
  };
  let seen = (within?.from ?? 1) - 1;
  for await (const [, value] of store.entries(keys)) {
    options.signal?.throwIfAborted();
    const place = placeOf(value);
    if (place === undefined) continue;
    seen = place.seq;
    if (fromMs !== undefined && first === undefined && place.atMs >= fromMs) first = place.seq;
    if (toMs !== undefined && place.atMs <= toMs) last = place.seq;
  }
  if (fromMs !== undefined) first ??= seen + 1;
  if (toMs !== undefined) last ??= 0;
  return { from: first, to: last };
}

const MAX_HEAD_BYTES = 64;

/** Number and time of a record, from its first bytes. */
function placeOf(record: Uint8Array): { readonly seq: number; readonly atMs: number } | undefined {
  const start = Buffer.from(record.buffer, record.byteOffset, Math.min(record.byteLength, MAX_HEAD_BYTES)).toString(
    'latin1',
  );
  const match = /^\{"seq":(\d{1,16}),"atMs":(\d{1,16}),/.exec(start);
  return match === null ? undefined : { seq: Number(match[1]), atMs: Number(match[2]) };
}
