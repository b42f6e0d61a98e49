/** Cuts a byte stream into lines. Linear in its input whatever the chunks; a line over the limit is dropped whole. Empty lines are lines. */
export class LineReader {
  readonly #maxBytes: number;
  readonly #onLine: (line: Buffer) => void;
  readonly #onTooLong: () => void;
  #parts: Buffer[] = [];
  #length = 0;

  constructor(maxBytes: number, on: { line: (line: Buffer) => void; tooLong: () => void }) {
    this.#maxBytes = maxBytes;
    this.#onLine = on.line;
    this.#onTooLong = on.tooLong;
  }

  push(chunk: Buffer): void {
    let from = 0;
    for (let end = chunk.indexOf(10); end >= 0; end = chunk.indexOf(10, from)) {
      this.#add(chunk.subarray(from, end));
      this.#flush();
      from = end + 1;
    }
    if (from < chunk.length) this.#add(chunk.subarray(from));
  }

  /** The input ended: what came after the last line break is a line too. */
  end(): void {
    if (this.#length > 0) this.#flush();
  }

  #add(part: Buffer): void {
    this.#length += part.length;
    if (this.#length > this.#maxBytes) this.#parts = [];
    else this.#parts.push(part);
  }

  #flush(): void {
    const [only] = this.#parts;
    const line = this.#parts.length === 1 && only !== undefined ? only : Buffer.concat(this.#parts);
    const tooLong = this.#length > this.#maxBytes;
    this.#parts = [];
    this.#length = 0;
    if (tooLong) this.#onTooLong();
    else this.#onLine(line);
  }
}
