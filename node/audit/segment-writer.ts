import { constants, fdatasync, write } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { HEAD_KEYS, linkHash, type LogLines, openRecord } from '../../src/audit/index.ts';
import { AuditError } from './audit-error.ts';

const LINE_FEED = 10;
/** A batch ends in a blank line: a file that does not ends in a batch that a crash tore. */
const BATCH_END = Buffer.from('\n\n');
/** How far apart the places in the file are that a reader can begin at. */
const MARK_BYTES = 64 * 1024;

interface Mark {
  readonly seq: number;
  readonly offset: number;
}

/** The end of a segment that is written to. One batch at a time: `write`, then `advance` once it stands. */
export class SegmentWriter {
  readonly first: number;
  readonly #file: FileHandle;
  readonly #marks: Mark[] = [];
  #size: number;
  #firstAtMs: number | undefined;
  /** Of the batch written and not yet taken as standing. */
  #written = { bytes: 0, seq: 0 };
  /** Bytes of the batch that is being written, or stands as yet beside what stands. */
  #coming = 0;

  private constructor(file: FileHandle, { first, size }: { readonly first: number; readonly size: number }) {
    this.#file = file;
    this.first = first;
    this.#size = size;
  }

  /** A new file that is still there after a crash of the machine. One left empty by an earlier try is taken over. */
  static async create(
    path: string,
    options: { readonly folder: string; readonly first: number },
  ): Promise<SegmentWriter> {
    const file = await open(path, constants.O_RDWR | constants.O_CREAT | constants.O_TRUNC, 0o600);
    const folder = await open(options.folder);
    try {
      await folder.sync();
    } finally {
      await folder.close();
    }
    return new SegmentWriter(file, { first: options.first, size: 0 });
  }

  static async reopen(path: string, first: number): Promise<{ writer: SegmentWriter; cutBytes: number }> {
    const file = await open(path, 'r+').catch(noFile(path));
    const bytes = await file.readFile();
    const size = wholeBytes(bytes);
    if (size < bytes.length) {
      await file.truncate(size);
      await file.sync();
    }
    const writer = new SegmentWriter(file, { first, size });
    writer.#firstAtMs = SegmentWriter.timeOf(bytes);
    return { writer, cutBytes: bytes.length - size };
  }

  /** When the record that `bytes` begin with was made, Unix milliseconds. */
  static timeOf(bytes: Uint8Array): number | undefined {
    const start = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(64, bytes.byteLength)).toString('latin1');
    const match = /^\{"seq":\d{1,16},"atMs":(\d{1,16}),/.exec(start);
    return match === null ? undefined : Number(match[1]);
  }

  /** Bytes that stand. */
  get size(): number {
    return this.#size;
  }

  /** Where the bytes after the batch that is on its way will stand; undefined: none is. */
  get next(): number | undefined {
    return this.#coming === 0 ? undefined : this.#size + this.#coming;
  }

  /** When its first entry was made; undefined while it has none. */
  get firstAtMs(): number | undefined {
    return this.#firstAtMs;
  }

  /** Where to begin reading for `seq`. */
  offsetOf(seq: number): number {
    return this.#marks.findLast((mark) => mark.seq <= seq)?.offset ?? 0;
  }

  /** Has `lines` on disk when it resolves, behind all that stands; a try that failed is written over. */
  async write({ first, bytes }: LogLines): Promise<void> {
    this.#firstAtMs ??= SegmentWriter.timeOf(bytes);
    this.#coming = bytes.length;
    await written(this.#file.fd, bytes, this.#size);
    this.#written = { bytes: bytes.length, seq: first };
  }

  advance(): void {
    const { bytes, seq } = this.#written;
    if (this.#size - (this.#marks.at(-1)?.offset ?? 0) >= MARK_BYTES) this.#marks.push({ seq, offset: this.#size });
    this.#size += bytes;
    this.#coming = 0;
    this.#written = { bytes: 0, seq: 0 };
  }

  /** Lays `bytes` where they will be written once more. */
  async handOver(bytes: Uint8Array, position: number): Promise<void> {
    await this.#file.write(bytes, 0, bytes.length, position);
  }

  async close(): Promise<void> {
    await this.#file.close();
  }
}

/** Errors: AUDIT_CORRUPT where a folder lies in the place of the file. */
function noFile(path: string): (error: unknown) => never {
  return (error) => {
    if (!(error instanceof Error && 'code' in error && error.code === 'EISDIR')) throw error;
    throw new AuditError('AUDIT_CORRUPT', `${path} is a folder, where a file of the audit log belongs`, {
      cause: error,
      hint: 'put the file back, or move the folder away: `village audit verify` then says what is missing',
    });
  };
}

/** How many bytes of a segment are whole batches, and whole records of a batch that was not finished. */
function wholeBytes(bytes: Buffer): number {
  if (bytes.length === 0 || bytes.subarray(-2).equals(BATCH_END)) return bytes.length;
  const ended = bytes.lastIndexOf(BATCH_END);
  let whole = ended === -1 ? 0 : ended + BATCH_END.length;
  let before = ended === -1 ? undefined : hashBefore(bytes, ended);
  for (let end = bytes.indexOf(LINE_FEED, whole); end !== -1; end = bytes.indexOf(LINE_FEED, whole)) {
    const line = bytes.subarray(whole, end);
    if (line[0] === HEAD_KEYS.gte.charCodeAt(0)) {
      whole = end + 1;
      continue;
    }
    const opened = openRecord(line);
    if (opened === undefined || (before !== undefined && linkHash(before, opened.line) !== opened.hash)) break;
    before = opened.hash;
    whole = end + 1;
  }
  return whole;
}

/** The hash of the last record before `end`; undefined when what stands there is none. */
function hashBefore(bytes: Buffer, end: number): string | undefined {
  for (let stop = end; stop > 0; ) {
    const start = bytes.lastIndexOf(LINE_FEED, stop - 1) + 1;
    if (stop > start && bytes[start] !== HEAD_KEYS.gte.charCodeAt(0))
      return openRecord(bytes.subarray(start, stop))?.hash;
    stop = start - 1;
  }
  return undefined;
}

/** Callbacks and not promises: this runs for every batch, and is a good part of what one costs. */
function written(fd: number, bytes: Uint8Array, position: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const more = (from: number): void => {
      write(fd, bytes, from, bytes.length - from, position + from, (error, count) => {
        if (error !== null) reject(error);
        else if (from + count < bytes.length) more(from + count);
        else fdatasync(fd, (failed) => (failed === null ? resolve() : reject(failed)));
      });
    };
    more(0);
  });
}
