import { type FileHandle, mkdir, open, readdir, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { ENTRY_KEYS, HEAD_KEYS, type LogLines, NEWEST_HEAD, seqOfKey } from '../../src/audit/index.ts';
import type { Store, StoreRange } from '../storage/index.ts';
import type { LogBatch, LogStore } from './log-store.ts';
import { type KeyedLine, linesOf } from './segment-lines.ts';
import { firstOfSegment, segmentName } from './segment-names.ts';
import { SegmentWriter } from './segment-writer.ts';

/** What of a log lies in a database: the newest head, and where the log begins. */
export type BesideStore = Pick<Store, 'batch' | 'entries'>;

/** Bytes of a segment above which the next batch begins another. */
const SEGMENT_BYTES = 4 * 1024 * 1024;
/** Entries of so long a time share a segment, so that what is too old can be left out by the day. */
const SEGMENT_MS = 24 * 3_600_000;
const BRACE = 0x7b;

/**
 * A log in files of its own: entries and the signed heads among them are appended line by line, one write and one fsync a batch;
 * what else a log keeps lies in `beside`. A database would write every entry several times over while it compacts.
 */
export class EntryFiles implements LogStore {
  readonly #folder: string;
  readonly #beside: BesideStore;
  readonly #limits: { readonly segmentBytes: number; readonly segmentMs: number };
  /** First entries of the segments, rising. */
  #segments: number[];
  #writer: SegmentWriter | undefined;
  /** What is on its way has no lines. */
  #isHeadAlone = false;
  /** Bytes of the closed segments. */
  #closedBytes = 0;

  private constructor(
    folder: string,
    {
      beside,
      segments,
      limits,
    }: { beside: BesideStore; segments: number[]; limits: { segmentBytes?: number; segmentMs?: number } },
  ) {
    this.#folder = folder;
    this.#beside = beside;
    this.#segments = segments;
    this.#limits = { segmentBytes: SEGMENT_BYTES, segmentMs: SEGMENT_MS, ...limits };
  }

  /** Reads what is there and changes nothing; the first batch makes the folder (mode 700) where it is missing. */
  static async open(
    folder: string,
    options: { readonly beside: BesideStore; readonly segmentBytes?: number; readonly segmentMs?: number },
  ): Promise<EntryFiles> {
    const { beside, ...limits } = options;
    const names = await readdir(folder).catch(absent);
    const segments = (names ?? []).map(firstOfSegment).filter((first) => first !== undefined);
    return new EntryFiles(folder, { beside, limits, segments: segments.sort((one, other) => one - other) });
  }

  /** First entry of the first segment; undefined while there is none. */
  get first(): number | undefined {
    return this.#segments[0];
  }

  /** Bytes of the segments, as far as they were written or opened here. */
  get bytes(): number {
    return this.#closedBytes + (this.#writer?.size ?? 0);
  }

  /** Takes the log for writing: a batch that a crash tore is cut off where it stops being whole. Answers the bytes cut. */
  async recover(): Promise<number> {
    const last = this.#segments.at(-1);
    if (last === undefined || this.#writer !== undefined) return 0;
    for (const first of this.#segments.slice(0, -1)) this.#closedBytes += await this.#sizeOf(first);
    const { writer, cutBytes } = await SegmentWriter.reopen(this.#path(last), last);
    this.#writer = writer;
    return cutBytes;
  }

  async append({ lines, newestHead }: LogBatch): Promise<void> {
    const beside = newestHead && [{ type: 'put', key: NEWEST_HEAD, value: newestHead } as const];
    if (lines !== undefined) {
      const writer = await this.#writerFor(lines);
      await writer.write(lines);
      // Never before the entries it speaks of; and what fails here is written once more, in the same place.
      if (beside !== undefined) await this.#beside.batch(beside, {});
      writer.advance();
    } else if (beside !== undefined) {
      this.#isHeadAlone = true;
      try {
        await this.#beside.batch(beside, { sync: true });
      } finally {
        this.#isHeadAlone = false;
      }
    }
  }

  async handOver({ bytes }: LogLines): Promise<void> {
    const writer = this.#writer;
    const at = writer?.next ?? (this.#isHeadAlone ? writer?.size : undefined);
    // What may come to another segment would be there twice.
    if (writer === undefined || at === undefined || !this.#hasRoom(writer, at, bytes)) return;
    await writer.handOver(Buffer.from(bytes), at);
  }

  entries(range: StoreRange = {}): AsyncIterable<KeyedLine> {
    const prefix = (range.gte ?? range.gt ?? '').slice(0, 2);
    return prefix === ENTRY_KEYS.gte || prefix === HEAD_KEYS.gte
      ? this.#lines(prefix, range)
      : this.#beside.entries(range);
  }

  /** Removes the segments that hold nothing but entries before `seq`; the last one stays. Answers the first entry left. */
  async dropBefore(seq: number): Promise<number | undefined> {
    while ((this.#segments[1] ?? Number.POSITIVE_INFINITY) <= seq) {
      const [first] = this.#segments.splice(0, 1) as [number];
      this.#closedBytes -= await this.#sizeOf(first);
      await unlink(this.#path(first));
    }
    return this.first;
  }

  /** The first entry of the segment after that in which `seq` lies, where there is one. */
  segmentAfter(seq: number): number | undefined {
    return this.#segments.find((first) => first > seq);
  }

  async close(): Promise<void> {
    const writer = this.#writer;
    this.#writer = undefined;
    await writer?.close();
  }

  #path(first: number): string {
    return join(this.#folder, segmentName(first));
  }

  async #sizeOf(first: number): Promise<number> {
    const file = await open(this.#path(first));
    try {
      return (await file.stat()).size;
    } finally {
      await file.close();
    }
  }

  /** The segment that `lines` go to. */
  async #writerFor({ first, bytes }: LogLines): Promise<SegmentWriter> {
    await this.recover();
    const current = this.#writer;
    if (current !== undefined && this.#hasRoom(current, current.size, bytes)) return current;
    if (bytes[0] !== BRACE) {
      if (current !== undefined) return current;
      throw new Error('a log does not begin with a signed head');
    }
    await mkdir(this.#folder, { recursive: true, mode: 0o700 });
    const next = await SegmentWriter.create(this.#path(first), { folder: this.#folder, first });
    this.#closedBytes += current?.size ?? 0;
    await current?.close();
    this.#writer = next;
    this.#segments.push(first);
    return next;
  }

  /** Whether lines that are to stand at `size` belong to the segment still. */
  #hasRoom({ firstAtMs }: SegmentWriter, size: number, lines: Uint8Array): boolean {
    const { segmentBytes, segmentMs } = this.#limits;
    const atMs = SegmentWriter.timeOf(lines) ?? 0;
    return size < segmentBytes && atMs - (firstAtMs ?? atMs) < segmentMs;
  }

  async *#lines(prefix: string, range: StoreRange): AsyncGenerator<KeyedLine, void, undefined> {
    const { limit = Number.POSITIVE_INFINITY, reverse = false } = range;
    let given = 0;
    for (const first of this.#within(range, reverse)) {
      const lines = this.#segment(first, prefix, range);
      for await (const line of reverse ? await backwards(lines) : lines) {
        if (given >= limit) return;
        given += 1;
        yield line;
      }
    }
  }

  async *#segment(first: number, prefix: string, range: StoreRange): AsyncGenerator<KeyedLine, void, undefined> {
    const file = await open(this.#path(first)).catch(absent);
    if (file === undefined) return; // left out for its age since the reading began
    try {
      const { from, to } = await this.#span(first, file, range);
      for await (const line of linesOf(file, { from, to, first })) {
        if (line[0].startsWith(prefix) && isWithin(line[0], range)) yield line;
      }
    } finally {
      await file.close();
    }
  }

  /** The bytes to look at: what is not yet on disk is not there. */
  async #span(first: number, file: FileHandle, { gte, gt }: StoreRange): Promise<{ from: number; to: number }> {
    if (this.#writer?.first !== first) return { from: 0, to: (await file.stat()).size };
    return { from: this.#writer.offsetOf(seqOfKey(gte ?? gt ?? '') ?? 0), to: this.#writer.size };
  }

  /** Segments that may hold keys of the range. One more on either side: an entry that was moved may lie in its neighbour's. */
  #within({ gte, gt, lt, lte }: StoreRange, reverse: boolean): number[] {
    const from = seqOfKey(gte ?? gt ?? '') ?? 0;
    const to = seqOfKey(lt ?? lte ?? '') ?? Number.POSITIVE_INFINITY;
    const next = this.#segments.findIndex((first) => first > from);
    const start = from === 0 ? 0 : Math.max(0, (next === -1 ? this.#segments.length : next) - 1);
    const wanted = this.#segments.slice(start).filter((first) => first <= to);
    return reverse ? wanted.reverse() : wanted;
  }
}

async function backwards(lines: AsyncIterable<KeyedLine>): Promise<KeyedLine[]> {
  const all: KeyedLine[] = [];
  for await (const line of lines) all.push(line);
  return all.reverse();
}

function isWithin(key: string, { gt, gte, lt, lte }: StoreRange): boolean {
  return (
    (gt === undefined || key > gt) &&
    (gte === undefined || key >= gte) &&
    (lt === undefined || key < lt) &&
    (lte === undefined || key <= lte)
  );
}

function absent(error: unknown): undefined {
  if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
  throw error;
}
