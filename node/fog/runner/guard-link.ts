import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Duplex, Readable, Writable } from 'node:stream';
import { CONTROL_FD, type FromGuard, type GuardOrders, type ToGuard } from './guard-messages.ts';
import { ownEnvironment, ownProgram } from './own-program.ts';
import type { EndReason, Usage } from './port.ts';
import { RunnerError } from './runner-error.ts';

const PROGRAM = ownProgram(import.meta.dirname, 'guard-main');
const MAX_HEAP_MIB = 24;

type Begun = Extract<FromGuard, { kind: 'started' | 'failed' }>;

/** The node's end of a guard process: it says where the shard is and how it ended, and ends the shard when this end closes. */
export class GuardLink {
  readonly pid: number;
  readonly stdin: Writable;
  readonly stdout: Readable;
  readonly stderr: Readable;
  /** Resolves when the guard process is gone. */
  readonly gone: Promise<void>;
  /** Resolves with how the shard ended, when nothing of it is left; undefined: the guard went first. */
  readonly ended: Promise<EndReason | undefined>;
  readonly #control: Duplex;
  readonly #begun = Promise.withResolvers<Begun>();
  readonly #over = Promise.withResolvers<EndReason | undefined>();
  #usage: Usage | undefined;
  #unread = '';

  private constructor(process: ChildProcess & { readonly pid: number }) {
    this.pid = process.pid;
    const [control, stdin, stdout, stderr] = process.stdio.slice(CONTROL_FD);
    this.#control = control as Duplex;
    this.stdin = stdin as Writable;
    this.stdout = stdout as Readable;
    this.stderr = stderr as Readable;
    this.gone = new Promise((resolve) => process.once('exit', () => resolve()));
    this.ended = this.#over.promise;
    // `close` comes after the last of what it wrote was read.
    process.once('close', () => {
      this.#begun.resolve({ kind: 'failed', problem: 'its guard ended' });
      this.#over.resolve(undefined);
    });
    this.#control.setEncoding('utf8');
    this.#control.on('data', (chunk: string) => this.#read(chunk));
    this.#control.on('error', () => undefined); // the guard was killed: `gone` says so
  }

  /** Errors: RunnerError RUNNER_FAILED. */
  static async start(): Promise<GuardLink> {
    const guard = spawn(
      process.execPath,
      [`--max-old-space-size=${MAX_HEAP_MIB}`, '--max-semi-space-size=1', '--no-warnings', PROGRAM],
      {
        detached: true, // what is meant for our group is not meant for it
        stdio: ['ignore', 'ignore', 'ignore', 'pipe', 'pipe', 'pipe', 'pipe'],
        env: ownEnvironment(),
        cwd: '/',
      },
    );
    if (guard.pid === undefined) {
      const [cause] = (await once(guard, 'error')) as [Error];
      throw new RunnerError('RUNNER_FAILED', 'no guard process can be started', { cause });
    }
    guard.on('error', () => undefined); // it was killed: `gone` says so
    return new GuardLink(guard as ChildProcess & { readonly pid: number });
  }

  /** Has the shard started; answers its first process, or why there is none. */
  begin(orders: GuardOrders): Promise<Begun> {
    this.tell({ kind: 'start', orders });
    return this.#begun.promise;
  }

  usage(): Usage | undefined {
    return this.#usage;
  }

  tell(message: ToGuard): void {
    if (this.#control.writable) this.#control.write(`${JSON.stringify(message)}\n`);
  }

  /** The guard takes it for the end of the node. */
  drop(): void {
    this.#control.destroy();
  }

  #read(chunk: string): void {
    const lines = `${this.#unread}${chunk}`.split('\n');
    this.#unread = lines.pop() ?? '';
    for (const line of lines) this.#take(JSON.parse(line) as FromGuard);
  }

  #take(message: FromGuard): void {
    if (message.kind === 'usage') this.#usage = message.usage;
    else if (message.kind === 'ended') this.#over.resolve(message.reason);
    else this.#begun.resolve(message);
  }
}
