import { utf8 } from '../../src/kernel/index.ts';
import { isObject, type RpcRequest, resultText } from '../../src/mcp/index.ts';
import type { Permission, Principal } from '../../src/permissions/index.ts';
import { type Catalogue, isEnded, type KnownTask, type Service, TaskBook } from '../../src/routing/index.ts';
import type { BackendReply } from '../backends/backend.ts';
import { failure } from '../backends/reply.ts';
import type { Forwarded } from './replicas.ts';
import type { Resolution, Target } from './resolve.ts';

const ABOUT_ONE: ReadonlySet<string> = new Set(['tasks/get', 'tasks/result', 'tasks/cancel']);
const PAGE = 32;
const RELATED = 'io.modelcontextprotocol/related-task';

/** A request about one task, by its id. */
export function isAboutTask(method: string): boolean {
  return ABOUT_ONE.has(method);
}

/** A tools/call that wants to be answered with a task. */
export function asksForTask({ method, params }: RpcRequest): boolean {
  return method === 'tools/call' && isObject(params?.['task']);
}

/** What may be asked of a task is what may be asked of its tool, but for what is asked once, when it is called. */
export function ofTask(permission: Permission | undefined): Permission | undefined {
  return permission && { ...permission, requiresApproval: undefined, requiresJustification: false };
}

/** What `tasks/list` and the requests about one task need to know of who asks. */
export interface TaskAsker {
  readonly principal: Principal;
  readonly view: string | undefined;
}

/** The tasks that agents of this node began, wherever they run (2025-11-25; later revisions have none of these methods). */
export class Tasks {
  readonly #book = new TaskBook();
  readonly #now: () => number;

  constructor(now: () => number) {
    this.#now = now;
  }

  /** Where the task that `request` is about runs. An id that is not this agent's is like one that nobody ever gave. */
  resolve(request: RpcRequest, { principal, view }: TaskAsker, catalogue: Catalogue): Resolution {
    const id = request.params?.['taskId'];
    if (typeof id !== 'string') return none(`${request.method} needs params.taskId, a string`);
    const task = this.#book.find(principal.agentId, id, this.#now());
    if (task === undefined) return none('Task not found');
    const service = serviceOf(task, catalogue);
    if (service === undefined) {
      return { kind: 'none', error: 'NO_HEALTHY_SERVER', message: 'the server of this task is not there now' };
    }
    if (view !== undefined && service.label !== view) return none('Task not found');
    const own = { ...request, params: { ...request.params, taskId: task.ownId } };
    const target: Target = { service, name: task.ownId, request: own, nodeId: task.nodeId, task };
    return { kind: 'target', target };
  }

  /** Learns from the answer to a request that began or concerned a task, and puts the agent's own id into it. */
  learn(target: Target, { principal }: { readonly principal: Principal }, forwarded: Forwarded): Forwarded {
    const { reply, replica } = forwarded;
    if (reply.outcome !== 'ok' || replica === undefined) return forwarded;
    const { agentId } = principal;
    const { request, task } = target;
    if (task === undefined) {
      const result = resultOf(reply);
      const begun = result?.['task'];
      if (!isObject(begun) || typeof begun['taskId'] !== 'string') return forwarded;
      const { nodeId, alias } = replica;
      const added = { ownId: begun['taskId'], nodeId, alias, tool: target.name, seen: begun };
      const known = this.#book.add(agentId, added, this.#now());
      if (known.id === known.ownId) return forwarded;
      return { ...forwarded, reply: rewritten(request, reply, { ...result, task: known.seen }) };
    }
    const renamed = task.id !== task.ownId;
    if (request.method === 'tasks/result') {
      return renamed
        ? { ...forwarded, reply: rewritten(request, reply, relatedTo(task.id, resultOf(reply))) }
        : forwarded;
    }
    const seen = resultOf(reply);
    if (seen === undefined) return forwarded;
    const { _meta: _, ...described } = seen;
    this.#book.update(agentId, task.id, described);
    return renamed ? { ...forwarded, reply: rewritten(request, reply, { ...seen, taskId: task.id }) } : forwarded;
  }

