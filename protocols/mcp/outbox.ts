import { FRAME_HEADER_BYTES, writeFrameHead } from '../wire/index.ts';
import { CONTINUED, LIMITS, MORE } from './schema.ts';

/** Where frames go: a stream that says when it has had enough. */
export interface Sink {
  send(bytes: Uint8Array): void;
  /** While true nothing is sent; `drained` says when it no longer is. */
  readonly needsDrain: boolean;
}

interface Large {
  readonly id: number;
  readonly type: number;
  readonly key: number;
  readonly head: Uint8Array;
  readonly body: Uint8Array;
  sent: number;
  /** The write it must not overtake: small frames it relies on were queued before it. */
  readonly notBefore: number;
  /** Messages of the same key that must come after this one. */
  readonly after: Large[];
}

const SCRATCH_BYTES = 128 * 1024;
const SEGMENT_BYTES = 64 * 1024;
const HUGE_BYTES = 1024 * 1024;
const CHUNKS_PER_WRITE = 2;
/** Fewer wait for others to join them. With more the peer would idle while this node works, and then this node while it does. */
const FULL_FRAMES = 16;
const TOTAL_BYTES = 4;
const CHUNKS_BYTES = CHUNKS_PER_WRITE * (FRAME_HEADER_BYTES + TOTAL_BYTES + LIMITS.chunkBytes);

/**
 * What waits to be written. Small messages are written straight into one buffer, which goes out whole at the end of the tick, or when
 * it is full; large ones are cut into chunks that take turns, a few in each write, so that nothing small waits behind them.
 */
export class Outbox {
  readonly #sink: Sink;
  readonly #defer: (flush: () => void) => void;
  readonly #onEmpty: () => void;
  readonly #scratch = Buffer.allocUnsafeSlow(SCRATCH_BYTES);
  readonly #chunks = Buffer.allocUnsafeSlow(CHUNKS_BYTES);
  #used = 0;
  #segments: Buffer[] = [];
  #segmentBytes = 0;
  #sentSegments = 0;
  #frames = 0;
  #scheduled = false;
  #closed = false;
  readonly #waiting: Large[] = [];
  readonly #active: Large[] = [];
  readonly #larges = new Map<number, Large>();
  #largeBytes = 0;
  #halfBytes = 0;
  #halfHuge = 0;
  #admitFrom = 0;
  bytesOut = 0;

  constructor(sink: Sink, options: { readonly defer: (flush: () => void) => void; readonly onEmpty: () => void }) {
    this.#sink = sink;
    this.#defer = options.defer;
    this.#onEmpty = options.onEmpty;
  }

  get queuedBytes(): number {
    return this.#used + this.#segmentBytes + this.#largeBytes;
  }

  get busy(): boolean {
    return this.queuedBytes > LIMITS.busyQueueBytes;
  }

  /** The write that what is written next belongs to; see `wasSent`. */
  get segment(): number {
    return this.#sentSegments + this.#segments.length;
  }

  wasSent(segment: number): boolean {
    return segment < this.#sentSegments;
  }

