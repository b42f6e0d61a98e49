import { WireError } from './wire-error.ts';

/** `u32be length | u8 type | u32be key | payload`, where `length` counts everything after itself. */
export const FRAME_HEADER_BYTES = 9;
const AFTER_LENGTH = 5;

/** The payload is `bytes[start … end)`: a view of what arrived, to be copied by whoever keeps it. */
export type OnFrame = (type: number, key: number, bytes: Buffer, start: number, end: number) => void;

/** Writes a frame's head at `at` in front of `payloadBytes` bytes and answers where the payload begins. */
export function writeFrameHead(into: Buffer, at: number, type: number, key: number, payloadBytes: number): number {
  into.writeUInt32BE(AFTER_LENGTH + payloadBytes, at);
  into[at + 4] = type;
  into.writeUInt32BE(key, at + 5);
  return at + FRAME_HEADER_BYTES;
}

/**
 * Cuts a byte stream into frames, however it was split. Each byte is looked at once and copied at most once; a length over
 * the limit throws before anything is kept.
 */
export class FrameReader {
  readonly #onFrame: OnFrame;
  readonly #maxPayloadBytes: number;
  readonly #lengthBytes = Buffer.alloc(4);
  #lengthHave = 0;
  #half: Buffer | undefined;
  #halfHave = 0;

  constructor(onFrame: OnFrame, options: { readonly maxPayloadBytes: number }) {
    this.#onFrame = onFrame;
    this.#maxPayloadBytes = options.maxPayloadBytes;
  }

  /** Whether the stream could end here without cutting a frame in two. */
  get atBoundary(): boolean {
    return this.#half === undefined && this.#lengthHave === 0;
  }

  /** Throws WireError: WIRE_TOO_LARGE, or WIRE_MALFORMED for a length that holds no frame. */
  push(bytes: Uint8Array): void {
    const chunk = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    let at = this.atBoundary ? 0 : this.#continue(chunk);
    while (chunk.length - at >= 4) {
      const length = this.#checked(chunk.readUInt32BE(at));
      const end = at + 4 + length;
      if (end > chunk.length) break;
      this.#onFrame(chunk[at + 4] as number, chunk.readUInt32BE(at + 5), chunk, at + FRAME_HEADER_BYTES, end);
      at = end;
    }
    if (at < chunk.length) this.#continue(chunk, at);
  }

  /** Fills what is half there from `chunk` and answers how far it read; emits the frame when it is whole. */
  #continue(chunk: Buffer, from = 0): number {
    let at = from;
    while (this.#half === undefined) {
      if (at === chunk.length) return at;
      this.#lengthBytes[this.#lengthHave++] = chunk[at++] as number;
      if (this.#lengthHave === 4) this.#half = Buffer.allocUnsafe(this.#checked(this.#lengthBytes.readUInt32BE(0)));
    }
    const frame = this.#half;
    const copied = chunk.copy(frame, this.#halfHave, at);
    this.#halfHave += copied;
    if (this.#halfHave < frame.length) return at + copied;
    this.#half = undefined;
    this.#halfHave = 0;
    this.#lengthHave = 0;
    this.#onFrame(frame[0] as number, frame.readUInt32BE(1), frame, AFTER_LENGTH, frame.length);
    return at + copied;
  }

  #checked(length: number): number {
    if (length < AFTER_LENGTH) throw new WireError('WIRE_MALFORMED', `a frame of ${length} bytes holds no head`);
    if (length - AFTER_LENGTH > this.#maxPayloadBytes) {
      throw new WireError('WIRE_TOO_LARGE', `a frame of ${length} bytes; the limit is ${this.#maxPayloadBytes}`);
    }
    return length;
  }
}
