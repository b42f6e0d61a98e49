import type { CallToolResult, Client, GetPromptResult, ReadResourceResult, Tool } from '@modelcontextprotocol/client';
import { pause } from '../agent-side/index.ts';
import type { Trust } from '../trust/index.ts';
import { ArgumentCheck } from './argument-check.ts';
import { type CallerWait, callerWait } from './caller-wait.ts';
import { ClientError, clientError, nothingBegun } from './client-error.ts';
import { Connection } from './connection.ts';
import { ResourceWatches } from './resource-watches.ts';
import type { TokenSource } from './tokens.ts';

export interface VillageClientOptions {
  /** The node's endpoint, `http://127.0.0.1:7117/mcp`, or a server's own view, `…/mcp/SERVER`. */
  readonly url: string | URL;
  readonly token: TokenSource;
  /** How the node is known where the gateway speaks TLS: by its pin, or by an authority; and who this client is. */
  readonly tls?: Trust | undefined;
  readonly name?: string | undefined;
  readonly version?: string | undefined;
  /** `auto`: 2026-07-28 where the node speaks it. Default `auto`. */
  readonly era?: 'auto' | 'session' | 'stateless' | undefined;
  /** For each request; counted as no more than 24 days. Default 60 s. */
  readonly timeoutMs?: number | undefined;
  /** How often a request that is safe to repeat is made again. Default 2. */
  readonly retries?: number | undefined;
}

export interface CallOptions {
  readonly signal?: AbortSignal | undefined;
  readonly timeoutMs?: number | undefined;
  readonly onProgress?:
    | ((progress: {
        readonly progress: number;
        readonly total?: number | undefined;
        readonly message?: string | undefined;
      }) => void)
    | undefined;
  /** The caller vouches that twice is as good as once: then an unclear outcome is tried again too. */
  readonly idempotent?: boolean | undefined;
  /**
   * A name for this very call, 1 to 128 characters, never used for another. The node runs it once within ten minutes however often it is
   * sent, and answers again what came of it: then an unclear outcome is tried again too.
   */
  readonly idempotencyKey?: string | undefined;
}

const ONCE_KEY = 'village/idempotency-key';
const FIRST_WAIT_MS = 100;
const MAX_KEY = 128;
/** What a timer can hold. */
const MAX_TIMEOUT_MS = 2 ** 31 - 1;
/** It would be refused again. */
const HOPELESS: ReadonlySet<string> = new Set(['UNAUTHENTICATED', 'UNTRUSTED', 'UNKNOWN_TOOL', 'INVALID_ARGUMENTS']);
const UNCLEAR: ReadonlySet<string> = new Set(['OUTCOME_UNKNOWN', 'CLOSED', 'DEADLINE_EXCEEDED']);

/**
 * An agent's connection to its node: lists and describes the tools of the village, checks arguments against a tool's schema before
 * anything is sent, and makes a call again only when that cannot do it twice. Errors: ClientError.
 */
export class VillageClient {
  readonly #options: VillageClientOptions;
  readonly #listeners = new Set<(tools: readonly Tool[]) => void>();
  readonly #check = new ArgumentCheck();
  readonly #watches = new ResourceWatches((client) => this.#connection?.lost(client));
  #connection: Connection | undefined;
  #tools: Promise<readonly Tool[]> | undefined;

  private constructor(options: VillageClientOptions) {
    this.#options = options;
  }

