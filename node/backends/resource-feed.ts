import { setTimeout as delay } from 'node:timers/promises';
import { isObject, META } from '../../src/mcp/index.ts';
import type { Connection } from './connection.ts';
import { problemOf } from './handshake.ts';
import type { Ending } from './exchange.ts';

const FIRST_RETRY_MS = 1_000;
const LONGEST_RETRY_MS = 60_000;
const ACKNOWLEDGE_MS = 10_000;

export type Heard =
  | { readonly kind: 'heard'; readonly uris: ReadonlySet<string> }
  | { readonly kind: 'unheard'; readonly problem: string };

interface Listening {
  /** What the server says it will tell of, or why it will not. */
  readonly acknowledged: Promise<Heard>;
  readonly ended: Promise<Ending>;
  stop(): void;
}

/** One `subscriptions/listen` on a connection of the stateless era, for any number of resources; opened anew when they change. */
export class ResourceFeed {
  readonly #connection: Connection;
  readonly #onMissed: (uri: string) => void;
  #current: Listening | undefined;
  #turn: Promise<unknown> = Promise.resolve();

  /** `onMissed` is told of each resource whose changes may have gone unheard. */
  constructor(connection: Connection, onMissed: (uri: string) => void) {
    this.#connection = connection;
    this.#onMissed = onMissed;
  }

  /** Listens for changes of exactly these. The old stream ends when the new one is acknowledged, so that nothing is missed. Never rejects. */
  set(uris: readonly string[], options: { readonly deadlineAt: number }): Promise<Heard> {
    const turn = this.#turn.then(() => this.#replace(uris, options.deadlineAt));
    this.#turn = turn;
    return turn;
  }

  async #replace(uris: readonly string[], deadlineAt: number): Promise<Heard> {
    const before = this.#current;
    if (uris.length === 0) {
      this.#current = undefined;
      before?.stop();
      return { kind: 'heard', uris: new Set() };
    }
    const listening = this.#listen(uris);
    const heard = await within(listening.acknowledged, deadlineAt - performance.now());
    if (heard.kind === 'unheard') {
      listening.stop();
      return heard;
    }
    this.#current = listening;
    before?.stop();
    // Nobody waits for it: it goes on for as long as this stream is the one in use.
    void this.#resume(listening, uris);
    return heard;
  }

  #listen(uris: readonly string[]): Listening {
    const stopped = new AbortController();
    const { promise: acknowledged, resolve } = Promise.withResolvers<Heard>();
    const ended = this.#connection.ask(
      'subscriptions/listen',
      { notifications: { resourceSubscriptions: uris } },
      {
        deadlineAt: Number.POSITIVE_INFINITY,
        signal: stopped.signal,
        onRelated: (message) => {
          const honoured = acknowledgement(message);
          if (honoured !== undefined) resolve({ kind: 'heard', uris: honoured });
        },
      },
    );
    void ended.then((ending) =>
      resolve({ kind: 'unheard', problem: ending.kind === 'result' ? 'it ended the subscription' : problemOf(ending) }),
    );
    return { acknowledged, ended, stop: () => stopped.abort() };
  }

  /** A stream that ends by itself is opened again, for as long as the connection lasts. */
  async #resume(listening: Listening, uris: readonly string[]): Promise<void> {
    let retryMs = FIRST_RETRY_MS;
    await listening.ended;
    while (this.#current === listening && !this.#connection.closed) {
      await delay(retryMs, undefined, { ref: false });
      retryMs = Math.min(retryMs * 2, LONGEST_RETRY_MS);
      if (this.#current !== listening || this.#connection.closed) return;
      const heard = await this.set(uris, { deadlineAt: performance.now() + ACKNOWLEDGE_MS });
      if (heard.kind === 'heard') for (const uri of uris) this.#onMissed(uri);
    }
  }
}

function acknowledgement(message: Uint8Array): ReadonlySet<string> | undefined {
  const { method, params } = JSON.parse(Buffer.from(message).toString('utf8')) as Record<string, unknown>;
  if (method !== 'notifications/subscriptions/acknowledged' || !isObject(params)) return undefined;
  const { notifications } = params;
  const uris = isObject(notifications) ? notifications['resourceSubscriptions'] : undefined;
  return new Set(Array.isArray(uris) ? uris.filter((uri) => typeof uri === 'string') : []);
}

/** The id of the listen request that a notification belongs to, where it says so. */
export function subscriptionOf(params: Readonly<Record<string, unknown>> | undefined): unknown {
  const meta = params?.['_meta'];
  return isObject(meta) ? meta[META.subscriptionId] : undefined;
}

async function within(heard: Promise<Heard>, ms: number): Promise<Heard> {
  const over = new AbortController();
  const late = delay(Math.max(0, ms), undefined, { signal: over.signal }).then(
    (): Heard => ({ kind: 'unheard', problem: 'it did not answer in time' }),
    () => heard,
  );
  const first = await Promise.race([heard, late]);
  over.abort();
  return first;
}
