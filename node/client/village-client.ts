import {
  type CallToolResult,
  Client,
  fromJsonSchema,
  type GetPromptResult,
  type JsonSchemaType,
  type ReadResourceResult,
  StreamableHTTPClientTransport,
  type StandardSchemaV1,
  type Tool,
} from '@modelcontextprotocol/client';
import { ClientError, clientError } from './client-error.ts';
import { authOf, type TokenSource } from './tokens.ts';

export interface VillageClientOptions {
  /** The node's endpoint, `http://127.0.0.1:7117/mcp`, or a server's own view, `…/mcp/SERVER`. */
  readonly url: string | URL;
  readonly token: TokenSource;
  readonly name?: string | undefined;
  readonly version?: string | undefined;
  /** `auto`: 2026-07-28 where the node speaks it. Default `auto`. */
  readonly era?: 'auto' | 'session' | 'stateless' | undefined;
  /** For each request. Default 60 s. */
  readonly timeoutMs?: number | undefined;
  /** How often a call that provably never began is made again. Default 2. */
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
}

type Validate = StandardSchemaV1['~standard']['validate'];

const FIRST_WAIT_MS = 100;
const LONGEST_WAIT_MS = 5_000;
const UNCLEAR: ReadonlySet<string> = new Set(['OUTCOME_UNKNOWN', 'CLOSED', 'DEADLINE_EXCEEDED']);

/**
 * An agent's connection to its node: lists and describes the tools of the village, checks arguments against a tool's schema before
 * anything is sent, and makes a call again only when that cannot do it twice. Errors: ClientError.
 */
export class VillageClient {
  readonly #client: Client;
  readonly #options: VillageClientOptions;
  readonly #listeners = new Set<(tools: readonly Tool[]) => void>();
  #tools: Promise<readonly Tool[]> | undefined;
  readonly #validators = new Map<string, { readonly tool: Tool; readonly validate: Validate }>();

  private constructor(options: VillageClientOptions) {
    const { name = 'village-client', version = '1.0.0', era = 'auto' } = options;
    this.#options = options;
    this.#client = new Client(
      { name, version },
      {
        ...(era === 'session'
          ? {}
          : { versionNegotiation: { mode: era === 'auto' ? ('auto' as const) : { pin: '2026-07-28' } } }),
        listChanged: { tools: { onChanged: (_error, tools) => this.#changed(tools ?? undefined) } },
      },
    );
  }

  static async connect(options: VillageClientOptions): Promise<VillageClient> {
    const village = new VillageClient(options);
    const transport = new StreamableHTTPClientTransport(new URL(options.url), {
      authProvider: authOf(options.token, Date.now),
    });
    try {
      await village.#client.connect(transport, { timeout: options.timeoutMs ?? 60_000 });
    } catch (cause) {
      await village.close();
      throw clientError(cause);
    }
    return village;
  }

  /** All tools that this agent may use; asked for once, and again when the node says that they changed. */
  async tools(): Promise<readonly Tool[]> {
    this.#tools ??= this.#client.listTools().then(({ tools }) => tools);
    try {
      return await this.#tools;
    } catch (cause) {
      this.#tools = undefined;
      throw clientError(cause);
    }
  }

  /** One tool as its server describes it. Errors: UNKNOWN_TOOL. */
  async describe(name: string): Promise<Tool> {
    const known = (await this.tools()).find((tool) => tool.name === name);
    if (known !== undefined) return known;
    this.#tools = undefined; // it may have come since
    const found = (await this.tools()).find((tool) => tool.name === name);
    if (found === undefined)
      throw new ClientError('UNKNOWN_TOOL', `this agent sees no tool ${name}`, { notStarted: true });
    return found;
  }

  /** Calls a tool. What the tool itself refuses is a result with `isError`. Errors: UNKNOWN_TOOL, INVALID_ARGUMENTS before anything is sent. */
  async call(
    name: string,
    args: Readonly<Record<string, unknown>> = {},
    options: CallOptions = {},
  ): Promise<CallToolResult> {
    await this.#check(await this.describe(name), args);
    const timeout = options.timeoutMs ?? this.#options.timeoutMs ?? 60_000;
    const { signal, onProgress } = options;
    return this.#again(options, () =>
      this.#client.callTool(
        { name, arguments: { ...args } },
        {
          timeout,
          ...(signal === undefined ? {} : { signal }),
          ...(onProgress === undefined ? {} : { onprogress: onProgress }),
        },
      ),
    );
  }

  read(uri: string): Promise<ReadResourceResult> {
    return this.#again({ idempotent: true }, () => this.#client.readResource({ uri }));
  }

  prompt(name: string, args: Readonly<Record<string, string>> = {}): Promise<GetPromptResult> {
    return this.#again({ idempotent: true }, () => this.#client.getPrompt({ name, arguments: { ...args } }));
  }

  /** Hears of every new list of tools. Answers how to stop. */
  onTools(listener: (tools: readonly Tool[]) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async close(): Promise<void> {
    await this.#client.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #changed(tools: readonly Tool[] | undefined): void {
    this.#tools = tools === undefined ? undefined : Promise.resolve(tools);
    if (tools !== undefined) for (const listener of this.#listeners) listener(tools);
  }

  async #check(tool: Tool, args: Readonly<Record<string, unknown>>): Promise<void> {
    let known = this.#validators.get(tool.name);
    if (known?.tool !== tool) {
      known = { tool, validate: fromJsonSchema(tool.inputSchema as JsonSchemaType)['~standard'].validate };
      this.#validators.set(tool.name, known);
    }
    const { issues } = await known.validate(args);
    if (issues === undefined) return;
    const why = issues
      .slice(0, 5)
      .map(({ message }) => message)
      .join('; ');
    throw new ClientError('INVALID_ARGUMENTS', `the arguments do not fit ${tool.name}: ${why}`, { notStarted: true });
  }

  async #again<Result>({ signal, idempotent = false }: CallOptions, attempt: () => Promise<Result>): Promise<Result> {
    const retries = this.#options.retries ?? 2;
    for (let tried = 0; ; tried += 1) {
      try {
        return await attempt();
      } catch (cause) {
        if (signal?.aborted === true) throw new ClientError('CANCELLED', 'the caller cancelled the call', { cause });
        const error = clientError(cause);
        const safe = error.notStarted || (idempotent && UNCLEAR.has(error.code));
        if (!safe || tried >= retries || error.code === 'UNAUTHENTICATED') throw error;
        await pause(Math.min(error.retryAfterMs ?? FIRST_WAIT_MS * 2 ** tried, LONGEST_WAIT_MS), signal);
      }
    }
  }
}

function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  if (signal?.aborted === true) return Promise.resolve();
  const { promise, resolve } = Promise.withResolvers<void>();
  const end = (): void => resolve();
  const timer = setTimeout(end, ms);
  signal?.addEventListener('abort', end, { once: true });
  return promise.finally(() => {
    clearTimeout(timer);
    signal?.removeEventListener('abort', end);
  });
}
