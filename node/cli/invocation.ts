import type { Command } from 'commander';
import { dataFolderOf } from './data-folder.ts';
import type { CliPorts } from './ports.ts';
import { Session } from './session.ts';
import type { Terminal } from './terminal.ts';

/** One run of the command line: what every verb is given. */
export interface Invocation {
  readonly ports: CliPorts;
  readonly terminal: Terminal;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly stdin: NodeJS.ReadStream;
  readonly stdout: NodeJS.WriteStream;
  /** Aborts at SIGINT and SIGTERM. */
  readonly signal: AbortSignal;
  /** The verb sets what the process ends with when nothing was thrown. */
  exitCode: number;
}

/** Adds the verb's commands to the program. */
export type AddVerb = (program: Command, invocation: Invocation) => void;

export function dataOf(command: Command): string {
  return dataFolderOf(command.optsWithGlobals<{ data?: string }>().data);
}

/** Runs `work` with the node or the files of the command's data folder, and closes them whatever happens. */
export async function withSession<T>(
  command: Command,
  invocation: Invocation,
  work: (session: Session) => Promise<T>,
): Promise<T> {
  const session = new Session(dataOf(command), invocation.ports, { signal: invocation.signal });
  try {
    return await work(session);
  } finally {
    await session.close();
  }
}

/** Resolves when the command is to end. */
export function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
}
