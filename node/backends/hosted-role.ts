import { utf8 } from '../../src/kernel/index.ts';
import { isObject, type RpcId, type RpcRequest, type ServerDefinition } from '../../src/mcp/index.ts';
import type { Reporter } from '../telemetry/events.ts';
import type {
  Awaitable,
  BackendContext,
  BackendReply,
  HostedServer,
  ResourceListener,
  ServerState,
} from './backend.ts';
import { invalidArguments } from './invalid-arguments.ts';
import { paced } from './paced.ts';
import { failure, success } from './reply.ts';
import { isSubscription, UNSUBSCRIBE } from './subscription-methods.ts';
import type { Progress, Refusal, Role, RoleContext, RoleTool, ToolOutcome } from './role.ts';
import { definitionOf } from './role-definition.ts';

interface RoleParts {
  /** Milliseconds since 1970. */
  readonly wallMs: () => number;
  readonly reporter: Reporter;
}

/** Hosts a role in this process, as any other server is hosted. */
export class HostedRole implements HostedServer {
  readonly kind = 'role';
  readonly share: 'mesh' | 'local';
  readonly alias: string;
  readonly onResourceUpdated?: (listener: ResourceListener) => () => void;
  readonly #role: Role;
  readonly #definition: ServerDefinition;
  readonly #tools: ReadonlyMap<string, RoleTool>;
  readonly #parts: RoleParts;
  #state: { readonly state: ServerState; readonly since: number };

  constructor(role: Role, parts: RoleParts) {
    this.alias = role.name;
    this.share = role.share ?? 'mesh';
    const { onUpdated } = role;
    if (onUpdated !== undefined) {
      this.onResourceUpdated = (listener) => {
        const { add, close } = paced((uri) => listener(uri, undefined));
        const stopListening = onUpdated.call(role, add);
        return () => {
          stopListening();
          close();
        };
      };
    }
    this.#role = role;
    this.#definition = definitionOf(role);
    this.#tools = new Map(role.tools.map((tool) => [tool.name, tool]));
    this.#parts = parts;
    this.#state = { state: 'starting', since: this.#parts.wallMs() };
  }

  state(): { readonly state: ServerState; readonly since: number } {
    return this.#state;
  }

  definition(): ServerDefinition {
    return this.#definition;
  }

  async start(): Promise<void> {
    this.#state = { state: 'healthy', since: this.#parts.wallMs() };
  }

  async stop(): Promise<void> {
    this.#state = { state: 'down', since: this.#parts.wallMs() };
  }

  request(request: RpcRequest, context: BackendContext): Awaitable<BackendReply> {
    try {
      const reply = this.#answer(request, context);
      return reply instanceof Promise ? reply.catch((error: unknown) => this.#failed(request, error)) : reply;
    } catch (error) {
      return this.#failed(request, error);
    }
  }

  #answer(request: RpcRequest, context: BackendContext): Awaitable<BackendReply> {
    switch (request.method) {
      case 'tools/call':
        return this.#call(request, context);
      case 'resources/read':
        return this.#read(request, context);
      case 'prompts/get':
        return this.#prompt(request, context);
      case 'completion/complete':
        return success(request.id, inEra({ completion: { values: [], total: 0, hasMore: false } }, context));
      case 'ping':
        return success(request.id, inEra({}, context));
      default:
        if (isSubscription(request.method) && this.#role.onUpdated !== undefined) {
          return this.#subscription(request, context);
        }
        return failure(request.id, {
          name: 'METHOD_NOT_FOUND',
          message: `${this.alias} has no method ${request.method}`,
        });
    }
  }

