import { ERRORS, parseTraceparent, traceparentOf, untracedParent } from '../../src/mcp/index.ts';
import { type RateLimit, RateLimiter, type Replica } from '../../src/routing/index.ts';
import type { Backend, BackendContext, BackendReply } from '../backends/backend.ts';
import { newSpanId, type Reporter, type Span } from '../telemetry/index.ts';
import type { Job } from './job.ts';
import type { Target } from './resolve.ts';
import { TracedContext } from './traced-context.ts';

/** A call that is traced, and under way. */
export interface CallSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId: string | undefined;
  readonly traceparent: string;
}

/** How a call goes on from here. */
export interface Begun {
  /** undefined: this call is not traced here. */
  readonly span: CallSpan | undefined;
  /** What whoever does it is to go by; undefined: nobody has said anything. */
  readonly traceparent: string | undefined;
}

/** A call on its way to where it is answered. */
interface Leg {
  readonly context: BackendContext;
  ended(reply: BackendReply): BackendReply;
}

export interface TracingOptions {
  /** Share of the calls that are traced where their caller has not said whether to; 0 to 1. */
  readonly sampleRatio: number;
  /** Traces that one agent has by its own `traceparent` a minute; of further calls `sampleRatio` decides. */
  readonly askedPerMinute: number;
  readonly reporter: Reporter;
  /** `performance.now()` */
  readonly now: () => number;
}

/** Agents whose traces are counted at one time. */
const MAX_AGENTS = 10_000;

/**
 * Which calls are traced, and their place in the trace. The trace of a call that nobody traces yet has the call's own id, so that both
 * nodes of a hop come to the same choice, and a trace leads to the audit log.
 */
export class CallTracing {
  readonly #options: TracingOptions;
  readonly #asked = new RateLimiter({ maxKeys: MAX_AGENTS });
  readonly #mostAsked: RateLimit;

  constructor(options: TracingOptions) {
    this.#options = options;
    this.#mostAsked = { perMinute: options.askedPerMinute, burst: options.askedPerMinute };
  }

  begin({ traceparent, callId, principal }: Pick<BackendContext, 'traceparent' | 'callId' | 'principal'>): Begun {
    const said = traceparent === undefined ? undefined : parseTraceparent(traceparent);
    const isWanted = said?.sampled ?? isSampled(callId, this.#options.sampleRatio);
    if (!isWanted) return { span: undefined, traceparent };
    const traceId = said?.traceId ?? hex(callId);
    const spanId = newSpanId();
    if (said !== undefined && !this.#has(principal.agentId) && !isSampled(callId, this.#options.sampleRatio))
      return { span: undefined, traceparent: untracedParent(traceId, spanId) };
    const span = { traceId, spanId, parentSpanId: said?.parentId, traceparent: traceparentOf(traceId, spanId) };
    return { span, traceparent: span.traceparent };
  }

  /** Whether an agent has one more trace by its own word. */
  #has(agentId: string): boolean {
    return this.#asked.take(agentId, this.#mostAsked, this.#options.now()) === 0;
  }

  /** The span of `job`, which ends as `reply` says. */
  ended(span: CallSpan, job: Job, reply: BackendReply): Span {
    return { ...span, ...told(job, reply), parentIsRemote: span.parentSpanId !== undefined, startedAt: job.began };
  }

  /** As `legTo`, for a call that this node sends on. */
  leg(
    backend: Backend,
    { local, nodeId }: Replica,
    call: { readonly target: Target; readonly context: BackendContext },
  ): (Leg & { readonly call: typeof call }) | undefined {
    if (backend.kind === 'role' || call.context.traceparent === undefined) return undefined;
    const { target, context } = call;
    const { service, request, name } = target;
    const peer = local ? '' : nodeId;
    const leg = this.legTo(backend, { context, request, service, server: service.alias, target: name }, peer);
    return leg && { ...leg, call: { target, context: leg.context } };
  }

  /** The way of a traced call to a server outside this process; undefined: there is nothing to tell of. */
  legTo(backend: Backend, job: Sent, peer = ''): Leg | undefined {
    const { context, request, server } = job;
    const { kind } = backend;
    const within =
      kind === 'role' || context.traceparent === undefined ? undefined : parseTraceparent(context.traceparent);
    if (within === undefined || !within.sampled) return undefined;
    const { traceId, parentId: parentSpanId } = within;
    const spanId = newSpanId();
    const { now, reporter } = this.#options;
    const startedAt = now();
    const ended = (reply: BackendReply): BackendReply => {
      const { outcome, reason } = reply;
      const { method } = request;
      const span = { traceId, spanId, parentSpanId, parentIsRemote: false, startedAt, ...told(job, reply) };
      const durationMs = now() - startedAt;
      reporter.report('call.forwarded', { to: kind, peer, method, server, outcome, reason, durationMs, span });
      return reply;
    };
    return { context: new TracedContext(context, traceparentOf(traceId, spanId)), ended };
  }
}

type Sent = Pick<Job, 'context' | 'request' | 'server' | 'service' | 'target' | 'refused'>;

function told(
  { context, request, service, target, refused }: Sent,
  { outcome, reason }: BackendReply,
): Pick<Span, 'agent' | 'callId' | 'name' | 'errorCode'> {
  const { method } = request;
  const { tools = [], prompts = [] } = service?.definition ?? {};
  const named = method === 'prompts/get' ? prompts : method === 'tools/call' ? tools : [];
  return {
    agent: context.principal.agentId,
    callId: hex(context.callId),
    name: named.some(({ name }) => name === target) ? target : undefined,
    errorCode: outcome === 'ok' || outcome === 'tool_error' ? undefined : codeOf(refused?.error ?? reason),
  };
}

/** Of an error's name, or of the code that a server answered with. */
function codeOf(reason: string): number | undefined {
  if (Object.hasOwn(ERRORS, reason)) return ERRORS[reason as keyof typeof ERRORS].code;
  return /^-?\d{1,10}$/.test(reason) ? Number(reason) : undefined;
}

/** As the consistent sampling of OpenTelemetry has it: the last bytes of the id against a threshold. */
function isSampled(callId: Uint8Array, ratio: number): boolean {
  if (ratio === 0) return false;
  return view(callId).readUIntBE(9, 6) / 2 ** 48 >= 1 - ratio && callId.some((byte) => byte !== 0);
}

function hex(bytes: Uint8Array): string {
  return view(bytes).toString('hex');
}

function view({ buffer, byteOffset, byteLength }: Uint8Array): Buffer {
  return Buffer.from(buffer, byteOffset, byteLength);
}
