import type { Deadlines, ServedCall } from '../../protocols/mcp/index.ts';
import { after, waits } from '../../src/kernel/index.ts';
import { type Era, type MirroredArgument, mirroredArguments } from '../../src/mcp/index.ts';
import { decide, type Principal, type Scope } from '../../src/permissions/index.ts';
import { scopeOf, scopeOfAll, type Service } from '../../src/routing/index.ts';
import type { Awaitable, BackendReply } from '../backends/backend.ts';
import { failure } from '../backends/reply.ts';
import type { RouterCall, RouterPort, RouterReply } from '../gateway/router-port.ts';
import type { CacheFigures } from '../telemetry/index.ts';
import { Asking } from './asking.ts';
import { CallContext, newCallId } from './call-context.ts';
import { CallTracing } from './call-tracing.ts';
import { capabilitiesOf } from './capabilities.ts';
import { isHidden, withheld } from './changed-parts.ts';
import { ListChanges } from './list-changes.ts';
import { type Hides, isList, Lists } from './lists.ts';
import { Missing, type MissingServer, sayMissing } from './missing.ts';
import type { RouterParts } from './parts.ts';
import { OnlyOnce } from './once.ts';
import { Pipeline } from './pipeline.ts';
import { type EarlyRefusal, Recorder } from './recorder.ts';
import { type AvoidedReplica, Replicas } from './replicas.ts';
import { permissionOf, type Target } from './resolve.ts';
import { Resources } from './resources.ts';
import { Reuse } from './reuse.ts';
import { Serving } from './serving.ts';
import { TASK_LIST, TaskList } from './task-list.ts';
import { Tasks } from './tasks.ts';
import { type ListTracing, tracedList } from './traced-list.ts';
import type { Quarantined } from './threat-records.ts';

const INSTRUCTIONS =
  'Tools of a whole village of nodes. A name with two underscores (everything__echo) belongs to the server before them; plain names are the village’s own.';

/** The one pipeline: calls that come by HTTP enter at `handle`, calls that come from peers at `serve`; both go through the same gate. */
export class Router implements RouterPort {
  readonly #parts: RouterParts;
  readonly #deadlines: Deadlines;
  readonly #recorder: Recorder;
  readonly #lists = new Lists();
  readonly #changes = new ListChanges();
  readonly #mirrored = new WeakMap<object, readonly MirroredArgument[]>();
  readonly #resources: Resources;
  readonly #pipeline: Pipeline;
  readonly #serving: Serving;
  readonly #asking: Asking;
  readonly #taskList: TaskList;
  readonly #missing: Missing;
  readonly #reuse: Reuse;
  readonly #replicas: Replicas;
  readonly #listTracing: ListTracing;
  readonly #stopListening: () => void;