  /** Which of its parts failed is for our log, not for whoever called. */
  #failed({ id }: RpcRequest, error: unknown): BackendReply {
    this.#parts.reporter.report('background.failed', { area: `role ${this.alias}`, error });
    return failure(id, { name: 'INTERNAL_ERROR', message: `${this.alias} failed to answer` });
  }

  #call({ id, params }: RpcRequest, context: BackendContext): Awaitable<BackendReply> {
    const name = params?.['name'];
    const tool = typeof name === 'string' ? this.#tools.get(name) : undefined;
    if (tool === undefined) return failure(id, { name: 'INVALID_PARAMS', message: `Unknown tool: ${String(name)}` });
    const parsed = tool.input.safeParse(params?.['arguments'] ?? {});
    if (!parsed.success) return refused(id, invalidArguments(parsed.error), context);
    const handled = tool.handle(parsed.data, withProgress(params, context));
    return handled instanceof Promise ? this.#whenDone(id, tool, { handled, context }) : told(id, handled, context);
  }

  async #whenDone(
    id: RpcId,
    tool: RoleTool,
    { handled, context }: { readonly handled: Promise<ToolOutcome>; readonly context: BackendContext },
  ): Promise<BackendReply> {
    const outcome = await unlessAborted(handled, context.signal);
    if (outcome !== undefined) return told(id, outcome, context);
    const late = { name: 'DEADLINE_EXCEEDED', message: `${tool.name} did not finish in time` } as const;
    return failure(id, late, { outcome: 'unknown' });
  }

  async #read(request: RpcRequest, context: BackendContext): Promise<BackendReply> {
    const { id, params } = request;
    const uri = params?.['uri'];
    const resource = this.#role.resources.find((one) => one.uri === uri);
    const value =
      typeof uri === 'string' ? await (resource?.read(context) ?? this.#role.readTemplate?.(uri, context)) : undefined;
    if (value === undefined || typeof uri !== 'string') return noResource(request, context);
    const contents = [{ uri, mimeType: 'application/json', text: JSON.stringify(value) }];
    const reuse = context.era === 'stateless' ? { ttlMs: resource?.ttlMs ?? 0, cacheScope: 'private' } : {};
    return success(id, inEra({ contents, ...reuse }, context));
  }

  /** Every change is told; who wants to hear of which is known where the listeners are. */
  #subscription(request: RpcRequest, context: BackendContext): BackendReply {
    const { id, method, params } = request;
    const uri = params?.['uri'];
    const listed = this.#role.resources.some((one) => one.uri === uri);
    const known = listed || (typeof uri === 'string' && this.#role.readTemplate?.(uri, context) !== undefined);
    return known || method === UNSUBSCRIBE ? success(id, inEra({}, context)) : noResource(request, context);
  }

  #prompt({ id, params }: RpcRequest, context: BackendContext): BackendReply {
    const prompt = this.#role.prompts.find((one) => one.name === params?.['name']);
    if (prompt === undefined) {
      return failure(id, { name: 'INVALID_PARAMS', message: `Unknown prompt: ${String(params?.['name'])}` });
    }
    const args = params?.['arguments'] ?? {};
    if (!isObject(args) || Object.values(args).some((value) => typeof value !== 'string')) {
      return failure(id, { name: 'INVALID_PARAMS', message: 'params.arguments must be an object of strings' });
    }
    const missing = prompt.arguments.find((argument) => argument.required && args[argument.name] === undefined);
    if (missing !== undefined) {
      return failure(id, { name: 'INVALID_PARAMS', message: `params.arguments.${missing.name} is required` });
    }
    const text = prompt.write(args as Record<string, string>);
    const messages = [{ role: 'user', content: { type: 'text', text } }];
    return success(id, inEra({ description: prompt.description, messages }, context));
  }
}

/** Who wants to hear how far a call is has named a token for it. */
function withProgress(params: RpcRequest['params'], context: BackendContext): RoleContext {
  const meta = params?.['_meta'];
  const progressToken = isObject(meta) ? meta['progressToken'] : undefined;
  const { onRelated } = context;
  if ((typeof progressToken !== 'string' && typeof progressToken !== 'number') || onRelated === undefined)
    return context;
  const onProgress = (said: Progress): void =>
    onRelated(
      utf8(JSON.stringify({ jsonrpc: '2.0', method: 'notifications/progress', params: { progressToken, ...said } })),
    );
  // Not every context has its signal as a property of its own: it is made when it is asked for.
  return { ...context, signal: context.signal, onProgress };
}

/** 2026-07-28 counts an unknown URI among invalid parameters; before, it had a code of its own. */
function noResource({ id, params }: RpcRequest, { era }: BackendContext): BackendReply {
  const name = era === 'stateless' ? 'INVALID_PARAMS' : 'RESOURCE_NOT_FOUND';
  return failure(id, { name, message: `Resource not found: ${String(params?.['uri'])}` });
}

function told(id: RpcId, outcome: ToolOutcome, context: BackendContext): BackendReply {
  return outcome.kind === 'refusal' ? refused(id, outcome.refusal, context) : answered(id, outcome.value, context);
}

/** A result as the text that goes out: one JSON.stringify for the value and one to quote it, since this is every role's hot path. */
function answered(id: RpcId, value: Readonly<Record<string, unknown>>, { era }: BackendContext): BackendReply {
  const json = JSON.stringify(value);
  return {
    body: utf8(toolResult(id, json, era === 'stateless' ? ',"resultType":"complete"' : '')),
    outcome: 'ok',
    reason: '',
  };
}

function refused(id: RpcId, why: Refusal, { era }: BackendContext): BackendReply {
  const complete = era === 'stateless' ? ',"resultType":"complete"' : '';
  const body = utf8(toolResult(id, JSON.stringify(why), `,"isError":true${complete}`));
  return { body, outcome: 'tool_error', reason: why.code };
}

function toolResult(id: RpcId, json: string, more: string): string {
  const content = `[{"type":"text","text":${JSON.stringify(json)}}]`;
  return `{"jsonrpc":"2.0","id":${JSON.stringify(id)},"result":{"content":${content},"structuredContent":${json}${more}}}`;
}

function inEra(value: Readonly<Record<string, unknown>>, { era }: BackendContext): Readonly<Record<string, unknown>> {
  return era === 'stateless' ? { ...value, resultType: 'complete' } : value;
}

/** undefined when the caller stopped waiting first. */
async function unlessAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T | undefined> {
  if (signal.aborted) {
    work.catch(() => undefined); // nobody waits for it any more
    return undefined;
  }
  const { promise, resolve } = Promise.withResolvers<undefined>();
  const stop = () => resolve(undefined);
  signal.addEventListener('abort', stop, { once: true });
  try {
    return await Promise.race([work, promise]);
  } finally {
    signal.removeEventListener('abort', stop);
  }
}
