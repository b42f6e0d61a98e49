import type { Store, StoreChange } from '../storage/index.ts';
import { AuditError } from './audit-error.ts';

export interface GroupCommitOptions {
  readonly store: Pick<Store, 'batch'>;
  /** How long a change that nobody waits for may stay in memory. */
  readonly lazyMs: number;
  /** How long the disk may take for one batch before those who wait are told that it failed. */
  readonly deadlineMs: number;
  readonly retryMs: number;
  readonly maxRetryMs: number;
  readonly onFlushed: (changes: number, durationMs: number) => void;
  readonly onFailed: (error: AuditError) => void;
}

interface Waiting {
  readonly promise: Promise<void>;
  readonly resolve: () => void;
  readonly reject: (error: AuditError) => void;
}

/**
 * One writer, one fsync per batch. A change that somebody waits for is written at once when the disk is idle, else with the next
 * batch; order is kept, and nothing that was added is given up: a refused batch is tried again until it is written.
 */
export class GroupCommit {
  readonly #options: GroupCommitOptions;
  #queue: StoreChange[] = [];
  #inFlight: readonly StoreChange[] = [];
  #writing: Waiting | undefined;
  #waiting: Waiting | undefined;
  #timer: NodeJS.Timeout | undefined;
  #soon: NodeJS.Immediate | undefined;
  #failure: AuditError | undefined;
  #retryMs: number;
  #closing = false;

  constructor(options: GroupCommitOptions) {
    this.#options = options;
    this.#retryMs = options.retryMs;
  }

  /** Why the last batch could not be written; undefined while the disk does as it is told. */
  get failure(): AuditError | undefined {
    return this.#failure;
  }

  /** Changes not known to be on disk. */
  get pending(): number {
    return this.#queue.length + this.#inFlight.length;
  }

  add(change: StoreChange): void {
    this.#queue.push(change);
    if (this.#writing === undefined && this.#soon === undefined) this.#timer ??= this.#later(this.#options.lazyMs);
  }

  /** Resolves when all that was added so far is on disk. Rejects with AUDIT_UNWRITABLE, at once while the disk fails. */
  durable(): Promise<void> {
    if (this.#failure !== undefined) return handled(Promise.reject(this.#failure));
    if (this.#queue.length === 0) return this.#writing?.promise ?? Promise.resolve();
    this.#waiting ??= waiting();
    // A turn of the event loop later: the calls that came in with this one share its fsync.
    if (this.#writing === undefined) this.#soon ??= setImmediate(() => this.#flush());
    return this.#waiting.promise;
  }

  /** Writes what is left, once, whatever the back-off says. Rejects with AUDIT_UNWRITABLE. Nothing may be added after it. */
  async close(): Promise<void> {
    this.#closing = true;
    for (let writing = this.#writing; writing !== undefined; writing = this.#writing) {
      await writing.promise.catch(() => undefined);
      if (this.#writing === writing) throw this.#failure ?? unwritable('a batch is still on its way');
    }
    if (this.#queue.length === 0) return;
    this.#waiting ??= waiting();
    const last = this.#waiting.promise;
    this.#flush();
    await last;
  }

  #later(ms: number): NodeJS.Timeout {
    return setTimeout(() => this.#flush(), ms);
  }

  #disarm(): void {
    clearTimeout(this.#timer);
    clearImmediate(this.#soon);
    this.#timer = undefined;
    this.#soon = undefined;
  }

  #flush(): void {
    this.#disarm();
    if (this.#writing !== undefined || this.#queue.length === 0) return;
    const writing = this.#waiting ?? waiting();
    this.#writing = writing;
    this.#waiting = undefined;
    this.#inFlight = this.#queue;
    this.#queue = [];
    const startedAt = performance.now();
    const deadline = setTimeout(() => {
      this.#fail(unwritable(`the disk did not take a batch within ${this.#options.deadlineMs} ms`), writing);
    }, this.#options.deadlineMs);
    this.#options.store
      .batch(this.#inFlight, { sync: true })
      .finally(() => clearTimeout(deadline))
      .then(
        () => this.#written(writing, performance.now() - startedAt),
        (cause: unknown) => this.#refused(writing, unwritable('the disk refused a batch', cause)),
      );
  }

  #written(writing: Waiting, durationMs: number): void {
    const changes = this.#inFlight.length;
    this.#inFlight = [];
    this.#writing = undefined;
    this.#failure = undefined;
    this.#retryMs = this.#options.retryMs;
    if (this.#queue.length > 0) {
      if (this.#waiting === undefined) this.#timer ??= this.#later(this.#options.lazyMs);
      else this.#flush();
    }
    writing.resolve();
    this.#options.onFlushed(changes, durationMs);
  }

  #refused(writing: Waiting, error: AuditError): void {
    this.#queue = [...this.#inFlight, ...this.#queue];
    this.#inFlight = [];
    this.#writing = undefined;
    this.#fail(error, writing);
    if (!this.#closing) this.#timer ??= this.#later(this.#retryMs);
    this.#retryMs = Math.min(this.#retryMs * 2, this.#options.maxRetryMs);
  }

  #fail(error: AuditError, writing: Waiting): void {
    this.#failure = error;
    writing.reject(error);
    this.#waiting?.reject(error);
    this.#waiting = undefined;
    this.#options.onFailed(error);
  }
}

function waiting(): Waiting {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  return { promise: handled(promise), resolve, reject };
}

/** The failure is told by `onFailed` too: a batch that nobody happens to wait for is no unhandled rejection. */
function handled(promise: Promise<void>): Promise<void> {
  promise.catch(() => undefined);
  return promise;
}

function unwritable(message: string, cause?: unknown): AuditError {
  return new AuditError('AUDIT_UNWRITABLE', `the audit log cannot be written: ${message}`, {
    cause,
    hint: 'look at free space and health of the disk that holds the data folder',
  });
}
