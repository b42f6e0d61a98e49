import { LineReader } from './line-reader.ts';

/** Reads server-sent events and hands on the data of each `message`. Comments, ids and other events are passed over. */
export class EventReader {
  readonly #lines: LineReader;
  #event = 'message';
  #data: string[] = [];

  constructor(maxBytes: number, onMessage: (data: string) => void) {
    this.#lines = new LineReader(maxBytes, {
      line: (line) => this.#field(line.toString().replace(/\r$/, '')),
      tooLong: () => {},
    });
    this.#onMessage = onMessage;
  }
  readonly #onMessage: (data: string) => void;

  push(chunk: Buffer): void {
    this.#lines.push(chunk);
  }

  #field(line: string): void {
    const colon = line.indexOf(':');
    const name = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? '' : line.slice(line[colon + 1] === ' ' ? colon + 2 : colon + 1);
    if (name === 'event') this.#event = value;
    else if (name === 'data') this.#data.push(value);
    else if (line === '') this.#dispatch();
  }

  #dispatch(): void {
    const data = this.#data.join('\n');
    const isMessage = this.#event === 'message' && data !== '';
    this.#event = 'message';
    this.#data = [];
    if (isMessage) this.#onMessage(data);
  }
}
