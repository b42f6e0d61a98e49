import { argumentsHash } from '../../protocols/mcp/index.ts';
import { after } from '../../src/kernel/index.ts';
import { ERRORS, type Era, type ErrorName } from '../../src/mcp/index.ts';
import { type Permission, spelledScope } from '../../src/permissions/index.ts';
import { scopeOfRequest } from '../../src/routing/index.ts';
import type { Awaitable, BackendReply } from '../backends/backend.ts';
import { failure } from '../backends/reply.ts';
import type { RouterCall, RouterReply } from '../gateway/router-port.ts';
import type { CallContext } from './call-context.ts';
import type { CallTracing } from './call-tracing.ts';
import type { Refused } from './gate.ts';
import { type Job, nameIn } from './job.ts';
import { type Missing, sayMissing } from './missing.ts';
import type { RouterParts } from './parts.ts';
import type { Pipeline } from './pipeline.ts';
import type { Recorder } from './recorder.ts';
import type { Forwarded, Replicas } from './replicas.ts';
import { type NotFound, permissionOf, type Resolution, resolve, type Target } from './resolve.ts';
import { asksForTask, isAboutTask, ofTask, type Tasks } from './tasks.ts';

/** How long a call waits for a server that is asked for by a name nobody here knows yet. */
const FIND_MS = 2_500;

type Routed = Pick<RouterCall, 'request' | 'view' | 'sourceIp' | 'era'>;
/** How a call reaches its server where it is no plain request. */
type Forward = (target: Target) => Promise<Forwarded>;

type Parts = Pick<RouterParts, 'catalogue' | 'clock' | 'find' | 'policy' | 'shards'>;

interface Made {
  readonly pipeline: Pipeline;
  readonly recorder: Recorder;
  readonly replicas: Replicas;
  readonly tasks: Tasks;
  readonly missing: Missing;
  readonly tracing: CallTracing | undefined;
}

/** Calls of this node's own agents: found in the catalogue, put through the pipeline, sent to where they are served. */
export class Asking {
  readonly #parts: Parts;
  readonly #made: Made;

  constructor(parts: Parts, made: Made) {
    this.#parts = parts;
    this.#made = made;
  }

  /** Finds what the call is about and does it. Throws, or rejects, only with a fault of this node. */
  route(call: Routed, context: CallContext, forward?: Forward): Awaitable<RouterReply> {
    const began = this.#parts.clock.now();
    const resolved = this.#resolve(call, context);
    if (resolved.kind === 'target') return this.#perform(call, context, { target: resolved.target, began, forward });
    if (resolved.wanted === undefined) return this.#notFound(call, context, { resolved, began });
    return this.#findAndRoute(call, context, { wanted: resolved.wanted, began, forward });
  }

  async #findAndRoute(
    call: Routed,
    context: CallContext,
    { wanted, began, forward }: { wanted: string; began: number; forward: Forward | undefined },
  ): Promise<RouterReply> {
    await this.#parts.find(wanted, { signal: AbortSignal.any([context.signal, AbortSignal.timeout(FIND_MS)]) });
    const resolved = this.#resolve(call, context);
    return resolved.kind === 'target'
      ? this.#perform(call, context, { target: resolved.target, began, forward })
      : this.#notFound(call, context, { resolved, began });
  }

  async #notFound(
    { request, sourceIp, era }: Routed,
    context: CallContext,
    { resolved, began }: { readonly resolved: NotFound; readonly began: number },
  ): Promise<RouterReply> {
    const called = nameIn(request);
    const why = this.#whyNone(resolved, context);
    const reply = failure(request.id, why, { notStarted: why.name === 'NO_HEALTHY_SERVER' });
    const job: Job = {
      side: 'call',
      request,
      context,
      server: '',
      service: undefined,
      target: called,
      permission: undefined,
      scope: { server: undefined, name: called },
      called,
      peer: '',
      sourceIp,
      argumentsHash: argumentsHash(context.callId, request),
      began,
      span: this.#made.tracing?.begin(context).span,
    };
    return answer(await this.#made.recorder.ended(job, reply), undefined, era);
  }

  #perform(
    call: Routed,
    context: CallContext,
    { target, began, forward }: { target: Target; began: number; forward: Forward | undefined },
  ): Awaitable<RouterReply> {
    const { service, name, request, task } = target;
    context.argumentsHash = argumentsHash(context.callId, request);
    const scope = scopeOfRequest(service, request, task?.tool);
    const traced = this.#made.tracing?.begin(context);
    if (traced !== undefined) context.traceparent = traced.traceparent;
    const job: Job = {
      side: 'call',
      request,
      context,
      server: service.alias,
      service,
      target: name,
      permission: this.#permission(target),
      scope,
      called: nameIn(call.request) || spelledScope(scope),
      peer: '',
      sourceIp: call.sourceIp,
      argumentsHash: context.argumentsHash,
      began,
      span: traced?.span,
      standing: undefined,
      refused: undefined,
    };
    const reply = this.#made.pipeline.perform(job, () => {
      const placed = job.only === undefined ? target : { ...target, nodeId: job.only };
      const forwarded = this.forward(placed, context, forward);
      return after(forwarded, (done) => arrived(job, done));
    });
    return after(reply, (ended) => answer(ended, job.refused, call.era));
  }

  forward(target: Target, context: CallContext, forward?: Forward): Awaitable<Forwarded> {
    if (forward !== undefined) return forward(target);
    const { replicas } = this.#made;
    const slots = this.#parts.shards?.forward(target, context, (placed) => replicas.forward(placed, context));
    const forwarding = slots ?? replicas.forward(target, context);
    const tells = target.task !== undefined || asksForTask(target.request);
    return tells ? this.#learn(target, context, forwarding) : forwarding;
  }

  async #learn(target: Target, context: CallContext, forwarding: Awaitable<Forwarded>): Promise<Forwarded> {
    return this.#made.tasks.learn(target, context, await forwarding);
  }

  /** What is not found on a server that should be there is not unknown but unavailable. */
  #whyNone(resolved: NotFound, { principal, era }: CallContext): { name: ErrorName; message: string } {
    const missing = this.#made.missing.list(principal).find(({ server }) => server === resolved.wanted);
    // 2026-07-28 took the code of its own for a resource away.
    const name = era === 'stateless' && resolved.error === 'RESOURCE_NOT_FOUND' ? 'INVALID_PARAMS' : resolved.error;
    if (missing === undefined) return { name, message: resolved.message };
    return { name: 'NO_HEALTHY_SERVER', message: sayMissing(missing) };
  }

  #permission({ service, request, name, task }: Target): Permission | undefined {
    const policy = this.#parts.policy();
    if (task === undefined) return permissionOf(policy, service, request.method, name);
    return ofTask(permissionOf(policy, service, 'tools/call', task.tool));
  }

  #resolve({ request, view }: Routed, { principal }: CallContext): Resolution {
    const catalogue = this.#parts.catalogue();
    return isAboutTask(request.method)
      ? this.#made.tasks.resolve(request, { principal, view }, catalogue)
      : resolve(catalogue, request, view);
  }
}

/** The job's record names the node that did it. */
function arrived(job: Job, { reply, replica }: Forwarded): BackendReply {
  job.peer = replica === undefined || replica.local ? '' : replica.nodeId;
  return reply;
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