  constructor(parts: RouterParts, deadlines: Deadlines) {
    this.#parts = parts;
    this.#deadlines = deadlines;
    const { reporter, clock } = parts;
    const tracing = parts.tracing && new CallTracing({ ...parts.tracing, reporter, now: clock.now });
    this.#listTracing = { tracing, reporter, now: clock.now };
    const replicas = new Replicas({ ...parts, deadlines, tracing });
    this.#replicas = replicas;
    const tasks = new Tasks(clock.now);
    this.#recorder = new Recorder(parts, tracing);
    this.#reuse = new Reuse(parts);
    const changed = (server: string): void => this.#reuse.resourceChanged(server);
    this.#resources = new Resources(parts, { deadlines, replicas, changed });
    this.#missing = new Missing(parts);
    this.#stopListening = parts.hosting.onChange(() => this.#missing.refresh(parts.catalogue()));
    const once = new OnlyOnce(parts);
    this.#pipeline = new Pipeline(parts, {
      recorder: this.#recorder,
      detours: [(job, work) => once.answer(job, work), (job, work) => this.#reuse.answer(job, work)],
    });
    this.#asking = new Asking(parts, {
      pipeline: this.#pipeline,
      recorder: this.#recorder,
      replicas,
      tasks,
      missing: this.#missing,
      tracing,
    });
    const forward = (target: Target, context: CallContext) => this.#asking.forward(target, context);
    this.#taskList = new TaskList(parts, { tasks, deadlines, forward });
    const { leases } = this.#resources;
    this.#serving = new Serving({ parts, leases, pipeline: this.#pipeline, recorder: this.#recorder, tracing });
  }

  get callsInFlight(): number {
    return this.#pipeline.callsInFlight;
  }

  /** Agents that this node keeps in quarantine by itself, now. */
  quarantined(): readonly Quarantined[] {
    return this.#pipeline.quarantined(performance.now());
  }

  /** The reply is there at once where nobody had to be waited for. */
  handle(call: RouterCall): Awaitable<RouterReply> {
    const { request } = call;
    if (this.#resources.subscriptions.size > 0) this.#resources.subscriptions.seen(call.principal);
    if (isList(request.method)) {
      const catalogue = this.#parts.catalogue();
      const { pins, policy } = this.#parts;
      const pinsVersion = pins?.version ?? 0;
      const village = { catalogue, policy: policy(), missing: this.#missing, hides: this.hides, pinsVersion };
      return tracedList(this.#listTracing, call, () => ({ body: this.#lists.answer(request, call, village) }));
    }
    const { clock } = this.#parts;
    const limits = this.#parts.limits();
    const timeoutMs = Math.min(call.timeoutMs ?? limits.callTimeoutMs, limits.callTimeoutMs);
    const options = { deadlineAt: clock.now() + timeoutMs, deadlines: this.#deadlines };
    const context = new CallContext(call, newCallId(), options);
    let reply: Awaitable<RouterReply>;
    try {
      reply = request.method === TASK_LIST ? this.#listTasks(call, context) : this.#asking.route(call, context);
    } catch (error) {
      reply = this.#broken(request, error);
    }
    if (waits(reply)) return this.#whenDone(reply, request, context);
    context.end();
    return reply;
  }

  /** Does a call for a peer's node. */
  serve(call: ServedCall): Awaitable<BackendReply> {
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
      const reply = await this.#asking.route(call, context, async (target) => {
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
    const instructions = seen.service === undefined ? INSTRUCTIONS : this.shown(seen.service).definition.instructions;
    return { capabilities, instructions };
  }

  away(principal: Principal, view: string): string | undefined {
    const missing = this.#missing.list(principal).find(({ server }) => server === view);
    return missing && sayMissing(missing);
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
    const { services } = this.#parts.catalogue();
    return services.filter((one) => this.#mayUse(principal, one)).map((one) => this.shown(one));
  }

  refused(refusal: EarlyRefusal): void {
    const { stage, sourceIp, reason } = refusal;
    if (stage === 'authenticate' || stage === 'token') this.#pipeline.loginFailed(sourceIp, reason, performance.now());
    this.#recorder.refused(refusal);
  }

  onListChanged(listener: (what: 'tools' | 'resources' | 'prompts') => void): () => void {
    return this.#changes.listen(listener);
  }

  /** The catalogue may have changed: tells the listeners what did. */
  catalogueChanged(): void {
    const catalogue = this.#parts.catalogue();
    this.#missing.refresh(catalogue);
    this.#changes.compare(catalogue, this.hides);
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

  /** What no list and no search shows. */
  readonly hides: Hides = ({ service, ownName: name }, kind) => {
    return isHidden({ service, kind, name }, this.#parts.pins, this.#parts.policy());
  };

  /** The service without what agents are not to read. */
  shown(service: Service): Service {
    return withheld(service, this.#parts.pins, this.#parts.policy());
  }

  /** What became of calls whose results may be reused. */
  get cache(): CacheFigures {
    return this.#reuse.figures;
  }

  /** Where servers run and are not asked now, for how they did. */
  avoided(): readonly AvoidedReplica[] {
    const { services } = this.#parts.catalogue();
    const offered = new Set(
      services.flatMap(({ replicas }) => replicas.map(({ nodeId, alias }) => `${nodeId}/${alias}`)),
    );
    return this.#replicas.avoided().filter(({ nodeId, server }) => offered.has(`${nodeId}/${server}`));
  }

  /** A token, an agent or a node was revoked: nothing goes on in the name of such principals. */
  forget(gone: (principal: Principal) => boolean): void {
    this.#resources.forget(gone);
  }

  close(): void {
    this.#stopListening();
    this.#resources.close();
    this.#reuse.close();
  }

  #listTasks(call: RouterCall, context: CallContext): Awaitable<RouterReply> {
    return tracedList(this.#listTracing, call, (traceparent) => {
      context.traceparent = traceparent;
      return this.#taskList.answer(call, context);
    });
  }

  #whenDone(
    reply: Awaitable<RouterReply>,
    request: RouterCall['request'],
    context: CallContext,
  ): Awaitable<RouterReply> {
    return after(
      reply,
      (done) => {
        context.end();
        return done;
      },
      (error) => {
        context.end();
        return this.#broken(request, error);
      },
    );
  }

  #broken({ id }: RouterCall['request'], error: unknown): RouterReply {
    this.#parts.reporter.report('background.failed', { area: 'router', error });
    return {
      body: failure(id, { name: 'INTERNAL_ERROR', message: 'the node could not do this; its log says why' }).body,
    };
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
