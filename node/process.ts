import { type CliPorts, runCli } from './cli/index.ts';
import { isStreamEnd } from './crash.ts';
import { giveMemoryBackWhenIdle } from './idle-memory.ts';
import { programVersion } from './version.ts';

const CRASH_STOP_MS = 3000;

let endLooking = (): void => undefined;

/** Loaded when first used, so that `--help` does not wait for libp2p. */
const ports: CliPorts = {
  createNode: async (options) => {
    const { createNode } = await import('./create-node.ts');
    endLooking();
    endLooking = giveMemoryBackWhenIdle();
    return createNode(options);
  },
  openFiles: async (dataDir, options) => (await import('./data-files.ts')).openFiles(dataDir, options),
  runBridge: async (options) => (await import('./gateway/bridge.ts')).runBridge(options),
};

const ending = new AbortController();

function onSignal(): void {
  if (ending.signal.aborted) process.exit(1); // asked twice: no longer gracefully
  ending.abort();
}

let crashed = false;

/** A bug leaves a state that nobody vouches for: say where, give the node a moment to stop, and end. */
function onUncaught(error: unknown): void {
  if (isStreamEnd(error)) return;
  process.stderr.write(`${error instanceof Error ? (error.stack ?? String(error)) : String(error)}\n`);
  process.exitCode = 1;
  if (crashed) process.exit(1);
  crashed = true;
  ending.abort();
  setTimeout(() => process.exit(1), CRASH_STOP_MS).unref();
}

process.on('SIGTERM', onSignal);
process.on('SIGINT', onSignal);
process.on('uncaughtException', onUncaught);
process.on('unhandledRejection', onUncaught);
process.stdout.on('error', ({ code }: NodeJS.ErrnoException) => {
  // The reader of a pipe went away (`village … | head`): there is nobody left to tell.
  if (code === 'EPIPE') process.exit(0);
  process.stderr.write(`what was to be printed could not be written (${code})\n`);
  process.exit(1);
});
process.stderr.on('error', () => undefined);

const code = await runCli(process.argv.slice(2), {
  ports,
  version: programVersion(),
  env: process.env,
  stdin: process.stdin,
  stdout: process.stdout,
  stderr: process.stderr,
  signal: ending.signal,
});

// What a verb leaves open (a pooled socket, a closed peer's timer) should not keep the terminal waiting.
process.stdout.write('', () => process.exit(crashed ? 1 : code));
