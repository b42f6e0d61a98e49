import { argumentsHash, type Deadlines, type ServedCall } from '../../protocols/mcp/index.ts';
import { ERRORS, type Era, type ErrorName, type MirroredArgument, mirroredArguments } from '../../src/mcp/index.ts';
import { decide, type Permission, type Principal, type Scope, spelledScope } from '../../src/permissions/index.ts';
import { scopeOf, scopeOfAll, scopeOfRequest, type Service } from '../../src/routing/index.ts';
import type { BackendReply } from '../backends/backend.ts';
import { failure } from '../backends/reply.ts';
import type { RouterCall, RouterPort, RouterReply } from '../gateway/router-port.ts';
import { CallContext, newCallId } from './call-context.ts';
import { capabilitiesOf } from './capabilities.ts';
import type { Refused } from './gate.ts';
import { type Job, nameIn } from './job.ts';
import { ListChanges } from './list-changes.ts';
import { isList, Lists } from './lists.ts';
import { Missing, type MissingServer } from './missing.ts';
import type { RouterParts } from './parts.ts';
import { Pipeline } from './pipeline.ts';
import { type EarlyRefusal, Recorder } from './recorder.ts';
import { type Forwarded, Replicas } from './replicas.ts';
import { Resources } from './resources.ts';
import { Serving } from './serving.ts';
import { TASK_LIST, TaskList } from './task-list.ts';
import { asksForTask, isAboutTask, ofTask, Tasks } from './tasks.ts';
import { permissionOf, type NotFound, type Resolution, resolve, type Target } from './resolve.ts';

/** How long a call waits for a server that is asked for by a name nobody here knows yet. */
const FIND_MS = 2_500;

const INSTRUCTIONS =
  'Tools of a whole village of nodes. A name with two underscores (everything__echo) belongs to the server before them; plain names are the village’s own.';

/** The one pipeline: calls that come by HTTP enter at `handle`, calls that come from peers at `serve`; both go through the same gate. */
export class Router implements RouterPort {
  readonly #parts: RouterParts;
  readonly #deadlines: Deadlines;
  readonly #replicas: Replicas;
  readonly #recorder: Recorder;
  readonly #lists = new Lists();
  readonly #changes = new ListChanges();
  readonly #mirrored = new WeakMap<object, readonly MirroredArgument[]>();
  readonly #resources: Resources;
  readonly #pipeline: Pipeline;
  readonly #serving: Serving;
  readonly #tasks: Tasks;
  readonly #taskList: TaskList;
  readonly #missing: Missing;
  readonly #stopListening: () => void;

  constructor(parts: RouterParts, deadlines: Deadlines) {
    this.#parts = parts;
    this.#deadlines = deadlines;
    this.#replicas = new Replicas(parts);
    this.#recorder = new Recorder(parts);
    this.#resources = new Resources(parts, { deadlines, replicas: this.#replicas });
    this.#tasks = new Tasks(parts.clock.now);
    const forward = (target: Target, context: CallContext) => this.#forward(target, context);
    this.#taskList = new TaskList(parts, { tasks: this.#tasks, deadlines, forward });
    this.#missing = new Missing(parts);
    this.#stopListening = parts.hosting.onChange(() => this.#missing.refresh(parts.catalogue()));
    this.#pipeline = new Pipeline(parts, this.#recorder);
    const { leases } = this.#resources;
    this.#serving = new Serving({ parts, leases, pipeline: this.#pipeline, recorder: this.#recorder });
  }

  get callsInFlight(): number {
    return this.#pipeline.callsInFlight;
  }

