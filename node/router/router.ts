import { argumentsHash, type Deadlines, type ServedCall } from '../../protocols/mcp/index.ts';
import { utf8 } from '../../src/kernel/index.ts';
import { ERRORS, type ErrorName, errorText, type RpcRequest } from '../../src/mcp/index.ts';
import { decide, type Principal } from '../../src/permissions/index.ts';
import type { View } from '../../src/routing/index.ts';
import type { BackendReply } from '../backends/backend.ts';
import { failure } from '../backends/reply.ts';
import type { RouterCall, RouterPort, RouterReply } from '../gateway/router-port.ts';
import { CallContext, newCallId } from './call-context.ts';
import { gate, type Refused } from './gate.ts';
import { type Job, nameIn } from './job.ts';
import { ListChanges } from './list-changes.ts';
import { isList, Lists, mayUse } from './lists.ts';
import type { RouterParts } from './parts.ts';
import { type EarlyRefusal, Recorder } from './recorder.ts';
import { Replicas } from './replicas.ts';
import { permissionOf, type Resolution, resolve } from './resolve.ts';

/** How long a call waits for a server that is asked for by a name nobody here knows yet. */
const FIND_MS = 2_500;

const INSTRUCTIONS =
  'Tools of a whole village of nodes. A name with two underscores (everything__echo) belongs to the server before them; plain names are the village’s own.';

/** The one pipeline: calls that come by HTTP enter at `handle`, calls that come from peers at `serve`; both go through `#perform`. */
export class Router implements RouterPort {
  readonly #parts: RouterParts;
  readonly #deadlines: Deadlines;
  readonly #replicas: Replicas;
  readonly #recorder: Recorder;
  readonly #lists = new Lists();
  readonly #changes = new ListChanges();
  readonly #running = new Map<string, number>();
  #inFlight = 0;

  constructor(parts: RouterParts, deadlines: Deadlines) {
    this.#parts = parts;
    this.#deadlines = deadlines;
    this.#replicas = new Replicas(parts);
    this.#recorder = new Recorder(parts);
  }

  get callsInFlight(): number {
    return this.#inFlight;
  }

