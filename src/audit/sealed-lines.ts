import { sha256Hex } from '../kernel/index.ts';
import { bounded } from './bounded.ts';
import type { AuditEntry, AuditRecord } from './entry.ts';
import { headKey } from './keys.ts';
import { encodeEntry } from './line.ts';
import type { Receipt } from './receipt.ts';

/** Lines that belong together, as a log's file holds them. */
export interface LogLines {
  /** Number of the first record. */
  readonly first: number;
  /** Records and signed heads, each ended by a line feed, and a blank line. */
  readonly bytes: Uint8Array;
}

const HASH_DIGITS = 64;
const SEAL = ',"hash":"';
/** What follows the hash in a record: `"}` and a line feed. */
const LINE_FEED = 10;
const RECORD_END = Buffer.from('"}\n');
const START_BYTES = 64 * 1024;
/** A buffer that a hanging disk made larger is not kept. */
const KEPT_BYTES = 1024 * 1024;

/**
 * The end of a chain: seals entry after entry into one stretch of bytes. Every audited call pays for this, so nothing is allocated
 * for an entry but its line and its hash: the hash before is laid where the bytes before the line stand, which are put back after.
 */
export class SealedLines {
  #hash: string;
  /** Number of the record to come. */
  #next: number;
  #first: number;
  #buffer: Buffer<ArrayBufferLike> = Buffer.allocUnsafeSlow(START_BYTES);
  #end = HASH_DIGITS;
  /** What stands in the 64 bytes before `#end` where that is no record. */
  #before: string | undefined = '';
  #spare: Buffer<ArrayBufferLike> | undefined;

  /** Goes on after entry `seq`, whose hash is `hash`. */
  constructor({ seq, hash }: Receipt) {
    this.#hash = hash;
    this.#next = seq + 1;
    this.#first = this.#next;
  }

  /** The last entry sealed. */
  get last(): Receipt {
    return { seq: this.#next - 1, hash: this.#hash };
  }

  /** Seals the entry that `record` becomes; answers its number. */
  add(record: AuditRecord, { atMs }: Pick<AuditEntry, 'atMs'>): number {
    const seq = this.#next;
    const line = encodeEntry(bounded(record, { seq, atMs }));
    const at = this.#roomFor(3 * line.length);
    const buffer = this.#buffer;
    buffer.write(this.#hash, at - HASH_DIGITS, 'latin1');
    const end = at + buffer.write(line, at);
    const hash = sha256Hex(buffer.subarray(at - HASH_DIGITS, end));
    if (this.#before === undefined) endRecord(buffer, this.#hash, at);
    else buffer.write(this.#before, at - this.#before.length, 'latin1');
    // Over the line's closing brace, which comes again behind the hash.
    buffer.write(SEAL, end - 1, 'latin1');
    this.#end = end - 1 + SEAL.length + HASH_DIGITS + RECORD_END.length;
    endRecord(buffer, hash, this.#end);
    this.#hash = hash;
    this.#before = undefined;
    this.#next = seq + 1;
    return seq;
  }

  /** Puts the signed head of the last entry behind it. */
  addHead(jws: string): void {
    const line = `${headKey(this.#next - 1)} ${jws}\n`;
    const at = this.#roomFor(line.length);
    this.#end = at + this.#buffer.write(line, at, 'latin1');
    this.#before = this.#buffer.toString('latin1', this.#end - HASH_DIGITS, this.#end);
  }

  /**
   * Shows what `take` would hand out, as yet without the blank line; undefined: nothing. More will be laid behind these bytes, and those
   * at their end are lent to the next entry for a moment: what is to be kept must be copied.
   */
  peek(): LogLines | undefined {
    if (this.#end === HASH_DIGITS) return undefined;
    return { first: this.#first, bytes: this.#buffer.subarray(HASH_DIGITS, this.#end) };
  }

  /** Hands out what was added since the last time; undefined: nothing. `give` it back when it is no longer needed. */
  take(): LogLines | undefined {
    if (this.#end === HASH_DIGITS) return undefined;
    this.#buffer[this.#end] = LINE_FEED;
    const lines = { first: this.#first, bytes: this.#buffer.subarray(HASH_DIGITS, this.#end + 1) };
    this.#buffer = this.#spare ?? Buffer.allocUnsafeSlow(START_BYTES);
    this.#spare = undefined;
    this.#end = HASH_DIGITS;
    this.#before = '';
    this.#first = this.#next;
    return lines;
  }

  give({ bytes: { buffer } }: LogLines): void {
    if (buffer.byteLength <= KEPT_BYTES) this.#spare = Buffer.from(buffer);
  }

  /** Where the next line goes, with room for `bytes` of it and for what a record has behind its line. */
  #roomFor(bytes: number): number {
    const wanted = this.#end + bytes + SEAL.length + HASH_DIGITS + RECORD_END.length + 1;
    if (wanted > this.#buffer.length) {
      const larger = Buffer.allocUnsafeSlow(Math.max(wanted, 2 * this.#buffer.length));
      this.#buffer.copy(larger, 0, 0, this.#end);
      this.#buffer = larger;
    }
    return this.#end;
  }
}

/** Writes a record's last bytes, so that they end before `end`. */
function endRecord(buffer: Buffer, hash: string, end: number): void {
  const stop = end - RECORD_END.length;
  buffer.write(hash, stop - HASH_DIGITS, 'latin1');
  buffer[stop] = RECORD_END[0] as number;
  buffer[stop + 1] = RECORD_END[1] as number;
  buffer[stop + 2] = RECORD_END[2] as number;
}
