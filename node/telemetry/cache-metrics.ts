import { counter, type Family, gauge } from './openmetrics.ts';

/** What became of calls whose results may be given out again. */
export interface CacheFigures {
  /** Answered with a result of before. */
  readonly hits: number;
  /** Answered with that of an equal call that was on its way. */
  readonly coalesced: number;
  /** Asked of a server. */
  readonly misses: number;
  /** Kept now. */
  readonly entries: number;
  readonly bytes: number;
}

export function cacheFamilies(figures: () => CacheFigures): Family[] {
  return [
    counter({ name: 'village_cache_lookups', help: 'Calls whose result may be reused, by where it came from.' }, () => {
      const { hits, coalesced, misses } = figures();
      return [
        [{ result: 'hit' }, hits],
        [{ result: 'coalesced' }, coalesced],
        [{ result: 'miss' }, misses],
      ];
    }),
    gauge({ name: 'village_cache_entries', help: 'Results kept to be reused.' }, () => figures().entries),
    gauge({ name: 'village_cache_bytes', unit: 'bytes', help: 'Size of the results kept.' }, () => figures().bytes),
  ];
}