  async handle(call: RouterCall): Promise<RouterReply> {
    const { request } = call;
    if (isList(request.method)) {
      const village = { catalogue: this.#parts.catalogue(), policy: this.#parts.policy() };
      return { body: this.#lists.answer(request, call, village) };
    }
    const { clock } = this.#parts;
    const limits = this.#parts.limits();
    const timeoutMs = Math.min(call.timeoutMs ?? limits.callTimeoutMs, limits.callTimeoutMs);
    const options = { deadlineAt: clock.now() + timeoutMs, deadlines: this.#deadlines };
    const context = new CallContext(call, newCallId(), options);
    try {
      return await this.#route(call, context);
    } catch (error) {
      this.#parts.reporter.report('background.failed', { area: 'router', error });
      const problem = { name: 'INTERNAL_ERROR', message: 'the node could not do this; its log says why' } as const;
      return { body: failure(request.id, problem).body };
    } finally {
      context.end();
    }
  }

  /** Does a call for a peer's node, whose delegation and arguments hash are checked; everything else is checked here again. */
  async serve({ peer, server, target, request, context, argumentsHash }: ServedCall): Promise<BackendReply> {
    const hosted = this.#parts.hosting.get(server);
    const definition = hosted?.share === 'mesh' ? hosted.definition() : undefined;
    const access = definition?.access;
    const kind = access === undefined ? 'role' : 'third_party';
    const policy = this.#parts.policy();
    const permission = definition && permissionOf(policy, { kind, access }, request.method, target);
    const began = this.#parts.clock.now();
    const job: Job = {
      side: 'serve',
      request,
      context,
      server,
      target,
      permission,
      peer,
      sourceIp: '',
      argumentsHash,
      began,
    };
    if (hosted !== undefined && definition !== undefined) {
      const { reply } = await this.#perform(job, () => hosted.request(request, context));
      return reply;
    }
    const problem = { name: 'NO_HEALTHY_SERVER', message: `this node serves no ${server}` } as const;
    return this.#recorder.ended(job, failure(request.id, problem, { notStarted: true }));
  }

  describe(principal: Principal, view: string | undefined): ReturnType<RouterPort['describe']> {
    const catalogue = this.#parts.catalogue();
    const seen = view === undefined ? catalogue.village : catalogue.views.get(view);
    if (seen === undefined || !this.#mayEnter(principal, seen)) return undefined;
    const listChanged = true;
    const capabilities = {
      tools: { listChanged },
      resources: { listChanged },
      prompts: { listChanged },
      completions: {},
    };
    const instructions = seen.service === undefined ? INSTRUCTIONS : seen.service.definition.instructions;
    return { capabilities, instructions };
  }

  refused(refusal: EarlyRefusal): void {
    this.#recorder.refused(refusal);
  }

  onListChanged(listener: (what: 'tools' | 'resources' | 'prompts') => void): () => void {
    return this.#changes.listen(listener);
  }

  /** The catalogue may have changed: tells the listeners what did. */
  catalogueChanged(): void {
    this.#changes.compare(this.#parts.catalogue());
  }

  async #route(call: RouterCall, context: CallContext): Promise<RouterReply> {
    const { sourceIp } = call;
    const began = this.#parts.clock.now();
    const resolved = await this.#resolve(call, context);
    if (resolved.kind === 'none') {
      const { request } = call;
      const hash = argumentsHash(context.callId, request);
      const nobody = { server: '', target: nameIn(request), permission: undefined, peer: '', argumentsHash: hash };
      const reply = failure(request.id, { name: resolved.error, message: resolved.message });
      return answer(
        await this.#recorder.ended({ side: 'call', request, context, sourceIp, began, ...nobody }, reply),
        undefined,
      );
    }
    const { target } = resolved;
    const { service, name, request } = target;
    context.argumentsHash = argumentsHash(context.callId, request);
    const job: Job = {
      side: 'call',
      request,
      context,
      server: service.alias,
      target: name,
      permission: permissionOf(this.#parts.policy(), service, request.method, name),
      peer: '',
      sourceIp,
      argumentsHash: context.argumentsHash,
      began,
    };
    const { reply, refused } = await this.#perform(job, async () => {
      const { reply: answered, replica } = await this.#replicas.forward(target, context);
      job.peer = replica === undefined || replica.local ? '' : replica.nodeId;
      return answered;
    });
    return answer(reply, refused);
  }

  async #resolve(call: RouterCall, context: CallContext): Promise<Resolution> {
    const { request, view } = call;
    const first = resolve(this.#parts.catalogue(), request, view);
    if (first.kind === 'target' || first.wanted === undefined) return first;
    await this.#parts.find(first.wanted, { signal: AbortSignal.any([context.signal, AbortSignal.timeout(FIND_MS)]) });
    return resolve(this.#parts.catalogue(), request, view);
  }

  /** Limits, permission, then `run`; and the record of it, whatever the outcome. */
  async #perform(
    job: Job,
    run: () => Promise<BackendReply>,
  ): Promise<{ readonly reply: BackendReply; readonly refused: Refused | undefined }> {
    const { agentId } = job.context.principal;
    const { clock, rates } = this.#parts;
    const limits = this.#parts.limits();
    const running = this.#running.get(agentId) ?? 0;
    const refused =
      (running < limits.maxInFlightPerAgent ? undefined : tooManyInFlight(limits.maxInFlightPerAgent)) ??
      gate(job, rates, { perAgentPerMinute: limits.perAgentPerMinute, nowMs: clock.now() });
    if (refused !== undefined) return { reply: await this.#recorder.ended(job, denial(job.request, refused)), refused };
    const unrecordable = await this.#recorder.unready(job);
    if (unrecordable !== undefined) return { reply: unrecordable, refused: undefined };
    this.#running.set(agentId, running + 1);
    this.#inFlight += 1;
    try {
      return { reply: await this.#recorder.ended(job, await run()), refused: undefined };
    } finally {
      this.#inFlight -= 1;
      const left = (this.#running.get(agentId) ?? 1) - 1;
      if (left === 0) this.#running.delete(agentId);
      else this.#running.set(agentId, left);
    }
  }

  /** A server's own view is open to who may use anything of it. */
  #mayEnter(principal: Principal, { service, tools }: View): boolean {
    if (service === undefined) return true;
    const policy = this.#parts.policy();
    for (const entry of tools.values()) if (mayUse(principal, entry, 'tools/call', policy)) return true;
    return decide(principal, service.alias, permissionOf(policy, service, 'resources/read', '')).kind === 'allow';
  }
}

function tooManyInFlight(limit: number): Refused {
  const message = `this agent has ${limit} calls in flight; wait for some to end`;
  return { error: 'RATE_LIMITED', reason: 'in-flight', message, retryAfterMs: 100 };
}

function denial(request: RpcRequest, { error: name, message, reason, retryAfterMs }: Refused): BackendReply {
  return { body: utf8(errorText(request.id, { name, message }, { retryAfterMs })), outcome: 'denied', reason };
}

/** HTTP wants to know of the few errors that have a status of their own. */
function answer(reply: BackendReply, refused: Refused | undefined): RouterReply {
  if (refused === undefined) return { body: reply.body };
  const errorName: ErrorName | undefined = ERRORS[refused.error].http === 200 ? undefined : refused.error;
  return { body: reply.body, errorName, retryAfterMs: refused.retryAfterMs };
}
