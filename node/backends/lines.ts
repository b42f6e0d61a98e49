export interface LineEvents {
  line(bytes: Uint8Array): void;
  /** A line over the limit ended; only its first and last bytes (64 at most) were kept. */
  overlong(edges: { readonly head: Uint8Array; readonly tail: Uint8Array }): void;
}

const EDGE_BYTES = 64;
const NEWLINE = 10;

/** Cuts a byte stream into lines in time linear to the bytes, holding `maxBytes` at most. */
export class LineSplitter {
  readonly #events: LineEvents;
  readonly #maxBytes: number;
  #parts: Uint8Array[] = [];
  #held = 0;
  #head: Uint8Array | undefined;
  #tail: Uint8Array = new Uint8Array();

  constructor(events: LineEvents, options: { readonly maxBytes: number }) {
    this.#events = events;
    this.#maxBytes = options.maxBytes;
  }

  push(chunk: Uint8Array): void {
    let from = 0;
    while (from < chunk.length) {
      const end = chunk.indexOf(NEWLINE, from);
      const part = chunk.subarray(from, end < 0 ? chunk.length : end);
      this.#keep(part);
      if (end < 0) return;
      this.#finish();
      from = end + 1;
    }
  }

  /** No more bytes come: what is left is a line too. */
  end(): void {
    if (this.#held > 0 || this.#head !== undefined) this.#finish();
  }

  #keep(part: Uint8Array): void {
    if (this.#head !== undefined) {
      this.#tail = lastBytes([this.#tail, part]);
      return;
    }
    this.#parts.push(part);
    this.#held += part.length;
    if (this.#held <= this.#maxBytes) return;
    this.#head = Buffer.concat(this.#parts.slice(0, EDGE_BYTES + 1))
      .subarray(0, EDGE_BYTES)
      .slice();
    this.#tail = lastBytes(this.#parts);
    this.#parts = [];
    this.#held = 0;
  }

  #finish(): void {
    const head = this.#head;
    if (head !== undefined) {
      this.#head = undefined;
      this.#events.overlong({ head, tail: this.#tail });
      this.#tail = new Uint8Array();
      return;
    }
    const line = this.#parts.length === 1 ? (this.#parts[0] as Uint8Array) : Buffer.concat(this.#parts);
    this.#parts = [];
    this.#held = 0;
    if (line.length > 0) this.#events.line(line);
  }
}

function lastBytes(parts: readonly Uint8Array[]): Uint8Array {
  let out: Uint8Array = new Uint8Array();
  for (let index = parts.length - 1; index >= 0 && out.length < EDGE_BYTES; index--) {
    const part = parts[index] as Uint8Array;
    out = Buffer.concat([part.subarray(-(EDGE_BYTES - out.length)), out]);
  }
  return out;
}

const ID_LAST = /,"id":(\d{1,15})\}\r?$/;
const RESPONSE_FIRST = /^\{(?:"jsonrpc":"2\.0",)?"(?:result|error)":/;
const ID_FIRST = /^\{"jsonrpc":"2\.0","id":(\d{1,15}),"(?:result|error)":/;

/** The id of a response too large to read, where it stands at the very edge of the line and so is beyond doubt. */
export function idAtEdge(edges: { readonly head: Uint8Array; readonly tail: Uint8Array }): number | undefined {
  const head = Buffer.from(edges.head).toString('latin1');
  const last = RESPONSE_FIRST.test(head) ? ID_LAST.exec(Buffer.from(edges.tail).toString('latin1')) : null;
  const found = last ?? ID_FIRST.exec(head);
  return found?.[1] === undefined ? undefined : Number(found[1]);
}

const MAX_PRINTED_BYTES = 16 * 1024;

/** Splits what a child printed: each line as text, one of more than 16 KiB by its beginning. */
export function printedLines(note: (line: string) => void): LineSplitter {
  return new LineSplitter(
    {
      line: (bytes) => note(Buffer.from(bytes).toString('utf8')),
      overlong: ({ head }) => note(`${Buffer.from(head).toString('utf8')} …`),
    },
    { maxBytes: MAX_PRINTED_BYTES },
  );
}
