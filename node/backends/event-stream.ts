export interface StreamEvent {
  readonly event: string;
  readonly data: string;
  readonly id: string | undefined;
}

/** Reads `text/event-stream` bytes, cut anywhere; time linear to the bytes. Answers false once an event exceeds `maxBytes`. */
export class EventStreamReader {
  readonly #onEvent: (event: StreamEvent) => void;
  readonly #maxBytes: number;
  readonly #decoder = new TextDecoder('utf-8');
  #partial: string[] = [];
  #held = 0;
  #afterReturn = false;
  #data: string[] = [];
  #event = 'message';
  #id: string | undefined;

  constructor(onEvent: (event: StreamEvent) => void, options: { readonly maxBytes: number }) {
    this.#onEvent = onEvent;
    this.#maxBytes = options.maxBytes;
  }

  push(chunk: Uint8Array): boolean {
    const text = this.#decoder.decode(chunk, { stream: true });
    const ends = /\r\n|\n|\r/g;
    let from = this.#afterReturn && text.startsWith('\n') ? 1 : 0;
    if (text !== '') this.#afterReturn = text.endsWith('\r');
    ends.lastIndex = from;
    for (let end = ends.exec(text); end !== null; end = ends.exec(text)) {
      this.#partial.push(text.slice(from, end.index));
      from = ends.lastIndex;
      const line = this.#partial.length === 1 ? (this.#partial[0] as string) : this.#partial.join('');
      this.#partial = [];
      this.#line(line);
    }
    if (from < text.length) this.#partial.push(text.slice(from));
    this.#held += text.length;
    return this.#held <= this.#maxBytes;
  }

  #line(line: string): void {
    if (line === '') return this.#dispatch();
    if (line.startsWith(':')) {
      if (this.#data.length === 0) this.#held = 0;
      return;
    }
    const colon = line.indexOf(':');
    const field = colon < 0 ? line : line.slice(0, colon);
    const raw = colon < 0 ? '' : line.slice(colon + 1);
    const value = raw.startsWith(' ') ? raw.slice(1) : raw;
    if (field === 'data') this.#data.push(value);
    else if (field === 'event') this.#event = value;
    else if (field === 'id') this.#id = value;
  }

  #dispatch(): void {
    const data = this.#data;
    const event = { event: this.#event, data: data.join('\n'), id: this.#id };
    this.#data = [];
    this.#event = 'message';
    this.#held = 0;
    if (data.length > 0) this.#onEvent(event);
  }
}
