import { type LineSplitter, printedLines } from './lines.ts';

const MAX_KEPT_CHARACTERS = 64 * 1024;
const MAX_LINE_CHARACTERS = 2_000;
const REPORTED_PER_SECOND = 50;

/** What a child said on standard error: the last 64 KiB, and up to 50 lines a second told to `onLine`. */
export class OutputLog {
  readonly #onLine: (line: string) => void;
  readonly #splitter: LineSplitter;
  readonly #kept: string[] = [];
  #characters = 0;
  #second = 0;
  #reported = 0;

  constructor(onLine: (line: string) => void) {
    this.#onLine = onLine;
    this.#splitter = printedLines((line) => this.note(line));
  }

  push(chunk: Uint8Array): void {
    this.#splitter.push(chunk);
  }

  /** The last line may lack its end. */
  end(): void {
    this.#splitter.end();
  }

  note(text: string): void {
    const line = text.trimEnd().slice(0, MAX_LINE_CHARACTERS);
    if (line === '') return;
    this.#kept.push(line);
    this.#characters += line.length;
    while (this.#characters > MAX_KEPT_CHARACTERS) this.#characters -= (this.#kept.shift() as string).length;
    this.#report(line);
  }

  /** The newest line; undefined when it said nothing. */
  last(): string | undefined {
    return this.#kept.at(-1);
  }

  lines(): readonly string[] {
    return this.#kept;
  }

  #report(line: string): void {
    const second = Math.floor(performance.now() / 1_000);
    if (second !== this.#second) {
      const unsaid = this.#reported - REPORTED_PER_SECOND;
      this.#second = second;
      this.#reported = 0;
      if (unsaid > 0) this.#onLine(`(${unsaid} more lines)`);
    }
    this.#reported++;
    if (this.#reported <= REPORTED_PER_SECOND) this.#onLine(line);
  }
}