  static async connect(options: VillageClientOptions): Promise<VillageClient> {
    const { url, token, tls: trust, name = 'village-client', version = '1.0.0', era = 'auto' } = options;
    if (!URL.canParse(String(url))) throw new ClientError('INVALID_REQUEST', 'the URL is none', { notStarted: true });
    const village = new VillageClient(options);
    village.#connection = await Connection.open({
      ...{ url, token, trust, name, version, era },
      timeoutMs: village.#timeoutMs,
      onTools: (tools) => village.#changed(tools),
      onClient: (client) => village.#watches.attach(client),
      onRenewed: (client) => void village.#watches.renew(client),
    });
    return village;
  }

  /** All tools that this agent may use; asked for once, and again when the node says that they changed. */
  async tools(): Promise<readonly Tool[]> {
    const list = (client: Client, timeout: number) => client.listTools(undefined, { timeout });
    this.#tools ??= this.#again({ idempotent: true }, list).then(({ tools }) => tools);
    const asked = this.#tools;
    try {
      return await asked;
    } catch (cause) {
      if (this.#tools === asked) this.#tools = undefined;
      throw nothingBegun(cause);
    }
  }

  /** One tool as its server describes it. Errors: UNKNOWN_TOOL. */
  describe(name: string): Promise<Tool> {
    return this.#described(name, { endsAt: performance.now() + this.#timeoutMs });
  }

  /** Calls a tool. What the tool itself refuses is a result with `isError`. Errors: UNKNOWN_TOOL, INVALID_ARGUMENTS before anything is sent. */
  async call(
    name: string,
    args: Readonly<Record<string, unknown>> = {},
    options: CallOptions = {},
  ): Promise<CallToolResult> {
    const { signal, onProgress, idempotencyKey: key, timeoutMs = this.#timeoutMs } = options;
    const endsAt = performance.now() + Math.min(timeoutMs, MAX_TIMEOUT_MS);
    await this.#check.fits(await this.#described(name, { signal, endsAt }), args);
    if (key !== undefined && (key.length < 1 || key.length > MAX_KEY))
      throw new ClientError('INVALID_PARAMS', `an idempotency key has 1 to ${MAX_KEY} characters`, {
        notStarted: true,
      });
    const params = { name, arguments: { ...args }, ...(key === undefined ? {} : { _meta: { [ONCE_KEY]: key } }) };
    return this.#again({ ...options, timeoutMs: endsAt - performance.now() }, (client, timeout) =>
      client.callTool(params, {
        timeout,
        ...(signal === undefined ? {} : { signal }),
        ...(onProgress === undefined ? {} : { onprogress: onProgress }),
      }),
    );
  }

  read(uri: string): Promise<ReadResourceResult> {
    return this.#again({ idempotent: true }, (client, timeout) => client.readResource({ uri }, { timeout }));
  }

  prompt(name: string, args: Readonly<Record<string, string>> = {}): Promise<GetPromptResult> {
    const params = { name, arguments: { ...args } };
    return this.#again({ idempotent: true }, (client, timeout) => client.getPrompt(params, { timeout }));
  }

  /**
   * Hears of each change of a resource, and whenever one may have been missed, as when the node was started again. Answers how to stop.
   * Errors: RESOURCE_NOT_FOUND, PERMISSION_DENIED where this agent is told nothing of it.
   */
  async subscribe(uri: string, listener: (uri: string) => void): Promise<() => Promise<void>> {
    const own = (changed: string): void => listener(changed); // the same function twice is two listeners
    await this.#again({ idempotent: true }, (client) => this.#watches.add(client, uri, own));
    return () => this.#unsubscribe(uri, own);
  }

  /** Hears of every new list of tools. Answers how to stop. */
  onTools(listener: (tools: readonly Tool[]) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async close(): Promise<void> {
    await this.#connection?.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  get #timeoutMs(): number {
    return Math.min(this.#options.timeoutMs ?? 60_000, MAX_TIMEOUT_MS);
  }

  async #described(name: string, caller: CallerWait): Promise<Tool> {
    for (const isAgain of [false, true]) {
      if (isAgain) this.#tools = undefined; // it may have come since
      const found = (await callerWait(this.tools(), caller)).find((tool) => tool.name === name);
      if (found !== undefined) return found;
    }
    throw new ClientError('UNKNOWN_TOOL', `this agent sees no tool ${name}`, { notStarted: true });
  }

  #changed(tools: readonly Tool[] | undefined): void {
    this.#tools = tools === undefined ? undefined : Promise.resolve(tools);
    if (tools !== undefined) for (const listener of this.#listeners) listener(tools);
    else if (this.#listeners.size > 0) void this.#askAgain();
  }

  async #unsubscribe(uri: string, listener: (uri: string) => void): Promise<void> {
    try {
      if (this.#connection !== undefined) await this.#watches.remove(this.#connection.client, uri, listener);
    } catch {
      // the node forgets it with the connection
    }
  }

  async #askAgain(): Promise<void> {
    try {
      const tools = await this.tools();
      for (const listener of this.#listeners) listener(tools);
    } catch {
      // gone again: whoever comes next hears why
    }
  }

  /**
   * Makes a request, and makes it again while that cannot do anything twice and there is time: `timeoutMs` is for all attempts and the
   * waits between them.
   */
  async #again<Result>(
    { signal, timeoutMs = this.#timeoutMs, idempotent = false, idempotencyKey }: CallOptions,
    attempt: (client: Client, timeoutMs: number) => Promise<Result>,
  ): Promise<Result> {
    const connection = this.#connection;
    if (connection?.isClosed !== false)
      throw new ClientError('CLOSED', 'this client is not connected', { notStarted: true });
    const endsAt = performance.now() + timeoutMs;
    const unclearToo = idempotent || idempotencyKey !== undefined;
    let { client } = connection;
    let stale = false;
    let mayHaveRun = false;
    for (let tried = 0; ; tried += 1) {
      try {
        if (stale) client = await callerWait(connection.renewed(client), { signal, endsAt });
        stale = false;
        return await attempt(client, Math.max(1, endsAt - performance.now()));
      } catch (cause) {
        if (signal?.aborted === true) throw new ClientError('CANCELLED', 'the caller cancelled the call', { cause });
        const error = clientError(cause);
        const safe = error.notStarted ? !HOPELESS.has(error.code) : unclearToo && UNCLEAR.has(error.code);
        const waitMs = error.retryAfterMs ?? FIRST_WAIT_MS * 2 ** tried;
        const retries = this.#options.retries ?? 2;
        if (!safe || tried >= retries || performance.now() + waitMs >= endsAt)
          throw mayHaveRun ? afterUnclear(error) : error;
        mayHaveRun ||= !error.notStarted;
        await pause(waitMs, signal);
        stale ||= error.code === 'CLOSED';
        if (!stale) ({ client } = connection);
      }
    }
  }
}

/** The last attempt may have begun nothing; one before it may have. */
function afterUnclear(error: ClientError): ClientError {
  if (!error.notStarted) return error;
  const message = `an earlier attempt may have run; the last one: ${error.message}`;
  return new ClientError('OUTCOME_UNKNOWN', message, { cause: error, retryAfterMs: error.retryAfterMs });
}
