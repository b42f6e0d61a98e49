import { parseExactJson } from '../../src/kernel/index.ts';
import { isObject } from '../../src/mcp/index.ts';
import type { Channel, ChannelEvents, OutgoingMessage } from './channel.ts';
import type { Child, Exit } from './child.ts';
import { idAtEdge, LineSplitter } from './lines.ts';
import type { OutputLog } from './output-log.ts';

/** A running program, as far as speaking with it goes. */
export type SpokenTo = Pick<Child, 'stdin' | 'stdout' | 'stderr' | 'ended'>;
/** Where what it prints besides goes. */
export type OutputSink = Pick<OutputLog, 'push' | 'end' | 'note' | 'last'>;

const MAX_LINE_BYTES = 8 * 1024 * 1024;
/** JSON leaves them as they are; Node's readline, with which many a server reads, ends a line there. */
const SEPARATORS = /[\u2028\u2029]/g;
const escaped = (sign: string): string => (sign === '\u2028' ? '\\u2028' : '\\u2029');
const EXIT_MS = 1_000;
const MAX_UNREAD_BYTES = 8 * 1024 * 1024;

/** Newline-delimited JSON-RPC over a child's standard streams. */
export class StdioChannel implements Channel {
  readonly perRequestStreams = false;
  readonly twoWay = true;
  readonly #child: SpokenTo;
  readonly #output: OutputSink;
  #events: ChannelEvents | undefined;
  #open = true;

  constructor(child: SpokenTo, options: { readonly output: OutputSink }) {
    this.#child = child;
    this.#output = options.output;
  }

  attach(events: ChannelEvents): void {
    this.#events = events;
    const lines = new LineSplitter(
      {
        line: (bytes) => this.#line(bytes),
        overlong: (edges) => {
          this.#output.note('a line over 8 MiB on its standard output was discarded');
          const id = idAtEdge(edges);
          if (id !== undefined) events.failed(id, { kind: 'too-large' });
        },
      },
      { maxBytes: MAX_LINE_BYTES },
    );
    const child = this.#child;
    child.stdout.on('data', (chunk: Buffer) => lines.push(chunk));
    child.stdout.on('end', () => {
      // It usually ends itself next, and how it does tells more.
      setTimeout(() => this.#close('it closed its standard output'), EXIT_MS).unref();
    });
    child.stderr.on('data', (chunk: Buffer) => this.#output.push(chunk));
    // A child that closes its input or dies while we write: `ended` follows, or the deadline of whoever waits.
    child.stdin.on('error', () => this.#close('it closed its standard input'));
    void child.ended.then((exit) => this.#close(this.#epitaph(exit)));
  }

  send(message: OutgoingMessage): 'sent' | 'busy' | 'closed' {
    const { stdin } = this.#child;
    if (!this.#open || !stdin.writable) return 'closed';
    const line = `${JSON.stringify(message).replaceAll(SEPARATORS, escaped)}\n`;
    if (stdin.writableLength > 0 && stdin.writableLength + line.length > MAX_UNREAD_BYTES) return 'busy';
    const { id, method } = message;
    const asked = typeof id === 'number' && method !== undefined ? id : undefined;
    // What is not queued behind other bytes may be read before we hear that it was written.
    if (asked === undefined || stdin.writableLength === 0) {
      stdin.write(line);
      if (asked !== undefined) this.#events?.written(asked);
    } else {
      stdin.write(line, (error) => error ?? this.#events?.written(asked));
    }
    return 'sent';
  }

  abandon(): void {}

  agreed(): void {}

  listen(): void {}

  close(): void {
    this.#open = false;
  }

  #line(bytes: Uint8Array): void {
    if (!this.#open) return;
    let value: unknown;
    try {
      value = parseExactJson(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8'));
    } catch {
      // Many servers print a banner; it is no reason to end them.
      this.#output.note(`not JSON on standard output: ${Buffer.from(bytes.subarray(0, 200)).toString('utf8')}`);
      return;
    }
    for (const message of Array.isArray(value) ? value : [value]) {
      if (isObject(message)) this.#events?.message(message, undefined);
    }
  }

  #close(problem: string): void {
    if (!this.#open) return;
    this.#open = false;
    this.#events?.closed(problem);
  }

  /** How it ended, and on a line of its own the last thing it printed, which may hold anything and is not for callers. */
  #epitaph(exit: Exit): string {
    const how = exit.signal === null ? `exited with code ${exit.code ?? 0}` : `was killed by ${exit.signal}`;
    this.#output.end();
    const last = this.#output.last();
    return last === undefined ? how : `${how}\n${last}`;
  }
}
