import { ENTRY_KEYS, entryKey, seqOfKey } from '../../src/audit/index.ts';
import type { Store, StoreChange, StoreRange, WriteOptions } from '../storage/index.ts';

type Log = Pick<Store, 'batch' | 'entries'>;
type Put = Extract<StoreChange, { type: 'put' }>;
type Pair = readonly [key: string, value: Uint8Array];

/** Records of one segment, so that a reader that wants one need not read a whole batch. */
const MAX_RECORDS = 256;
const LINE_FEED = Buffer.from('\n');

/**
 * Lays entries that are written together side by side under the key of the first, a line feed between them, and hands them out one by
 * one under keys of their own: a put each is what most of an audited call's time on disk would go to. Records hold no line feed.
 */
export function segmented(store: Log): Log {
  return {
    batch: (changes, options) => store.batch(joined(changes), options satisfies WriteOptions | undefined),
    entries: (range = {}) => (isOfEntries(range) ? records(store, range) : store.entries(range)),
  };
}

/** Runs of entries with following numbers become one change each; everything else stays as it is. */
function joined(changes: readonly StoreChange[]): StoreChange[] {
  const out: StoreChange[] = [];
  let run: Put[] = [];
  let next = 0;
  const close = (): void => {
    const [first] = run;
    if (first !== undefined) out.push(run.length === 1 ? first : { ...first, value: lines(run) });
    run = [];
  };
  for (const change of changes) {
    const seq = change.type === 'put' && change.key.startsWith(ENTRY_KEYS.gte) ? seqOfKey(change.key) : undefined;
    if (change.type !== 'put' || seq === undefined) {
      out.push(change); // heads lie elsewhere: the batch is atomic, so their place in it says nothing
      continue;
    }
    if (seq !== next || run.length >= MAX_RECORDS) close();
    run.push(change);
    next = seq + 1;
  }
  close();
  return out;
}

function lines(run: readonly Put[]): Uint8Array {
  return Buffer.concat(run.flatMap(({ value }, index) => (index === 0 ? [value] : [LINE_FEED, value])));
}

function isOfEntries({ gte, gt }: StoreRange): boolean {
  return (gte ?? gt)?.startsWith(ENTRY_KEYS.gte) === true;
}

/** The records whose own keys lie in `range`, whichever segments they lie in. */
async function* records(store: Log, range: StoreRange): AsyncGenerator<Pair, void, undefined> {
  const { limit = Number.POSITIVE_INFINITY, reverse = false } = range;
  const bounds = { gte: (await segmentBefore(store, range)) ?? ENTRY_KEYS.gte, lt: range.lt, lte: range.lte, reverse };
  let given = 0;
  for await (const segment of store.entries(bounds)) {
    const inside = split(segment).filter(([key]) => isWithin(key, range));
    for (const pair of reverse ? inside.reverse() : inside) {
      if (given >= limit) return;
      given += 1;
      yield pair;
    }
  }
}

/** Key of the segment in which the range begins: it may have a lower number. */
async function segmentBefore(store: Log, { gte, gt }: StoreRange): Promise<string | undefined> {
  const from = gte ?? gt;
  if (from === undefined || from === ENTRY_KEYS.gte) return undefined;
  for await (const [key] of store.entries({ gte: ENTRY_KEYS.gte, lte: from, reverse: true, limit: 1 })) return key;
  return undefined;
}

function split([key, value]: Pair): Pair[] {
  const first = seqOfKey(key);
  const bytes = Buffer.from(value.buffer, value.byteOffset, value.byteLength);
  if (first === undefined || !bytes.includes(10)) return [[key, value]];
  const pairs: Pair[] = [];
  for (let start = 0; start <= bytes.length; ) {
    const end = bytes.indexOf(10, start);
    const stop = end === -1 ? bytes.length : end;
    pairs.push([entryKey(first + pairs.length), bytes.subarray(start, stop)]);
    start = stop + 1;
  }
  return pairs;
}

function isWithin(key: string, { gt, gte, lt, lte }: StoreRange): boolean {
  return (
    (gt === undefined || key > gt) &&
    (gte === undefined || key >= gte) &&
    (lt === undefined || key < lt) &&
    (lte === undefined || key <= lte)
  );
}
