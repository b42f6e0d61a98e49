import { AuditError } from './audit-error.ts';

/** What is written together: how many things were `added` to it counts, not what they are. */
export interface GroupCommitOptions<Batch> {
  /** Hands over all that was added since the last time; undefined: nothing was. Asked when the disk is free. */
  readonly take: () => Batch | undefined;
  /** Resolves when the batch is on disk for certain. After a refusal the same batch comes again, before any other. */
  readonly write: (batch: Batch) => Promise<void>;
  /** Something was added, has waited for `lazyMs`, and the disk is not free: it can be brought to safety another way. */
  readonly onHeldUp?: (() => void) | undefined;
  /** How long a change that nobody waits for may stay in memory. */
  readonly lazyMs: number;
  /** How long the disk may take for one batch before those who wait are told that it failed. */
  readonly deadlineMs: number;
  readonly retryMs: number;
  readonly maxRetryMs: number;
  readonly onFlushed: (added: number, durationMs: number) => void;
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
export class GroupCommit<Batch> {
  readonly #options: GroupCommitOptions<Batch>;
  #queued = 0;
  /** On its way to the disk, or refused and to be written once more. */
  #inFlight: { readonly batch: Batch; readonly added: number } | undefined;
  #writing: Waiting | undefined;
  #waiting: Waiting | undefined;
  #timer: NodeJS.Timeout | undefined;
  #soon: NodeJS.Immediate | undefined;
  #failure: AuditError | undefined;
  #retryMs: number;
  #closing = false;
  /** What was added during a batch has waited for as long as it may. */
  #isDue = false;

  constructor(options: GroupCommitOptions<Batch>) {
    this.#options = options;
    this.#retryMs = options.retryMs;
  }

  /** Why the last batch could not be written; undefined while the disk does as it is told. */
  get failure(): AuditError | undefined {
    return this.#failure;
  }

  /** How much was added that is not known to be on disk. */
  get pending(): number {
    return this.#queued + (this.#inFlight?.added ?? 0);
  }

  /** There is one more thing to take. */
  added(): void {
    this.#queued += 1;
    if (this.#soon === undefined) this.#timer ??= this.#later(this.#options.lazyMs);
  }

  /** Resolves when all that was added so far is on disk. Rejects with AUDIT_UNWRITABLE, at once while the disk fails. */
  durable(): Promise<void> {
    if (this.#failure !== undefined) return handled(Promise.reject(this.#failure));
    if (this.#queued === 0) return this.#writing?.promise ?? Promise.resolve();
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
    while (this.pending > 0) {
      const written = (this.#waiting ??= waiting()).promise;
      this.#flush();
      await written;
    }
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
    this.#isDue = this.#writing !== undefined;
    if (this.#isDue) return this.#options.onHeldUp?.();
    const flight = this.#inFlight ?? this.#taken();
    if (flight === undefined) {
      this.#waiting?.resolve(); // what was added is part of a batch that stands
      this.#waiting = undefined;
      return;
    }
    const writing = this.#waiting ?? waiting();
    this.#writing = writing;
    this.#waiting = undefined;
    this.#inFlight = flight;
    const startedAt = performance.now();
    const deadline = setTimeout(() => {
      this.#fail(unwritable(`the disk did not take a batch within ${this.#options.deadlineMs} ms`), writing);
    }, this.#options.deadlineMs);
    this.#options
      .write(flight.batch)
      .finally(() => clearTimeout(deadline))
      .then(
        () => this.#written(writing, performance.now() - startedAt),
        (cause: unknown) => this.#refused(writing, unwritable('the disk refused a batch', cause)),
      );
  }

  #taken(): { readonly batch: Batch; readonly added: number } | undefined {
    const batch = this.#options.take();
    const added = this.#queued;
    this.#queued = 0;
    return batch === undefined ? undefined : { batch, added };
  }

  #written(writing: Waiting, durationMs: number): void {
    const added = this.#inFlight?.added ?? 0;
    this.#inFlight = undefined;
    this.#writing = undefined;
    this.#failure = undefined;
    this.#retryMs = this.#options.retryMs;
    if (this.#waiting !== undefined || this.#isDue) this.#flush();
    else if (this.#queued > 0) this.#timer ??= this.#later(this.#options.lazyMs);
    writing.resolve();
    this.#options.onFlushed(added, durationMs);
  }

  #refused(writing: Waiting, error: AuditError): void {
    this.#writing = undefined;
    this.#fail(error, writing);
    clearTimeout(this.#timer);
    this.#timer = this.#closing ? undefined : this.#later(this.#retryMs);
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
  const code = cause instanceof Error && 'code' in cause ? ` (${String(cause.code)})` : '';
  return new AuditError('AUDIT_UNWRITABLE', `the audit log cannot be written: ${message}${code}`, {
    cause,
    hint: 'look at free space and health of the disk that holds the data folder',
  });
}
