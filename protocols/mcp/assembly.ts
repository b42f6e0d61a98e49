import { WireError } from '../wire/index.ts';
import { CONTINUED, LIMITS, MORE, mcp } from './schema.ts';

interface Half {
  readonly bytes: Buffer;
  have: number;
}

const TOTAL_BYTES = 4;
/** Over what a sender may have half sent: dropping a message and saying so are not one moment. */
const MAX_HALF_BYTES = LIMITS.maxHalfBytes + 3 * mcp.maxMessageBytes;

/** Puts chunked messages together. The room each will take is known, and bounded, from its first chunk on. */
export class Assembly {
  readonly #halves = new Map<number, Half>();
  #bytes = 0;

  get size(): number {
    return this.#halves.size;
  }

  has(id: number): boolean {
    return this.#halves.has(id);
  }

  /** Begins the message `id` with its first chunk. Throws WireError. */
  begin(id: number, bytes: Buffer, start: number, end: number): void {
    const total = end - start < TOTAL_BYTES ? 0 : bytes.readUInt32BE(start);
    if (total > mcp.maxMessageBytes + LIMITS.chunkBytes)
      throw new WireError('WIRE_TOO_LARGE', `a message of ${total} bytes`);
    if (total <= Math.max(0, end - start - TOTAL_BYTES)) throw malformed('a first chunk that is its whole message');
    if (this.#halves.has(id)) throw malformed('two messages of one key at once');
    if (this.#bytes + total > MAX_HALF_BYTES || this.#halves.size >= 2 * LIMITS.maxHalfMessages) {
      throw new WireError('WIRE_TOO_LARGE', 'too much is half sent');
    }
    this.#bytes += total;
    const half: Half = { bytes: Buffer.allocUnsafeSlow(total), have: 0 };
    this.#halves.set(id, half);
    half.have = bytes.copy(half.bytes, 0, start + TOTAL_BYTES, end);
  }

  /** Adds a chunk and answers the whole message when this was its last. A chunk of a message nobody waits for is dropped. */
  add(
    id: number,
    type: number,
    chunk: { readonly bytes: Buffer; readonly start: number; readonly end: number },
  ): Buffer | undefined {
    const half = this.#halves.get(id);
    if (half === undefined) return undefined;
    const count = chunk.end - chunk.start;
    const left = half.bytes.length - half.have;
    const last = (type & MORE) === 0;
    if (count === 0 || count > left || last !== (count === left)) throw malformed('chunks that do not add up');
    half.have += chunk.bytes.copy(half.bytes, half.have, chunk.start, chunk.end);
    if (!last) return undefined;
    this.drop(id);
    return half.bytes;
  }

  drop(id: number): void {
    const half = this.#halves.get(id);
    if (half === undefined) return;
    this.#halves.delete(id);
    this.#bytes -= half.bytes.length;
  }
}

export function isChunk(type: number): boolean {
  return (type & (MORE | CONTINUED)) !== 0;
}

function malformed(what: string): WireError {
  return new WireError('WIRE_MALFORMED', what);
}
