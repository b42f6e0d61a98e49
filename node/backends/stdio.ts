import { setImmediate as immediate } from 'node:timers/promises';
import { BackendError } from './backend-error.ts';
import { type Child, type ChildCommand, type Nursery, startChild } from './child.ts';
import { Connection } from './connection.ts';
import type { Expiry } from './expiry.ts';
import { OutputLog } from './output-log.ts';
import { type OutputSink, type SpokenTo, StdioChannel } from './stdio-channel.ts';
import type { Live, LiveEvents, Open } from './supervisor.ts';
import { watch } from './watch.ts';

// `npx` may download the server before it starts.
const HANDSHAKE_MS = 60_000;

export interface StdioOptions {
  readonly nursery: Nursery;
  readonly expiry: Expiry;
  readonly onLine: (line: string) => void;
  readonly oneAgent: boolean;
}

/** How a server is started that speaks MCP on its standard streams. */
export function openStdio(command: ChildCommand, options: StdioOptions): Open {
  // Some servers take anything before `initialize` for a reason to exit. Once seen, the newer era is not tried on them again.
  let tryStateless = true;
  return async (events, { signal }) => {
    const first = await attempt(command, { ...options, events, signal, tryStateless });
    if ('live' in first) return first.live;
    if (!tryStateless || !first.died || signal.aborted) throw first.error;
    const second = await attempt(command, { ...options, events, signal, tryStateless: false });
    if ('error' in second) throw second.error;
    tryStateless = false;
    return second.live;
  };
}

export interface RunningOptions {
  readonly process: SpokenTo & { readonly pid: number };
  readonly output: OutputSink;
  readonly expiry: Expiry;
  readonly handshakeMs: number;
}

/**
 * How one speaks with a program that somebody else started and will end. The session era is tried first: what a program does with
 * anything else before `initialize` may be to exit, and this one is not started twice.
 */
export function openRunning({ process, output, expiry, handshakeMs: timeoutMs }: RunningOptions): Open {
  return async (events, { signal }) => {
    const { connection, ended } = connect(process, { output, expiry, events, oneAgent: false });
    const giveUp = (): void => connection.close();
    signal.addEventListener('abort', giveUp, { once: true });
    try {
      const deadlineAt = performance.now() + timeoutMs;
      await connection
        .open({ tryStateless: false, timeoutMs })
        .catch(() => connection.open({ tryStateless: true, timeoutMs: deadlineAt - performance.now() }));
      watch(connection, events);
      return { connection, pid: process.pid, ended, stop: async () => connection.close() };
    } catch (error) {
      connection.close();
      throw error;
    } finally {
      signal.removeEventListener('abort', giveUp);
    }
  };
}

type Attempt = { readonly live: Live } | { readonly error: unknown; readonly died: boolean };

async function attempt(
  command: ChildCommand,
  options: StdioOptions & { readonly events: LiveEvents; readonly signal: AbortSignal; readonly tryStateless: boolean },
): Promise<Attempt> {
  const { nursery, events, signal } = options;
  const child = await startChild(command, nursery);
  const { connection, ended } = connect(child, { ...options, output: new OutputLog(options.onLine) });
  const giveUp = (): void => void child.stop();
  signal.addEventListener('abort', giveUp, { once: true });
  if (signal.aborted) giveUp();
  try {
    await connection.open({ tryStateless: options.tryStateless, timeoutMs: HANDSHAKE_MS });
    watch(connection, events);
    return { live: { connection, pid: child.pid, ended, stop: () => stop(child, connection) } };
  } catch (error) {
    const gone = await Promise.race([ended, immediate(undefined)]);
    await stop(child, connection);
    if (gone === undefined) return { error, died: false };
    return { error: new BackendError('BACKEND_UNREACHABLE', gone), died: true };
  } finally {
    signal.removeEventListener('abort', giveUp);
  }
}

function connect(
  child: SpokenTo,
  options: Pick<StdioOptions, 'expiry' | 'oneAgent'> & { readonly events: LiveEvents; readonly output: OutputSink },
): { readonly connection: Connection; readonly ended: Promise<string> } {
  const channel = new StdioChannel(child, { output: options.output });
  let closed!: (problem: string) => void;
  const ended = new Promise<string>((resolve) => {
    closed = resolve;
  });
  const connection = new Connection(channel, {
    expiry: options.expiry,
    events: { ...options.events, closed },
    oneAgent: options.oneAgent,
  });
  return { connection, ended };
}

async function stop(child: Child, connection: Connection): Promise<void> {
  await child.stop();
  connection.close();
}