  /** A page of the agent's own tasks, those that still run asked for anew. `get` asks for one; it never rejects. */
  async list(
    request: RpcRequest,
    { principal, view }: TaskAsker,
    options: { readonly catalogue: Catalogue; readonly get: (target: Target) => Promise<unknown> },
  ): Promise<Uint8Array> {
    const { agentId } = principal;
    const cursor = request.params?.['cursor'];
    const from = cursor === undefined ? 0 : Number(cursor);
    if (!Number.isSafeInteger(from) || from < 0 || (cursor !== undefined && typeof cursor !== 'string')) {
      return failure(request.id, { name: 'INVALID_PARAMS', message: 'unknown cursor' }).body;
    }
    const { catalogue } = options;
    const all = this.#book
      .of(agentId, this.#now())
      .filter((task) => view === undefined || serviceOf(task, catalogue)?.label === view);
    const page = all.slice(from, from + PAGE);
    const running = page.filter((task) => !isEnded(task));
    await Promise.all(
      running.map(async ({ id }) => {
        const get = { jsonrpc: '2.0', id: 1, method: 'tasks/get', params: { taskId: id } } as const;
        const resolved = this.resolve(get, { principal, view }, catalogue);
        if (resolved.kind === 'target') await options.get(resolved.target);
      }),
    );
    const tasks = page.map((task) => this.#book.find(agentId, task.id, this.#now())?.seen ?? task.seen);
    const next = from + PAGE < all.length ? { nextCursor: String(from + PAGE) } : {};
    return utf8(resultText(request.id, { tasks, ...next }));
  }
}

/** The tasks that this node's servers run for agents of other nodes: each is there for the agent that began it, and nobody else. */
export class ServedTasks {
  readonly #book = new TaskBook();
  readonly #now: () => number;

  constructor(now: () => number) {
    this.#now = now;
  }

  /** The tool whose task `request` is about; undefined: this agent has no such task on this server. */
  toolOf(request: RpcRequest, { agentId }: Principal, alias: string): string | undefined {
    const id = request.params?.['taskId'];
    if (typeof id !== 'string') return undefined;
    return this.#book.find(keyOf(agentId, alias), id, this.#now())?.tool;
  }

  learn(
    request: RpcRequest,
    { agentId }: Principal,
    served: { readonly alias: string; readonly reply: BackendReply },
  ): void {
    if (served.reply.outcome !== 'ok') return;
    const begun = resultOf(served.reply)?.['task'];
    if (!isObject(begun) || typeof begun['taskId'] !== 'string') return;
    const { alias } = served;
    const tool = String(request.params?.['name']);
    this.#book.add(
      keyOf(agentId, alias),
      { ownId: begun['taskId'], nodeId: '', alias, tool, seen: begun },
      this.#now(),
    );
  }
}

function keyOf(agentId: string, alias: string): string {
  return `${agentId}\n${alias}`;
}

function serviceOf({ nodeId, alias }: KnownTask, { services }: Catalogue): Service | undefined {
  return services.find(({ replicas, otherVersions }) =>
    [...replicas, ...otherVersions].some((replica) => replica.nodeId === nodeId && replica.alias === alias),
  );
}

function resultOf(reply: BackendReply): Record<string, unknown> | undefined {
  try {
    const { result } = JSON.parse(Buffer.from(reply.body).toString('utf8')) as { result?: unknown };
    return isObject(result) ? result : undefined;
  } catch {
    return undefined; // a peer's bytes: its agent will see what is wrong with them
  }
}

function relatedTo(id: string, result: Record<string, unknown> | undefined): Record<string, unknown> {
  const meta = result?.['_meta'];
  return { ...result, _meta: { ...(isObject(meta) ? meta : {}), [RELATED]: { taskId: id } } };
}

function rewritten({ id }: RpcRequest, reply: BackendReply, result: object): BackendReply {
  return { ...reply, body: utf8(resultText(id, result)) };
}

function none(message: string): Resolution {
  return { kind: 'none', error: 'INVALID_PARAMS', message };
}
