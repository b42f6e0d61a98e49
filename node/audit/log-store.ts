import type { LogLines } from '../../src/audit/index.ts';
import type { Store } from '../storage/index.ts';

/** What a log writes at once: lines in the order of its chain, and a head that replaces the newest one there. */
export interface LogBatch {
  readonly lines: LogLines | undefined;
  readonly newestHead: Uint8Array | undefined;
}

/** Where a log lies: read as an ordered map, written at its end. */
export interface LogStore extends Pick<Store, 'entries'> {
  /** All of it is on disk when it resolves. One at a time; one that failed comes again before any other. */
  append(batch: LogBatch): Promise<void>;
  /**
   * While a batch is on its way: hands what comes after it to the operating system, so that it outlives this process. Copies the
   * bytes before it returns; they come again, with more behind them, as the next batch.
   */
  handOver?(lines: LogLines): Promise<void>;
}
