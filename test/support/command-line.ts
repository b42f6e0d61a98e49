import { PassThrough, Readable } from 'node:stream';
import type { OfflineHandlers } from '../../node/admin/index.ts';
import { type CliPorts, runCli } from '../../node/cli/index.ts';

export interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly handlers?: Partial<OfflineHandlers>;
  readonly ports?: Partial<CliPorts>;
  readonly env?: Record<string, string>;
  readonly input?: string;
  readonly signal?: AbortSignal;
}

const unexpected = (what: string) => () => Promise.reject(new Error(`${what} was not to be used here`));

/** Runs the command line in this process, on small ports: what it printed, and what the process would end with. */
export async function runCommand(argv: readonly string[], options: RunOptions = {}): Promise<Ran> {
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  const [out, err] = [collect(stdout), collect(stderr)];
  const code = await runCli(argv, {
    ports: {
      createNode: unexpected('createNode'),
      openFiles: async () => ({ handlers: (options.handlers ?? {}) as OfflineHandlers, close: async () => undefined }),
      runBridge: unexpected('runBridge'),
      ...options.ports,
    },
    version: '1.2.3',
    env: options.env ?? {},
    stdin: Readable.from([options.input ?? '']) as unknown as NodeJS.ReadStream,
    stdout: stdout as unknown as NodeJS.WriteStream,
    stderr,
    signal: options.signal ?? new AbortController().signal,
  });
  stdout.end();
  stderr.end();
  return { code, stdout: await out, stderr: await err };
}

async function collect(stream: PassThrough): Promise<string> {
  let text = '';
  for await (const chunk of stream) text += String(chunk);
  return text;
}
