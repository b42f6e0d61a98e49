import type { FileHandle } from 'node:fs/promises';
import { ENTRY_KEYS, entryKey, headKey, seqOfKey } from '../../src/audit/index.ts';

/** A line of a segment under the key that its content has in the log. */
export type KeyedLine = readonly [key: string, value: Uint8Array];

const CHUNK_BYTES = 256 * 1024;
const LINE_FEED = 10;
const BRACE = 0x7b;
const DIGIT_0 = 0x30;
const NO_FILE = Buffer.from('no file');

/**
 * The lines of `file` from byte `from` to byte `to`, in order, blank ones left out. A record's key is the number it gives itself:
 * one taken out is then missing and not merely followed by strangers. What gives itself none counts on from the one before.
 */
export async function* linesOf(
  file: FileHandle,
  { from, to, first }: { readonly from: number; readonly to: number; readonly first: number },
): AsyncGenerator<KeyedLine, void, undefined> {
  // Something else in the place of a file is one line that is no entry: whoever verifies names it.
  if (!(await file.stat()).isFile()) {
    yield [entryKey(first), NO_FILE];
    return;
  }
  let rest = Buffer.alloc(0);
  let before = first - 1;
  for (let at = from; at < to; ) {
    const chunk = Buffer.allocUnsafe(Math.min(CHUNK_BYTES, to - at));
    const { bytesRead } = await file.read(chunk, 0, chunk.length, at);
    if (bytesRead === 0) break;
    at += bytesRead;
    const bytes =
      rest.length === 0 ? chunk.subarray(0, bytesRead) : Buffer.concat([rest, chunk.subarray(0, bytesRead)]);
    let start = 0;
    for (let end = bytes.indexOf(LINE_FEED); end !== -1; end = bytes.indexOf(LINE_FEED, start)) {
      if (end > start) {
        const line = keyed(bytes.subarray(start, end), before);
        before = seqOf(line) ?? before;
        yield line;
      }
      start = end + 1;
    }
    rest = bytes.subarray(start);
  }
  if (rest.length > 0) yield keyed(rest, before); // torn off in the midst, or without its end
}

function seqOf([key]: KeyedLine): number | undefined {
  return key.startsWith(ENTRY_KEYS.gte) ? seqOfKey(key) : undefined;
}

const HEAD_LINE = /^h\/(\d{16}) /;

function keyed(line: Buffer, before: number): KeyedLine {
  if (line[0] !== BRACE) {
    const head = HEAD_LINE.exec(line.toString('latin1', 0, 32));
    if (head !== null) return [headKey(Number(head[1])), line.subarray(head[0].length)];
  }
  return [entryKey(claimedSeq(line) ?? before + 1), line];
}

/** `{"seq":123,…`: read by hand, since this runs for every line of a log. */
function claimedSeq(line: Buffer): number | undefined {
  if (line.length < 9 || line.toString('latin1', 0, 7) !== '{"seq":') return undefined;
  let seq = 0;
  for (let at = 7; at < Math.min(line.length, 24); at += 1) {
    const digit = (line[at] as number) - DIGIT_0;
    if (digit < 0 || digit > 9) return at > 7 && Number.isSafeInteger(seq) ? seq : undefined;
    seq = seq * 10 + digit;
  }
  return undefined;
}
