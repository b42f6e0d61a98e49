import { argumentsHash, type Deadlines, type ServedCall } from '../../protocols/mcp/index.ts';
import { utf8 } from '../../src/kernel/index.ts';
import { ERRORS, type Era, type ErrorName, errorText, type RpcRequest } from '../../src/mcp/index.ts';
import { decide, type Principal } from '../../src/permissions/index.ts';
import type { Service } from '../../src/routing/index.ts';
import type { BackendReply, HostedServer } from '../backends/backend.ts';
import { failure } from '../backends/reply.ts';
import type { RouterCall, RouterPort, RouterReply } from '../gateway/router-port.ts';
import { CallContext, newCallId } from './call-context.ts';
import { capabilitiesOf } from './capabilities.ts';
import { gate, type Refused } from './gate.ts';
import { type Job, nameIn } from './job.ts';
import { ListChanges } from './list-changes.ts';
import { isList, Lists } from './lists.ts';
import type { RouterParts } from './parts.ts';
import { type EarlyRefusal, Recorder } from './recorder.ts';
import { type Forwarded, Replicas } from './replicas.ts';
import { Resources } from './resources.ts';
import { permissionOf, type Resolution, resolve, type Target } from './resolve.ts';

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
  readonly #resources: Resources;
  readonly #running = new Map<string, number>();
  #inFlight = 0;

  constructor(parts: RouterParts, deadlines: Deadlines) {
    this.#parts = parts;
    this.#deadlines = deadlines;
    this.#replicas = new Replicas(parts);
    this.#recorder = new Recorder(parts);
    this.#resources = new Resources(parts, { deadlines, replicas: this.#replicas });
  }

  get callsInFlight(): number {
    return this.#inFlight;
  }

  async handle(call: RouterCall): Promise<RouterReply> {
    const { request } = call;
    if (this.#resources.subscriptions.size > 0) this.#resources.subscriptions.seen(call.principal);
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
      const { reply } = await this.#perform(job, () => this.#serveAt(hosted, peer, { request, context }));
      return reply;
    }
    const problem = { name: 'NO_HEALTHY_SERVER', message: `this node serves no ${server}` } as const;
    return this.#recorder.ended(job, failure(request.id, problem, { notStarted: true }));
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

  refused(refusal: EarlyRefusal): void {
    this.#recorder.refused(refusal);
  }

  onListChanged(listener: (what: 'tools' | 'resources' | 'prompts') => void): () => void {
    return this.#changes.listen(listener);
  }

  /** The catalogue may have changed: tells the listeners what did. */
  catalogueChanged(): void {
    this.#changes.compare(this.#parts.catalogue());
    this.#resources.subscriptions.nudge();
  }

  /** A token, an agent or a node was revoked: nothing goes on in the name of such principals. */
  forget(gone: (principal: Principal) => boolean): void {
    this.#resources.forget(gone);
  }

  close(): void {
    this.#resources.close();
  }

  #serveAt(
    server: HostedServer,
    peer: string,
    { request, context }: Pick<ServedCall, 'request' | 'context'>,
  ): Promise<BackendReply> | BackendReply {
    const { leases } = this.#resources;
    switch (request.method) {
      case 'resources/subscribe':
        return leases.subscribe({ peer, server, request, context });
      case 'resources/unsubscribe':
        return leases.unsubscribe({ peer, server, request, context });
      default:
        return server.request(request, context);
    }
  }

  async #route(
    call: Pick<RouterCall, 'request' | 'view' | 'sourceIp' | 'era'>,
    context: CallContext,
    forward: (target: Target) => Promise<Forwarded> = (target) => this.#replicas.forward(target, context),
  ): Promise<RouterReply> {
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
        call.era,
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
      const { reply: answered, replica } = await forward(target);
      job.peer = replica === undefined || replica.local ? '' : replica.nodeId;
      return answered;
    });
    return answer(reply, refused, call.era);
  }

  async #resolve(call: Pick<RouterCall, 'request' | 'view'>, context: CallContext): Promise<Resolution> {
    const { request, view } = call;
    const first = resolve(this.#parts.catalogue(), request, view);
    if (first.kind === 'target' || first.wanted === undefined) return first;
    await this.#parts.find(first.wanted, { signal: AbortSignal.any([context.signal, AbortSignal.timeout(FIND_MS)]) });
    return resolve(this.#parts.catalogue(), request, view);
  }

  /** Limits, permission, then `run`; and the record of it, whatever the outcome. */
  async #perform(
    job: Job,
    run: () => Promise<BackendReply> | BackendReply,
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

  /** A server is there for who may use anything of it. */
  #mayUse(principal: Principal, service: Service): boolean {
    const policy = this.#parts.policy();
    const asks = (method: string, name: string) => permissionOf(policy, service, method, name);
    if (decide(principal, service.alias, asks('resources/read', '')).kind === 'allow') return true;
    return service.definition.tools.some(
      ({ name }) => decide(principal, name, asks('tools/call', name)).kind === 'allow',
    );
  }
}

function tooManyInFlight(limit: number): Refused {
  const message = `this agent has ${limit} calls in flight; wait for some to end`;
  return { error: 'RATE_LIMITED', reason: 'in-flight', message, retryAfterMs: 100 };
}

function denial(request: RpcRequest, { error: name, message, reason, retryAfterMs }: Refused): BackendReply {
  return { body: utf8(errorText(request.id, { name, message }, { retryAfterMs })), outcome: 'denied', reason };
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
