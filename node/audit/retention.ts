import { type AuditCheckpoint, CHECKPOINT, CHECKPOINTS, EMPTY_RECORD, entryKey } from '../../src/audit/index.ts';
import { utf8 } from '../../src/kernel/index.ts';
import type { AuditLog } from './audit-log.ts';
import type { BesideStore, EntryFiles } from './entry-files.ts';
import { SegmentWriter } from './segment-writer.ts';
import { type AuditOwner, checkpointIn, hashAt } from './verify-audit.ts';

const DAY_MS = 24 * 3_600_000;
const EVERY_MS = 3_600_000;

export interface RetentionParts extends AuditOwner {
  readonly files: EntryFiles;
  /** Where the checkpoint goes. */
  readonly beside: BesideStore;
  readonly log: Pick<AuditLog, 'recordDurably'>;
  /** By the issuer's key. */
  readonly sign: (checkpoint: AuditCheckpoint) => string;
  /** Days that entries are kept, as the policy says now. */
  readonly days: () => number;
  readonly clock: { wallMs(): number; after(ms: number, run: () => void): () => void };
  readonly onFailed: (error: unknown) => void;
}

/**
 * Leaves out entries that are older than the policy keeps them, in whole segments. What is left can still be verified: from a
 * signed checkpoint, and the act itself is on record.
 */
export class Retention {
  readonly #parts: RetentionParts;
  #cancel: () => void = () => undefined;
  #working: Promise<void> | undefined;
  #stopped = false;

  constructor(parts: RetentionParts) {
    this.#parts = parts;
  }

  /** Looks now, and every hour. Call it again when the policy has changed. */
  look(): void {
    if (this.#stopped) return;
    this.#cancel();
    this.#cancel = this.#parts.clock.after(EVERY_MS, () => this.look());
    this.#working ??= this.apply()
      .then(() => undefined, this.#parts.onFailed)
      .finally(() => {
        this.#working = undefined;
      });
  }

  /** Resolves when nothing of it touches the disk any more. Never rejects. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#cancel();
    await this.#working;
  }

  /** Answers the last entry left out now; undefined: all of it is young enough. */
  async apply(): Promise<number | undefined> {
    const { files, beside, log, sign, days, clock, villageId, nodeId } = this.#parts;
    const nowMs = Math.trunc(clock.wallMs());
    const kept = days();
    await this.#finish();
    const first = files.first;
    const next = await this.#firstKept(nowMs - kept * DAY_MS);
    const hash = next === undefined ? undefined : await hashAt(files, next - 1);
    if (first === undefined || next === undefined || hash === undefined) return undefined;
    const seq = next - 1;
    await log.recordDurably({
      ...EMPTY_RECORD,
      method: 'audit.retention',
      target: `${first}-${seq}`,
      reason: `${kept} days`,
    });
    const checkpoint = sign({ village: villageId, node: nodeId, seq, hash, at_ms: nowMs, days: kept });
    // The checkpoint first: a crash between leaves entries that nobody asks for, and not a log without a beginning.
    await beside.batch([{ type: 'put', key: CHECKPOINT, value: utf8(checkpoint) }], { sync: true });
    await files.dropBefore(next);
    return seq;
  }

  /** Removes what a crash left behind the checkpoint. */
  async #finish(): Promise<void> {
    const { files, beside } = this.#parts;
    for await (const [, value] of beside.entries(CHECKPOINTS)) {
      const checkpoint = checkpointIn(value, this.#parts);
      if (checkpoint !== undefined) await files.dropBefore(checkpoint.seq + 1);
    }
  }

  /** First entry of the first segment that has one as young as `beforeMs`; undefined: that is the first segment of all. The last one stays. */
  async #firstKept(beforeMs: number): Promise<number | undefined> {
    const { files } = this.#parts;
    let kept: number | undefined;
    for (let seq = files.first; seq !== undefined; ) {
      const next = files.segmentAfter(seq);
      if (next === undefined || !(await this.#isOlder(next - 1, beforeMs))) return kept;
      kept = next;
      seq = next;
    }
    return kept;
  }

  /** Whether entry `seq` was made before; then so were all those before it. */
  async #isOlder(seq: number, beforeMs: number): Promise<boolean> {
    for await (const [, record] of this.#parts.files.entries({ gte: entryKey(seq), lt: entryKey(seq + 1) })) {
      return (SegmentWriter.timeOf(record) ?? Number.POSITIVE_INFINITY) < beforeMs;
    }
    return false;
  }
}
