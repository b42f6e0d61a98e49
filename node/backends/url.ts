import { BackendError } from './backend-error.ts';
import { Connection } from './connection.ts';
import type { Expiry } from './expiry.ts';
import { HttpChannel, type HttpChannelOptions } from './http-channel.ts';
import { SessionBeside } from './session-beside.ts';
import type { LiveEvents, Open } from './supervisor.ts';
import { watch } from './watch.ts';

const HANDSHAKE_MS = 15_000;
const PROBE_MS = 15_000;
const PROBE_TIMEOUT_MS = 5_000;

export interface UrlOptions extends Omit<HttpChannelOptions, 'onTrouble'> {
  readonly expiry: Expiry;
  readonly oneAgent: boolean;
}

/** How a server is reached that speaks Streamable HTTP. */
export function openUrl(options: UrlOptions): Open {
  return async (events, { signal }) => {
    const trouble = new EventTarget();
    const onTrouble = (): void => void trouble.dispatchEvent(new Event('trouble'));
    const connect = (tryStateless: boolean) => open({ ...options, events, onTrouble, tryStateless, signal });
    const { connection, ended } = await connect(true);
    const health = new Health(connection);
    trouble.addEventListener('trouble', () => health.probe());
    const beside = connection.terms?.alsoSessions === true ? new SessionBeside(() => session(connect)) : undefined;
    const stop = async (): Promise<void> => {
      health.stop();
      connection.close();
      beside?.stop();
    };
    return {
      connection,
      ended: Promise.race([ended, health.failed]),
      stop,
      ...(beside === undefined ? {} : { session: () => beside.connection }),
    };
  };
}

interface Opened {
  readonly connection: Connection;
  readonly ended: Promise<string>;
}

/** Throws BackendError. */
async function open(
  options: UrlOptions & {
    readonly events: LiveEvents;
    readonly onTrouble: () => void;
    readonly tryStateless: boolean;
    readonly signal: AbortSignal;
  },
): Promise<Opened> {
  const { expiry, events, oneAgent, signal } = options;
  const { promise: ended, resolve: closed } = Promise.withResolvers<string>();
  const connection = new Connection(channelTo(options, options.onTrouble), {
    ...{ expiry, oneAgent },
    events: { ...events, closed },
  });
  const giveUp = (): void => connection.close();
  signal.addEventListener('abort', giveUp, { once: true });
  try {
    await connection.open({ tryStateless: options.tryStateless, timeoutMs: HANDSHAKE_MS });
  } catch (error) {
    connection.close();
    throw error;
  } finally {
    signal.removeEventListener('abort', giveUp);
  }
  watch(connection, events);
  return { connection, ended };
}

/** A session in which the server can ask: without one, its newer era is the better of the two. */
async function session(connect: (tryStateless: boolean) => Promise<Opened>): Promise<Connection | undefined> {
  try {
    const { connection } = await connect(false);
    if (connection.twoWay) return connection;
    connection.close();
  } catch {
    // It said that it could, and the calls go on without.
  }
  return undefined;
}

function channelTo(options: UrlOptions, onTrouble: () => void): HttpChannel {
  try {
    for (const [name, value] of Object.entries(options.headers)) new Headers([[name, value]]);
  } catch {
    throw new BackendError('BACKEND_UNREACHABLE', 'one of its `headers` has a name or value that HTTP cannot carry');
  }
  return new HttpChannel({ ...options, onTrouble });
}

/** Asks now and then, and at the first trouble, whether the server still answers: by the same way and with the same credentials as calls. */
class Health {
  readonly failed: Promise<string>;
  readonly #connection: Connection;
  readonly #timer: NodeJS.Timeout;
  #fail!: (problem: string) => void;
  #probing = false;

  constructor(connection: Connection) {
    this.#connection = connection;
    this.failed = new Promise((resolve) => {
      this.#fail = resolve;
    });
    this.#timer = setInterval(() => this.probe(), PROBE_MS).unref();
  }

  probe(): void {
    if (this.#probing || this.#connection.closed) return;
    this.#probing = true;
    void this.#probe().then((problem) => {
      this.#probing = false;
      if (problem !== undefined && !this.#connection.closed) this.#fail(problem);
    });
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  async #probe(): Promise<string | undefined> {
    const method = this.#connection.terms?.era === 'stateless' ? 'server/discover' : 'ping';
    const ending = await this.#connection.ask(method, undefined, { deadlineAt: performance.now() + PROBE_TIMEOUT_MS });
    if (ending.kind === 'result' || ending.kind === 'error') return undefined;
    return ending.kind === 'failed' && 'problem' in ending.failure ? ending.failure.problem : 'it no longer answers';
  }
}
