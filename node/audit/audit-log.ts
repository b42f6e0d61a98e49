import {
  type AuditHead,
  type AuditRecord,
  EMPTY_RECORD,
  FloodGate,
  mayFlood,
  type Receipt,
} from '../../src/audit/index.ts';
import type { Reporter } from '../telemetry/events.ts';
import { AuditError } from './audit-error.ts';
import { type AuditLimits, LIMITS } from './audit-limits.ts';
import { ChainEnd } from './chain-end.ts';
import type { LogBatch, LogStore } from './log-store.ts';
import { GroupCommit } from './group-commit.ts';
import { type Tail, tailOf } from './tail-of.ts';

/** A place that may have to be taken for writing first, and let go at the end. */
export interface OpenStore extends LogStore {
  /** Answers how many bytes at its end were nothing whole. */
  recover?(): Promise<number>;
  close?(): Promise<void>;
}

export interface AuditLogOptions {
  readonly store: OpenStore;
  readonly villageId: string;
  readonly nodeId: string;
  /** Signs a head by the node's issuer key: a compact JWS of type AUDIT_HEAD_TYPE. */
  readonly sign: (head: AuditHead) => string;
  readonly reporter: Reporter;
  /** Unix milliseconds. */
  readonly now?: (() => number) | undefined;
  readonly limits?: Partial<AuditLimits> | undefined;
}

/** What waits behind more than this waits for a disk that hangs. */
const HANDED_OVER_BYTES = 1024 * 1024;

/**
 * The hash-chained log of one node. Entries are chained in the order of the calls and written in batches; `open` records where
 * the last run left off, `stop` ends the log so that the next start can tell. One log per store.
 */
export class AuditLog {
  readonly #options: AuditLogOptions;
  readonly #limits: AuditLimits;
  readonly #end: ChainEnd;
  readonly #commit: GroupCommit<LogBatch>;
  readonly #floods: FloodGate;
  readonly #now: () => number;
  readonly #beganMs: number;
  #lost = 0;
  #closed = false;
  #handingOver = false;
  #headTimer: NodeJS.Timeout | undefined;
  #floodTimer: NodeJS.Timeout | undefined;
  #flushed = Promise.withResolvers<void>();