  /** The buffer and offset of a payload of at most `maxPayloadBytes` (≤ 64 KiB); fill it and `commit` at once. */
  reserve(maxPayloadBytes: number): { readonly into: Buffer; readonly at: number } {
    if (this.#used > 0 && this.#used + FRAME_HEADER_BYTES + maxPayloadBytes > SCRATCH_BYTES) this.#seal();
    this.#place.at = this.#used + FRAME_HEADER_BYTES;
    return this.#place;
  }
  readonly #place = { into: this.#scratch, at: 0 };

  /** Completes the frame whose payload was reserved and ends at `end`. */
  commit(type: number, key: number, end: number): void {
    if (this.#closed) return;
    writeFrameHead(this.#scratch, this.#used, type, key, end - this.#used - FRAME_HEADER_BYTES);
    this.#used = end;
    this.#frames += 1;
    if (this.#used >= SEGMENT_BYTES) this.#seal();
    this.#schedule();
  }

  small(type: number, key: number, payload?: Uint8Array): void {
    const { into, at } = this.reserve(payload?.length ?? 0);
    if (payload !== undefined) into.set(payload, at);
    this.commit(type, key, at + (payload?.length ?? 0));
  }

  /** Queues a message in one frame or, where it is too long or must follow one that is, in chunks. */
  message(id: number, frame: { type: number; key: number; head: Uint8Array; body: Uint8Array }): void {
    const { type, key, head, body } = frame;
    if (head.length + body.length > LIMITS.chunkBytes || this.follows(id)) {
      this.large(id, frame);
      return;
    }
    const { into, at } = this.reserve(head.length + body.length);
    into.set(head, at);
    into.set(body, at + head.length);
    this.commit(type, key, at + head.length + body.length);
  }

  /** Queues a message in chunks. `id` names its key's direction as well, for `follows` and `drop`. */
  large(id: number, frame: { type: number; key: number; head: Uint8Array; body: Uint8Array }): void {
    if (this.#closed) return;
    const item: Large = { ...frame, id, sent: 0, notBefore: this.segment, after: [] };
    this.#largeBytes += sizeOf(item);
    const before = this.#larges.get(id);
    if (before !== undefined) {
      before.after.push(item);
      return;
    }
    this.#larges.set(id, item);
    this.#waiting.push(item);
    this.#schedule();
  }

  /** Whether a chunked message of `id` is still queued, so that the next one must queue behind it. */
  follows(id: number): boolean {
    return this.#larges.size > 0 && this.#larges.has(id);
  }

  /** Forgets what is queued under `id` and says how much of it had gone. */
  drop(id: number): 'absent' | 'unsent' | 'partial' {
    const item = this.#larges.get(id);
    if (item === undefined) return 'absent';
    this.#larges.delete(id);
    for (const each of [item, ...item.after]) this.#largeBytes -= sizeOf(each) - each.sent;
    const active = this.#active.indexOf(item);
    if (active < 0) {
      this.#waiting.splice(this.#waiting.indexOf(item), 1);
      return 'unsent';
    }
    this.#active.splice(active, 1);
    this.#release(item);
    // Nothing takes its room at the other end before the frame that says so has gone.
    this.#admitFrom = this.segment;
    this.#schedule();
    return 'partial';
  }

  /** How much of the chunked message under `id` has gone. */
  partOf(id: number): 'absent' | 'unsent' | 'partial' {
    const item = this.#larges.get(id);
    if (item === undefined) return 'absent';
    return item.sent === 0 ? 'unsent' : 'partial';
  }

  /** Writes what is enough for a write of its own. It may end the stream, so it is called where nothing is half done. */
  sendFull(): void {
    if (this.#frames >= FULL_FRAMES) this.#flush();
  }

  /** The sink takes bytes again. */
  drained(): void {
    this.#schedule();
  }

  /** Drops everything; nothing is written any more. */
  close(): void {
    this.#closed = true;
    this.#used = 0;
    this.#segments = [];
    this.#segmentBytes = 0;
    this.#waiting.length = 0;
    this.#active.length = 0;
    this.#larges.clear();
    this.#largeBytes = 0;
  }

  #seal(): void {
    this.#segments.push(Buffer.from(this.#scratch.subarray(0, this.#used)));
    this.#segmentBytes += this.#used;
    this.#used = 0;
  }

  #schedule(): void {
    if (this.#scheduled || this.#closed) return;
    this.#scheduled = true;
    this.#defer(this.#onTurn);
  }

  readonly #onTurn = (): void => {
    this.#scheduled = false;
    this.#flush();
  };

  #flush(): void {
    this.#frames = 0;
    if (this.#closed || this.#sink.needsDrain) return;
    const sealed = this.#segments.shift();
    const small = sealed ?? this.#scratch.subarray(0, this.#used);
    if (sealed === undefined) this.#used = 0;
    else this.#segmentBytes -= sealed.length;
    const chunked = this.#fillChunks();
    if (small.length + chunked === 0) return;
    // Copied to its exact size: the stream may keep it, and both buffers are written again at once.
    const batch = Buffer.allocUnsafe(small.length + chunked);
    batch.set(small, 0);
    this.#chunks.copy(batch, small.length, 0, chunked);
    this.#sentSegments += 1;
    this.bytesOut += batch.length;
    const left = this.#used > 0 || this.#segments.length > 0 || this.#larges.size > 0;
    if (left) this.#schedule();
    this.#sink.send(batch);
    if (!left) this.#onEmpty();
  }

  /** Fills `#chunks` with the next chunks of those whose turn it is and answers how many bytes they take. */
  #fillChunks(): number {
    if (this.#larges.size === 0) return 0;
    this.#admit();
    let end = 0;
    for (let turn = 0; turn < CHUNKS_PER_WRITE; turn++) {
      const item = this.#active[0];
      if (item === undefined || item.notBefore > this.#sentSegments) break;
      this.#active.shift();
      const before = item.sent;
      end = this.#writeChunk(item, end);
      this.#largeBytes -= item.sent - before;
      if (item.sent < sizeOf(item)) this.#active.push(item);
      else this.#finish(item);
    }
    return end;
  }

  #writeChunk(item: Large, from: number): number {
    const total = sizeOf(item);
    const count = Math.min(LIMITS.chunkBytes, total - item.sent);
    const first = item.sent === 0;
    const more = item.sent + count < total;
    // A message that waited for a chunked one of its key may be small enough for a plain frame.
    const announced = first && more ? TOTAL_BYTES : 0;
    const type = item.type | (more ? MORE : 0) | (first ? 0 : CONTINUED);
    let at = writeFrameHead(this.#chunks, from, type, item.key, announced + count);
    if (announced > 0) at = this.#chunks.writeUInt32BE(total, at);
    const end = at + count;
    if (item.sent < item.head.length) {
      const head = item.head.subarray(item.sent, item.sent + end - at);
      this.#chunks.set(head, at);
      at += head.length;
    }
    const bodyFrom = Math.max(0, item.sent - item.head.length);
    this.#chunks.set(item.body.subarray(bodyFrom, bodyFrom + end - at), at);
    item.sent += count;
    return end;
  }

  /** Starts waiting messages, in order, as far as the bounds on half-sent ones allow. */
  #admit(): void {
    if (this.#sentSegments < this.#admitFrom) return;
    for (let index = 0; index < this.#waiting.length && this.#active.length < LIMITS.maxHalfMessages; ) {
      const item = this.#waiting[index] as Large;
      const huge = sizeOf(item) > HUGE_BYTES;
      if (this.#halfBytes + sizeOf(item) > LIMITS.maxHalfBytes || (huge && this.#halfHuge >= LIMITS.maxHalfHuge)) {
        index += 1;
        continue;
      }
      this.#waiting.splice(index, 1);
      this.#halfBytes += sizeOf(item);
      if (huge) this.#halfHuge += 1;
      this.#active.push(item);
    }
  }

  #finish(item: Large): void {
    this.#release(item);
    const [next, ...rest] = item.after;
    this.#larges.delete(item.id);
    if (next === undefined) return;
    next.after.push(...rest);
    this.#larges.set(item.id, next);
    this.#waiting.push(next);
  }

  #release(item: Large): void {
    this.#halfBytes -= sizeOf(item);
    if (sizeOf(item) > HUGE_BYTES) this.#halfHuge -= 1;
  }
}

function sizeOf(item: Pick<Large, 'head' | 'body'>): number {
  return item.head.length + item.body.length;
}
