import { ENTRY_KEYS, HEAD_KEYS, headKey, seqOfKey } from '../../src/audit/index.ts';
import type { StoreChange } from '../storage/index.ts';
import type { BesideStore, EntryFiles } from './entry-files.ts';

const BATCH = 512;
const LINE_FEED = 10;
const END = Buffer.from('\n');

/**
 * Moves a log that lies in the database, as every log once did, into files: copied first, then taken out of the database, so that a
 * crash between leaves it to be moved once more. Entries that are in the files already are not copied again.
 */
export async function moveIntoFiles(database: BesideStore, files: EntryFiles): Promise<void> {
  let copied = 0;
  for await (const [key] of files.entries({ ...ENTRY_KEYS, reverse: true, limit: 1 })) copied = seqOfKey(key) ?? 0;
  const heads = new Map<number, Uint8Array>();
  for await (const [key, value] of database.entries(HEAD_KEYS)) heads.set(seqOfKey(key) ?? 0, value);
  const old: string[] = [...heads.keys()].map(headKey);
  let first = 0;
  let lines: Uint8Array[] = [];
  const write = async (): Promise<void> => {
    if (lines.length === 0) return;
    const bytes = Buffer.concat([...lines.flatMap((line) => [line, END]), END]);
    lines = [];
    await files.append({ lines: { first, bytes }, newestHead: undefined });
  };
  for await (const [key, value] of database.entries(ENTRY_KEYS)) {
    old.push(key);
    for (const { seq, record } of recordsOf(key, value)) {
      if (seq <= copied) continue;
      if (lines.length === 0) first = seq;
      lines.push(record);
      const head = heads.get(seq);
      if (head !== undefined) lines.push(Buffer.concat([Buffer.from(`${headKey(seq)} `), head]));
    }
    if (lines.length >= BATCH) await write();
  }
  await write();
  const gone: StoreChange[] = old.map((key) => ({ type: 'del', key }));
  if (gone.length > 0) await database.batch(gone, { sync: true });
}

/** Entries that were written together lay side by side under the key of the first. */
function* recordsOf(key: string, value: Uint8Array): Generator<{ seq: number; record: Uint8Array }> {
  let seq = seqOfKey(key);
  if (seq === undefined) return;
  const bytes = Buffer.from(value.buffer, value.byteOffset, value.byteLength);
  for (let start = 0; start <= bytes.length; seq += 1) {
    const end = bytes.indexOf(LINE_FEED, start);
    const stop = end === -1 ? bytes.length : end;
    yield { seq, record: bytes.subarray(start, stop) };
    start = stop + 1;
  }
}