  /** Continues the log in `store`, and has on disk that it did. Errors: AUDIT_CORRUPT, AUDIT_UNWRITABLE. */
  static async open(options: AuditLogOptions): Promise<AuditLog> {
    const cutBytes = (await options.store.recover?.()) ?? 0;
    const tail = await tailOf(options.store, { ...options, cutBytes });
    const log = new AuditLog(options, tail);
    const now = log.#now();
    if (tail.interrupted !== undefined) {
      const { reason, lastAtMs } = tail.interrupted;
      log.#append({
        ...ownRecord('gap', reason),
        justification: `the log was not ended cleanly: entries after ${new Date(lastAtMs).toISOString()} may be missing${cutBytes === 0 ? '' : `, and ${cutBytes} bytes at its end were no whole entry`}`,
        durationMs: Math.max(0, now - lastAtMs),
        count: 0,
      });
    }
    log.#append({ ...ownRecord('start', ''), peer: options.nodeId });
    await log.#commit.durable();
    return log;
  }

  private constructor(options: AuditLogOptions, tail: Tail) {
    this.#options = options;
    this.#limits = { ...LIMITS, ...options.limits };
    this.#now = options.now ?? Date.now;
    const now = (): number => Math.max(0, Math.trunc(this.#now()));
    this.#end = new ChainEnd({ ...options, now }, tail);
    this.#beganMs = this.#now();
    this.#floods = new FloodGate(this.#limits.flood);
    this.#commit = new GroupCommit({
      ...this.#limits,
      deadlineMs: this.#limits.flushDeadlineMs,
      take: () => this.#end.take(),
      write: async (batch) => {
        await options.store.append(batch);
        this.#end.give(batch);
      },
      onHeldUp: () => this.#handOver(),
      onFlushed: (entries, durationMs) => {
        this.#flushed.resolve();
        this.#flushed = Promise.withResolvers();
        options.reporter.report('audit.flushed', { entries, durationMs });
      },
      onFailed: (error) => this.#report(error),
    });
  }

  /** Where the log is kept, for its readers. */
  get store(): Pick<LogStore, 'entries'> {
    return this.#options.store;
  }

  /** When this run began to write it, Unix milliseconds. */
  get beganMs(): number {
    return this.#beganMs;
  }

  /** Why audited calls must be refused; undefined while the log is written. */
  get failure(): AuditError | undefined {
    return this.#commit.failure;
  }

  /** Number of the last entry, on disk or about to be. */
  get seq(): number {
    return this.#end.seq;
  }

  /** The last entry that is on disk for certain, after all that was recorded before. Errors: AUDIT_UNWRITABLE. */
  async settled(): Promise<{ readonly seq: number; readonly hash: string }> {
    const head = this.#end.head();
    await this.#commit.durable();
    return head;
  }

  /**
   * Undefined while there is room for more, as it mostly is. Otherwise wait for it before beginning work that will be recorded;
   * rejects with AUDIT_UNWRITABLE when the disk fails.
   */
  room(): Promise<void> | undefined {
    return this.#isOver(1) ? this.#commit.durable() : undefined;
  }

  /**
   * Puts `record` into the chain; it is on disk some 10 ms later. Floods of equal refusals, and of what a peer brings about, become one entry with a count. Never
   * throws: what cannot be recorded (the log is stopped) is reported. `record` must not change afterwards. Answers the entry to
   * who wants its receipt, which costs the work of sealing it at once; undefined: it has none of its own.
   */
  record(record: AuditRecord, wants?: { readonly receipt: boolean }): Receipt | undefined {
    const taken = this.#take(record);
    if (taken === 'closed') this.#report(closed());
    return taken === 'chained' && wants?.receipt === true ? this.#end.head() : undefined;
  }

  /**
   * As `record`; resolves when the entry is on disk (a refusal that is part of a flood: at once). Rejects with AUDIT_UNWRITABLE
   * (the entry mostly stays in the chain and is written when the disk can) or AUDIT_CLOSED.
   */
  async recordDurably(record: AuditRecord): Promise<Receipt | undefined> {
    const taken = this.#take(record);
    switch (taken) {
      case 'chained':
        return this.settled();
      case 'counted':
        return undefined;
      case 'lost':
        throw new AuditError('AUDIT_UNWRITABLE', 'entries come faster than the disk takes them');
      case 'closed':
        throw closed();
    }
  }

  /** Resolves when more entries are on disk than at the time of the call. */
  nextFlush(): Promise<void> {
    return this.#flushed.promise;
  }

  /** Ends the log: counts of floods, a `stop` entry, a signed head, all on disk. Errors: AUDIT_UNWRITABLE. Stopping twice is once. */
  async stop(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    clearTimeout(this.#floodTimer);
    clearTimeout(this.#headTimer);
    for (const record of this.#floods.due(this.#now(), { everything: true })) this.#append(record);
    this.#append({ ...ownRecord('stop', ''), peer: this.#options.nodeId });
    this.#end.sign({ passing: false });
    this.#commit.added();
    try {
      await this.#commit.close();
    } finally {
      await this.#options.store.close?.();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  #take(record: AuditRecord): 'chained' | 'counted' | 'lost' | 'closed' {
    if (this.#closed) return 'closed';
    if (mayFlood(record)) {
      const admitted = this.#floods.admits(record, this.#now());
      this.#floodTimer ??= this.#afterwards(this.#limits.flood.windowMs / 4, () => this.#endFloods());
      if (!admitted) return 'counted';
    }
    return this.#append(record);
  }

  /** A slow disk makes no entry wait in memory: a process that is killed takes none with it that is older than `lazyMs`. */
  #handOver(): void {
    const { store } = this.#options;
    if (store.handOver === undefined || this.#handingOver) return;
    const lines = this.#end.peek();
    if (lines === undefined || lines.bytes.length > HANDED_OVER_BYTES) return;
    this.#handingOver = true;
    // What fails here is no loss: the next batch begins with the same lines.
    void store
      .handOver(lines)
      .catch(() => undefined)
      .finally(() => {
        this.#handingOver = false;
      });
  }

  #append(record: AuditRecord): 'chained' | 'lost' {
    if (this.#isOver(4)) {
      this.#lost += 1; // told by a `gap` entry as soon as there is room
      return 'lost';
    }
    if (this.#lost > 0) {
      const count = this.#lost;
      this.#lost = 0;
      this.#chain({
        ...ownRecord('gap', 'overflow'),
        count,
        justification: 'entries came faster than the disk took them',
      });
    }
    this.#chain(record);
    return 'chained';
  }

  /** Whether so many times as much waits as callers may make wait. */
  #isOver(times: number): boolean {
    const { maxPending, maxPendingText } = this.#limits;
    return this.#commit.pending >= maxPending * times || this.#end.waitingText >= maxPendingText * times;
  }

  #chain(record: AuditRecord): void {
    this.#end.push(record);
    this.#commit.added();
    this.#headTimer ??= this.#afterwards(this.#limits.headMs, () => {
      this.#headTimer = undefined;
      if (this.#end.sign({ passing: true })) this.#commit.added();
    });
  }

  #endFloods(): void {
    this.#floodTimer = undefined;
    for (const record of this.#floods.due(this.#now())) this.#append(record);
    if (this.#floods.size > 0)
      this.#floodTimer = this.#afterwards(this.#limits.flood.windowMs / 4, () => this.#endFloods());
  }

  #report(error: AuditError): void {
    this.#options.reporter.report('background.failed', { area: 'audit', error });
  }

  /** `stop` does the same work, so no timer of these need keep the process alive. */
  #afterwards(ms: number, work: () => void): NodeJS.Timeout {
    return setTimeout(work, ms).unref();
  }
}

function closed(): AuditError {
  return new AuditError('AUDIT_CLOSED', 'the audit log was stopped');
}

function ownRecord(kind: 'gap' | 'start' | 'stop', reason: string): AuditRecord {
  return { ...EMPTY_RECORD, kind, reason };
}
