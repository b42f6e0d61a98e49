import { Client, SdkHttpError, StreamableHTTPClientTransport, type Tool } from '@modelcontextprotocol/client';
import { pause } from '../agent-side/index.ts';
import type { Trust } from '../trust/index.ts';
import { ClientError, nothingBegun } from './client-error.ts';
import { type NodeFetch, nodeFetch } from './node-fetch.ts';
import { authOf, type TokenSource } from './tokens.ts';

export interface ConnectionOptions {
  readonly url: string | URL;
  readonly token: TokenSource;
  readonly trust: Trust | undefined;
  readonly name: string;
  readonly version: string;
  readonly era: 'auto' | 'session' | 'stateless';
  readonly timeoutMs: number;
  /** The node says that its tools changed; `undefined` when they may have, as after a restart. */
  readonly onTools: (tools: readonly Tool[] | undefined) => void;
  /** Of each client before it connects. */
  readonly onClient: (client: Client) => void;
  /** Of each that took the place of another. */
  readonly onRenewed: (client: Client) => void;
}

const FIRST_WAIT_MS = 250;
const LONGEST_WAIT_MS = 10_000;
/** What the node is given to hear that a session is over; it would forget it by itself in the end. */
const FAREWELL_MS = 1_000;

/** What an agent holds to its node: made anew when the node forgot it, as after a restart, until `close`. */
export class Connection {
  readonly #options: ConnectionOptions;
  readonly #fetch: NodeFetch;
  readonly #auth: ReturnType<typeof authOf>;
  readonly #closing = new AbortController();
  #client: Client;
  #renewing: Promise<Client> | undefined;
  #following: Promise<void> | undefined;

  private constructor(options: ConnectionOptions) {
    this.#options = options;
    this.#fetch = nodeFetch(options.trust);
    this.#auth = authOf(options.token, options);
    this.#client = this.#newClient();
  }

  /** Errors: ClientError. */
  static async open(options: ConnectionOptions): Promise<Connection> {
    const connection = new Connection(options);
    try {
      await connection.#connect(connection.#client);
    } catch (cause) {
      await connection.close();
      throw nothingBegun(cause);
    }
    return connection;
  }

  get isClosed(): boolean {
    return this.#closing.signal.aborted;
  }

  get client(): Client {
    return this.#client;
  }

  /** A new connection in place of `stale`; who asks together shares it. Errors: ClientError. */
  async renewed(stale: Client): Promise<Client> {
    if (stale !== this.#client) return this.#client;
    this.#renewing ??= this.#renew(stale).finally(() => {
      this.#renewing = undefined;
    });
    return this.#renewing;
  }

  /** Nobody may be calling: who only listens is to hear of the node again all the same. */
  lost(client: Client): void {
    if (client !== this.#client || this.#closing.signal.aborted) return;
    this.#following ??= this.#follow(client).finally(() => {
      this.#following = undefined;
    });
  }

  async close(): Promise<void> {
    this.#closing.abort();
    const said = new AbortController();
    await Promise.race([this.#farewell().finally(() => said.abort()), pause(FAREWELL_MS, said.signal)]);
    await this.#client.close();
    await this.#following;
    this.#fetch.close();
  }

  async #farewell(): Promise<void> {
    const { transport } = this.#client;
    try {
      if (transport instanceof StreamableHTTPClientTransport) await transport.terminateSession();
    } catch {
      // the node is gone, and the session with it
    }
  }

  async #renew(stale: Client): Promise<Client> {
    if (this.#closing.signal.aborted) throw new ClientError('CLOSED', 'this client was closed', { notStarted: true });
    const client = this.#newClient();
    try {
      await this.#connect(client);
    } catch (cause) {
      await client.close();
      throw nothingBegun(cause);
    }
    this.#client = client;
    await stale.close();
    if (this.#closing.signal.aborted) await client.close();
    else {
      this.#options.onRenewed(client);
      this.#options.onTools(undefined);
    }
    return client;
  }

  #newClient(): Client {
    const { name, version, era } = this.#options;
    const mode = era === 'auto' ? ('auto' as const) : { pin: '2026-07-28' };
    const client: Client = new Client(
      { name, version },
      {
        ...(era === 'session' ? {} : { versionNegotiation: { mode } }),
        listChanged: { tools: { onChanged: (_error, tools) => this.#options.onTools(tools ?? undefined) } },
      },
    );
    client.onerror = (error) => {
      // Its session is gone: what comes without being asked for comes no more.
      if (SdkHttpError.isInstance(error) && error.status === 404) this.lost(client);
    };
    this.#options.onClient(client);
    return client;
  }

  async #connect(client: Client): Promise<void> {
    const transport = new StreamableHTTPClientTransport(new URL(this.#options.url), {
      authProvider: this.#auth,
      fetch: this.#fetch.fetch,
      reconnectionOptions: {
        initialReconnectionDelay: FIRST_WAIT_MS,
        maxReconnectionDelay: LONGEST_WAIT_MS,
        reconnectionDelayGrowFactor: 2,
        maxRetries: Number.POSITIVE_INFINITY,
      },
    });
    await client.connect(transport, { timeout: this.#options.timeoutMs });
    void client.autoOpenedSubscription?.closed.then((how) => {
      if (how !== 'local') this.lost(client);
    });
  }

  async #follow(client: Client): Promise<void> {
    const { signal } = this.#closing;
    for (let waitMs = FIRST_WAIT_MS; client === this.#client; waitMs = Math.min(waitMs * 2, LONGEST_WAIT_MS)) {
      await pause(waitMs, signal);
      if (signal.aborted) return;
      try {
        await this.renewed(client);
      } catch {
        // the next call says what is wrong; until then it is tried again
      }
    }
  }
}
