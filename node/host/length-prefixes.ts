/** How a protocol cuts its bytes into messages: each behind its length as an unsigned varint, or in a way of its own. */
export type Framing = 'prefixed' | 'raw';

/** A message is at most 256 MiB by this; every protocol sets a smaller bound of its own. */
const MAX_LENGTH_BYTES = 4;
const MAX_NEGOTIATION_BYTES = 1024;

/**
 * Follows what a peer sends on one stream: the negotiation of a protocol (multistream-select), then that protocol's messages.
 * libp2p's own reader takes a varint that never ends byte by byte for as long as bytes come (@libp2p/utils 7.4.1), at 4 µs and
 * 200 bytes of memory each, and before the peer has said who it is; so such bytes must not reach it.
 */
export class LengthPrefixes {
  readonly #framingOf: (protocol: string) => Framing | undefined;
  #framing: Framing | undefined;
  #lengthBytes = 0;
  #length = 0;
  #left = 0;
  #text = '';

  /** `framingOf` answers undefined for a protocol that is not spoken here: then the peer may propose another. */
  constructor(framingOf: (protocol: string) => Framing | undefined) {
    this.#framingOf = framingOf;
  }

  /** Nothing more is to be checked. */
  get over(): boolean {
    return this.#framing === 'raw';
  }

  /** Whether `bytes`, which follow those before, keep to the bounds. After false nothing else is asked. */
  accepts(bytes: Uint8Array): boolean {
    let at = 0;
    while (at < bytes.length && !this.over) {
      if (this.#left > 0) at = this.#read(bytes, at);
      else if (!this.#addToLength(bytes[at++] as number)) return false;
    }
    return true;
  }

  #addToLength(byte: number): boolean {
    this.#length |= (byte & 0x7f) << (7 * this.#lengthBytes);
    this.#lengthBytes += 1;
    if (byte >= 0x80) return this.#lengthBytes < MAX_LENGTH_BYTES;
    this.#left = this.#length;
    this.#length = 0;
    this.#lengthBytes = 0;
    return this.#framing !== undefined || this.#left <= MAX_NEGOTIATION_BYTES;
  }

  #read(bytes: Uint8Array, from: number): number {
    const to = Math.min(bytes.length, from + this.#left);
    this.#left -= to - from;
    if (this.#framing === undefined) {
      this.#text += Buffer.from(bytes.buffer, bytes.byteOffset + from, to - from).toString('latin1');
      if (this.#left === 0) {
        this.#framing = this.#framingOf(this.#text.trimEnd());
        this.#text = '';
      }
    }
    return to;
  }
}
