import { MAX_LOG_BYTES } from '../../../src/fog/index.ts';
import { type LineSplitter, printedLines } from '../../backends/lines.ts';
import type { Logs } from './port.ts';

/** The newest 1 MiB of what a shard printed, by whole lines; a longer line than 16 KiB is kept by its beginning. */
export class LogRing implements Logs {
  readonly #splitter: LineSplitter;
  readonly #followers = new Set<(line: string) => void>();
  #lines: string[] = [];
  #first = 0;
  #bytes = 0;
  #dropped = 0;

  constructor() {
    this.#splitter = printedLines((line) => this.note(line));
  }

  push(chunk: Uint8Array): void {
    this.#splitter.push(chunk);
  }

  end(): void {
    this.#splitter.end();
  }

  note(text: string): void {
    const line = text.trimEnd();
    this.#lines.push(line);
    this.#bytes += sizeOf(line);
    while (this.#bytes > MAX_LOG_BYTES) {
      this.#bytes -= sizeOf(this.#lines[this.#first] as string);
      this.#first += 1;
      this.#dropped += 1;
    }
    // Moving everything up once in a while costs less than with each line that goes.
    if (this.#first > 1024 && this.#first * 2 > this.#lines.length) {
      this.#lines = this.#lines.slice(this.#first);
      this.#first = 0;
    }
    for (const follower of this.#followers) follower(line);
  }

  last(): string | undefined {
    return this.#first < this.#lines.length ? this.#lines.at(-1) : undefined;
  }

  read(): { readonly lines: readonly string[]; readonly dropped: number } {
    return { lines: this.#lines.slice(this.#first), dropped: this.#dropped };
  }

  follow(listener: (line: string) => void): () => void {
    this.#followers.add(listener);
    return () => this.#followers.delete(listener);
  }
}

/** With its line end, so that empty lines count too. */
function sizeOf(line: string): number {
  return Buffer.byteLength(line) + 1;
}
