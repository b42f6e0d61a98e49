import {
  type AuditHead,
  type AuditRecord,
  HEAD_EVERY,
  type LogLines,
  type Receipt,
  SealedLines,
} from '../../src/audit/index.ts';
import { utf8 } from '../../src/kernel/index.ts';
import type { LogBatch } from './log-store.ts';

export interface ChainEndParts {
  readonly villageId: string;
  readonly nodeId: string;
  readonly sign: (head: AuditHead) => string;
  /** Unix milliseconds, whole. */
  readonly now: () => number;
}

/**
 * The end of the chain in memory. The order of the records is fixed when they come; they are sealed together when the disk takes
 * them or when somebody asks for a hash: in a loop that costs less than at the end of each call.
 */
export class ChainEnd {
  readonly #parts: ChainEndParts;
  readonly #sealed: SealedLines;
  #records: AuditRecord[] = [];
  #times: number[] = [];
  #waitingText = 0;
  #signedSeq: number;
  #newestHead: Uint8Array | undefined;

  constructor(parts: ChainEndParts, last: Receipt) {
    this.#parts = parts;
    this.#sealed = new SealedLines(last);
    this.#signedSeq = last.seq;
  }

  /** Number of the last entry, sealed or not. */
  get seq(): number {
    return this.#sealed.last.seq + this.#records.length;
  }

  /** Characters of the longer texts in what was not yet taken. */
  get waitingText(): number {
    return this.#waitingText;
  }

  /** `record` is this chain's from now on: it must not change. */
  push(record: AuditRecord): void {
    this.#records.push(record);
    this.#times.push(this.#parts.now());
    this.#waitingText += record.target.length + record.justification.length + (record.content?.length ?? 0);
  }

  /** The last entry. */
  head(): Receipt {
    this.#seal();
    return this.#sealed.last;
  }

  /** Signs the last entry; false: that was done. A head that only time called for is replaced by the next; others stay, so that none can be left out. */
  sign({ passing }: { readonly passing: boolean }): boolean {
    this.#seal();
    if (this.#signedSeq === this.#sealed.last.seq) return false;
    this.#sign({ passing });
    return true;
  }

  /** The lines that the next batch begins with. */
  peek(): LogLines | undefined {
    this.#seal();
    return this.#sealed.peek();
  }

  /** Undefined: there is nothing new. Its lines' bytes are to be given back. */
  take(): LogBatch | undefined {
    this.#seal();
    const lines = this.#sealed.take();
    const newestHead = this.#newestHead;
    this.#newestHead = undefined;
    this.#waitingText = 0;
    return lines === undefined && newestHead === undefined ? undefined : { lines, newestHead };
  }

  give({ lines }: LogBatch): void {
    if (lines !== undefined) this.#sealed.give(lines);
  }

  #seal(): void {
    if (this.#records.length === 0) return;
    const records = this.#records;
    const times = this.#times;
    this.#records = [];
    this.#times = [];
    for (let at = 0; at < records.length; at += 1) {
      const seq = this.#sealed.add(records[at] as AuditRecord, { atMs: times[at] as number });
      if (seq % HEAD_EVERY === 0) this.#sign({ passing: false });
    }
  }

  #sign({ passing }: { readonly passing: boolean }): void {
    const { villageId: village, nodeId: node, sign, now } = this.#parts;
    const { seq, hash } = this.#sealed.last;
    const jws = sign({ village, node, seq, hash, at_ms: now() });
    if (!passing) this.#sealed.addHead(jws);
    this.#newestHead = utf8(jws);
    this.#signedSeq = seq;
  }
}
