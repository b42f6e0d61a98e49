import { CommanderError } from 'commander';
import { VillageError } from '../../src/kernel/index.ts';
import { CliError, EXIT, exitCodeOf } from './exit.ts';
import type { Invocation } from './invocation.ts';
import type { CliPorts } from './ports.ts';
import { programOf } from './program.ts';
import { printable, Terminal } from './terminal.ts';

export interface CliOptions {
  readonly ports: CliPorts;
  readonly version: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly stdin: NodeJS.ReadStream;
  readonly stdout: NodeJS.WriteStream;
  readonly stderr: NodeJS.WritableStream;
  /** Aborts at SIGINT and SIGTERM. */
  readonly signal: AbortSignal;
}

/** Runs one command line (without `node` and the script); resolves with the exit code and never rejects. */
export async function runCli(argv: readonly string[], options: CliOptions): Promise<number> {
  const json = argv.includes('--json');
  const terminal = new Terminal(options.stdout, options.stderr, json);
  const invocation: Invocation = { ...options, terminal, exitCode: EXIT.done };
  const program = programOf(invocation, {
    version: options.version,
    writeOut: (text) => void options.stdout.write(text),
    writeErr: (text) => void (json || options.stderr.write(text)),
  });
  try {
    await program.parseAsync(argv, { from: 'user' });
    return invocation.exitCode;
  } catch (error) {
    return failed(error, terminal, json ? options.stdout : options.stderr);
  }
}

function failed(error: unknown, terminal: Terminal, out: NodeJS.WritableStream): number {
  if (error instanceof CommanderError) {
    if (error.exitCode === 0) return EXIT.done; // --help and --version
    if (terminal.json)
      tell(out, terminal, { code: 'USAGE', message: error.message.replace(/^error: /, ''), hint: 'see --help' });
    return EXIT.usage;
  }
  if (error instanceof VillageError) {
    tell(out, terminal, { code: error.code, message: error.message, hint: error.hint });
    return exitCodeOf(error);
  }
  if (error instanceof DOMException && (error.name === 'TimeoutError' || error.name === 'AbortError')) {
    const late = error.name === 'TimeoutError';
    return failed(
      new CliError(late ? 'TIMED_OUT' : 'INTERRUPTED', late ? 'it took too long' : 'interrupted', { cause: error }),
      terminal,
      out,
    );
  }
  // A bug: its stack is for whoever mends it, and carries no answer.
  terminal.note(error instanceof Error ? (error.stack ?? String(error)) : String(error));
  if (terminal.json)
    tell(out, terminal, { code: 'INTERNAL', message: 'village failed; standard error says where', hint: undefined });
  return EXIT.failed;
}

function tell(
  out: NodeJS.WritableStream,
  terminal: Terminal,
  error: { code: string; message: string; hint: string | undefined },
): void {
  if (terminal.json) out.write(`${JSON.stringify({ error })}\n`);
  else out.write(printable(`${error.code}: ${error.message}${error.hint === undefined ? '' : `\n${error.hint}`}\n`));
}