  async handle(call: RouterCall): Promise<RouterReply> {
    const { request } = call;
    if (this.#resources.subscriptions.size > 0) this.#resources.subscriptions.seen(call.principal);
    if (isList(request.method)) {
      const catalogue = this.#parts.catalogue();
      const village = { catalogue, policy: this.#parts.policy(), missing: this.#missing };
      return { body: this.#lists.answer(request, call, village) };
    }
    const { clock } = this.#parts;
    const limits = this.#parts.limits();
    const timeoutMs = Math.min(call.timeoutMs ?? limits.callTimeoutMs, limits.callTimeoutMs);
    const options = { deadlineAt: clock.now() + timeoutMs, deadlines: this.#deadlines };
    const context = new CallContext(call, newCallId(), options);
    try {
      if (request.method === TASK_LIST) return await this.#taskList.answer(call, context);
      return await this.#route(call, context);
    } catch (error) {
      this.#parts.reporter.report('background.failed', { area: 'router', error });
      const problem = { name: 'INTERNAL_ERROR', message: 'the node could not do this; its log says why' } as const;
      return { body: failure(request.id, problem).body };
    } finally {
      context.end();
    }
  }

  /** Does a call for a peer's node. */
  serve(call: ServedCall): Promise<BackendReply> {
    return this.#serving.serve(call);
  }

  async subscribe(
    call: Parameters<RouterPort['subscribe']>[0],
    listener: (uri: string) => void,
  ): ReturnType<RouterPort['subscribe']> {
    const { clock } = this.#parts;
    const deadlineAt = clock.now() + this.#parts.limits().callTimeoutMs;
    const context = new CallContext(call, newCallId(), { deadlineAt, deadlines: this.#deadlines });
    let end: (() => void) | undefined;
    try {
      const reply = await this.#route(call, context, async (target) => {
        const added = await this.#resources.subscriptions.add({ target, view: call.view, listener }, context);
        end = added.end;
        return added;
      });
      return end === undefined ? { kind: 'refused', reply } : { kind: 'subscribed', end };
    } finally {
      context.end();
    }
  }

  describe(principal: Principal, view: string | undefined, era: Era = 'session'): ReturnType<RouterPort['describe']> {
    const { services, village, views } = this.#parts.catalogue();
    const seen = view === undefined ? village : views.get(view);
    if (seen === undefined || (seen.service !== undefined && !this.#mayUse(principal, seen.service))) return undefined;
    const usable = seen.service === undefined ? services.filter((one) => this.#mayUse(principal, one)) : [seen.service];
    const capabilities = capabilitiesOf(usable, { era, whole: seen.service === undefined });
    const instructions = seen.service === undefined ? INSTRUCTIONS : seen.service.definition.instructions;
    return { capabilities, instructions };
  }

  mirrored(tool: string, view: string | undefined): readonly MirroredArgument[] {
    const { village, views } = this.#parts.catalogue();
    const definition = (view === undefined ? village : views.get(view))?.tools.get(tool)?.definition;
    if (definition === undefined) return [];
    const known = this.#mirrored.get(definition);
    if (known !== undefined) return known;
    const found = mirroredArguments(definition.inputSchema);
    this.#mirrored.set(definition, found);
    return found;
  }

  servers(principal: Principal): readonly Service[] {
    return this.#parts.catalogue().services.filter((one) => this.#mayUse(principal, one));
  }

  refused(refusal: EarlyRefusal): void {
    this.#recorder.refused(refusal);
  }

  onListChanged(listener: (what: 'tools' | 'resources' | 'prompts') => void): () => void {
    return this.#changes.listen(listener);
  }

  /** The catalogue may have changed: tells the listeners what did. */
  catalogueChanged(): void {
    const catalogue = this.#parts.catalogue();
    this.#missing.refresh(catalogue);
    this.#changes.compare(catalogue);
    this.#resources.subscriptions.nudge();
  }

  /** A node is not believed any more, and why; the changed catalogue follows. */
  nodeDropped(nodeId: string, reason: string): void {
    this.#missing.nodeDropped(nodeId, reason);
  }

  /** Servers that agents, or this one, could count on and that are not there now. */
  missing(principal?: Principal): readonly MissingServer[] {
    return this.#missing.list(principal);
  }

  /** A token, an agent or a node was revoked: nothing goes on in the name of such principals. */
  forget(gone: (principal: Principal) => boolean): void {
    this.#resources.forget(gone);
  }

  close(): void {
    this.#stopListening();
    this.#resources.close();
  }

  async #route(
    call: Pick<RouterCall, 'request' | 'view' | 'sourceIp' | 'era'>,
    context: CallContext,
    forward?: (target: Target) => Promise<Forwarded>,
  ): Promise<RouterReply> {
    const { sourceIp } = call;
    const began = this.#parts.clock.now();
    const resolved = await this.#resolve(call, context);
    if (resolved.kind === 'none') {
      const { request } = call;
      const hash = argumentsHash(context.callId, request);
      const called = nameIn(request);
      const scope = { server: undefined, name: called };
      const nobody = {
        server: '',
        target: called,
        called,
        scope,
        permission: undefined,
        peer: '',
        argumentsHash: hash,
      };
      const reply = failure(request.id, this.#whyNone(resolved, context));
      return answer(
        await this.#recorder.ended({ side: 'call', request, context, sourceIp, began, ...nobody }, reply),
        undefined,
        call.era,
      );
    }
    const { target } = resolved;
    const { service, name, request, task } = target;
    context.argumentsHash = argumentsHash(context.callId, request);
    const scope = scopeOfRequest(service, request, task?.tool);
    const job: Job = {
      side: 'call',
      request,
      context,
      server: service.alias,
      target: name,
      permission: this.#permission(target),
      scope,
      called: nameIn(call.request) || spelledScope(scope),
      peer: '',
      sourceIp,
      argumentsHash: context.argumentsHash,
      began,
    };
    const { reply, refused } = await this.#pipeline.perform(job, async () => {
      const { reply: answered, replica } = await this.#forward(target, context, forward);
      job.peer = replica === undefined || replica.local ? '' : replica.nodeId;
      return answered;
    });
    return answer(reply, refused, call.era);
  }

  #forward(target: Target, context: CallContext, forward?: (target: Target) => Promise<Forwarded>): Promise<Forwarded> {
    if (forward !== undefined) return forward(target);
    const forwarding = this.#replicas.forward(target, context);
    const tells = target.task !== undefined || asksForTask(target.request);
    return tells ? forwarding.then((forwarded) => this.#tasks.learn(target, context, forwarded)) : forwarding;
  }

  /** What is not found on a server that should be there is not unknown but unavailable. */
  #whyNone(resolved: NotFound, { principal, era }: CallContext): { name: ErrorName; message: string } {
    const missing = this.#missing.list(principal).find(({ server }) => server === resolved.wanted);
    // 2026-07-28 took the code of its own for a resource away.
    const name = era === 'stateless' && resolved.error === 'RESOURCE_NOT_FOUND' ? 'INVALID_PARAMS' : resolved.error;
    if (missing === undefined) return { name, message: resolved.message };
    const why = missing.problem === undefined ? '' : `: ${missing.problem}`;
    return { name: 'NO_HEALTHY_SERVER', message: `${missing.server} is not there since ${missing.since}${why}` };
  }

  #permission({ service, request, name, task }: Target): Permission | undefined {
    const policy = this.#parts.policy();
    if (task === undefined) return permissionOf(policy, service, request.method, name);
    return ofTask(permissionOf(policy, service, 'tools/call', task.tool));
  }

  async #resolve(call: Pick<RouterCall, 'request' | 'view'>, context: CallContext): Promise<Resolution> {
    const { request, view } = call;
    if (isAboutTask(request.method)) {
      return this.#tasks.resolve(request, { principal: context.principal, view }, this.#parts.catalogue());
    }
    const first = resolve(this.#parts.catalogue(), request, view);
    if (first.kind === 'target' || first.wanted === undefined) return first;
    await this.#parts.find(first.wanted, { signal: AbortSignal.any([context.signal, AbortSignal.timeout(FIND_MS)]) });
    return resolve(this.#parts.catalogue(), request, view);
  }

  /** A server is there for who may use anything of it. */
  #mayUse(principal: Principal, service: Service): boolean {
    const policy = this.#parts.policy();
    const may = (scope: Scope, method: string, name: string) =>
      decide(principal, scope, permissionOf(policy, service, method, name)).kind === 'allow';
    const { tools, prompts } = service.definition;
    return (
      may(scopeOfAll(service), 'resources/read', '') ||
      tools.some(({ name }) => may(scopeOf(service, name), 'tools/call', name)) ||
      prompts.some(({ name }) => may(scopeOf(service, name), 'prompts/get', name))
    );
  }
}

/** Errors of the servers themselves to which 2026-07-28 gives a status. */
const OF_SERVERS: Readonly<Record<string, ErrorName>> = {
  [String(ERRORS.METHOD_NOT_FOUND.code)]: 'METHOD_NOT_FOUND',
  [String(ERRORS.MISSING_CAPABILITY.code)]: 'MISSING_CAPABILITY',
};

/** HTTP wants to know of the few errors that have a status of their own. */
function answer(reply: BackendReply, refused: Refused | undefined, era: Era): RouterReply {
  if (refused === undefined) {
    const theirs = era === 'stateless' && reply.outcome === 'failed' ? OF_SERVERS[reply.reason] : undefined;
    return { body: reply.body, errorName: theirs };
  }
  const errorName: ErrorName | undefined = ERRORS[refused.error].http === 200 ? undefined : refused.error;
  return { body: reply.body, errorName, retryAfterMs: refused.retryAfterMs };
}
