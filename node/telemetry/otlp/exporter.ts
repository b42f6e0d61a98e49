import type { EventBus } from '../events.ts';
import { type CollectorOptions, type Delivery, deliver } from './collector.ts';
import { doneSpan, forwardedSpan, type SpanJson, workSpan } from './span-json.ts';
import { SpanQueue } from './span-queue.ts';

export interface ExporterOptions extends CollectorOptions {
  /** How long spans wait for others to go with. */
  readonly everyMs?: number;
  readonly maxBatch?: number;
  readonly maxQueue?: number;
  /** The first wait after a failure; the next are twice as long each, up to a minute. */
  readonly backoffMs?: number;
  readonly chance?: () => number;
}

export interface ExporterFigures {
  readonly exported: number;
  /** Spans that no collector has: for want of room, since it would not take them, or since it stayed away. */
  readonly dropped: { readonly full: number; readonly refused: number; readonly unreached: number };
  readonly queued: number;
  /** Unix milliseconds since which nothing gets through, and why. */
  readonly failing: { readonly sinceMs: number; readonly problem: string } | undefined;
}

const EVERY_MS = 2_000;
const MAX_BATCH = 512;
const MAX_QUEUE = 2_048;
const BACKOFF_MS = 1_000;
const MAX_BACKOFF_MS = 60_000;
/** A batch that was in vain so often is let go, so that what comes next has its turn. */
const MAX_TRIES = 6;
const CLOCK_STEP_MS = 20;

/** Takes the spans of traced calls from `bus` and sends them to a collector, in the background: no call waits for it. */
export class SpanExporter {
  readonly #bus: EventBus;
  readonly #options: ExporterOptions;
  readonly #queue: SpanQueue;
  readonly #ending = new AbortController();
  readonly #deaf: readonly (() => void)[];
  #timer: NodeJS.Timeout | undefined;
  #sending: Promise<void> | undefined;
  #waiting: (() => void) | undefined;
  #exported = 0;
  #refused = 0;
  #unreached = 0;
  #failing: { readonly sinceMs: number; readonly problem: string } | undefined;
  #stopping = false;
  #epoch = performance.timeOrigin;

  constructor(bus: EventBus, options: ExporterOptions) {
    this.#bus = bus;
    this.#options = options;
    this.#queue = new SpanQueue(options.maxQueue ?? MAX_QUEUE);
    this.#deaf = [
      bus.on('call.done', (done) => {
        if (done.span !== undefined) this.#add(doneSpan({ ...done, span: done.span }, this.#epochMs()));
      }),
      bus.on('call.forwarded', (forwarded) => this.#add(forwardedSpan(forwarded, this.#epochMs()))),
      bus.on('work.done', (done) => this.#add(workSpan(done, this.#epochMs()))),
    ];
  }

  get figures(): ExporterFigures {
    const dropped = { full: this.#queue.lost, refused: this.#refused, unreached: this.#unreached };
    return { exported: this.#exported, dropped, queued: this.#queue.length, failing: this.#failing };
  }

  /** Sends what is left, as far as that is done within `graceMs`; the rest is lost. */
  async stop({ graceMs }: { readonly graceMs: number }): Promise<void> {
    for (const end of this.#deaf) end();
    this.#stopping = true;
    clearTimeout(this.#timer);
    const late = setTimeout(() => {
      this.#ending.abort();
      this.#waiting?.();
    }, graceMs);
    this.#waiting?.();
    while (this.#queue.length > 0 && !this.#ending.signal.aborted) await this.#send();
    await this.#sending;
    clearTimeout(late);
    this.#ending.abort();
    this.#unreached += this.#queue.take(Number.POSITIVE_INFINITY).length;
  }

  #add(span: SpanJson): void {
    this.#queue.add(span);
    if (this.#sending !== undefined) return;
    if (this.#queue.length >= (this.#options.maxBatch ?? MAX_BATCH)) void this.#send();
    else this.#timer ??= setTimeout(() => void this.#send(), this.#options.everyMs ?? EVERY_MS).unref();
  }

  /** One batch at a time; never rejects. */
  #send(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#sending ??= this.#sendBatch().finally(() => {
      this.#sending = undefined;
      if (this.#queue.length > 0 && !this.#stopping)
        this.#timer ??= setTimeout(() => void this.#send(), this.#options.everyMs ?? EVERY_MS).unref();
    });
    return this.#sending;
  }

  async #sendBatch(): Promise<void> {
    const { maxBatch = MAX_BATCH } = this.#options;
    do {
      const batch = this.#queue.take(maxBatch);
      if (!(await this.#deliver(batch))) return;
    } while (this.#queue.length >= maxBatch);
  }

  /** Whether it was taken. */
  async #deliver(batch: readonly SpanJson[]): Promise<boolean> {
    for (let tries = 1; ; tries += 1) {
      const delivery = await deliver(batch, { ...this.#options, signal: this.#ending.signal });
      this.#learn(delivery);
      if (delivery.kind === 'taken') {
        this.#refused += Math.min(delivery.rejected, batch.length);
        this.#exported += Math.max(0, batch.length - delivery.rejected);
        return true;
      }
      if (delivery.kind === 'refused') {
        this.#refused += batch.length;
        return false;
      }
      if (tries === MAX_TRIES || this.#stopping) {
        this.#unreached += batch.length;
        return false;
      }
      await this.#pause(delivery.afterMs ?? this.#backoff(tries));
    }
  }

  #learn(delivery: Delivery): void {
    const { problem } = delivery;
    if (problem === undefined) {
      if (this.#failing === undefined) return;
      const failedMs = Date.now() - this.#failing.sinceMs;
      this.#failing = undefined;
      this.#bus.report('telemetry.working', { failedMs });
      return;
    }
    const since = this.#failing?.sinceMs;
    this.#failing = { sinceMs: since ?? Date.now(), problem };
    if (since === undefined) this.#bus.report('telemetry.failing', { problem });
  }

  #backoff(tries: number): number {
    const { backoffMs = BACKOFF_MS, chance = Math.random } = this.#options;
    return Math.min(backoffMs * 2 ** (tries - 1), MAX_BACKOFF_MS) * (0.5 + chance() / 2);
  }

  /** Unix time at 0 of `performance.now()`. It follows the clock of the machine in steps, so that spans side by side agree. */
  #epochMs(): number {
    const now = Date.now() - performance.now();
    if (Math.abs(now - this.#epoch) > CLOCK_STEP_MS) this.#epoch = now;
    return this.#epoch;
  }

  /** Ends early when this stops. */
  async #pause(ms: number): Promise<void> {
    if (this.#stopping) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms).unref();
      this.#waiting = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    this.#waiting = undefined;
  }
}
