import {
  type Caller,
  capabilitiesOf,
  elicitationsRequired,
  isObject,
  missingCapability,
  NO_ABILITIES,
  type RpcError,
  type RpcId,
  type RpcRequest,
  sessionParams,
  sessionResult,
  statelessParams,
  statelessResult,
  ERRORS,
} from '../../src/mcp/index.ts';
import type { BackendContext, BackendReply, Era } from './backend.ts';
import type { ExchangeFailure } from './channel.ts';
import type { Connection } from './connection.ts';
import type { Ending } from './exchange.ts';
import { inRounds } from './input-rounds.ts';
import { OURSELVES } from './ourselves.ts';
import { failure, serverError, success } from './reply.ts';

type Params = Readonly<Record<string, unknown>>;

export interface CallOptions {
  /** `performance.now()` at which nobody waits any more. */
  readonly deadlineAt: number;
  /** How long a read may be reused, for agents of the stateless era. */
  readonly ttlMs: number;
}

/** Runs one request of an agent on `connection`, in the era of the server, and gives the answer in the era of the agent. */
export async function call(
  connection: Connection,
  request: RpcRequest,
  options: CallOptions & { readonly context: BackendContext },
): Promise<BackendReply> {
  const { context, deadlineAt } = options;
  const era = connection.terms?.era ?? 'session';
  const params = withTrace(paramsFor(era, context, request.params), context.traceparent);
  const exchange = {
    deadlineAt,
    signal: context.signal,
    progressToken: progressTokenOf(params),
    onRelated: context.onRelated,
    agent: context,
  };
  const send = (added: Params | undefined): Promise<Ending> =>
    connection.exchange(request.method, added === undefined ? params : { ...params, ...added }, exchange);
  if (context.logLevel !== undefined) await connection.wantLog(context.logLevel);
  const translated = era === 'stateless' && context.era === 'session';
  const ending = translated ? await inRounds(send, context) : await send(undefined);
  try {
    return replyFor(request, ending, { from: era, agent: context, ttlMs: options.ttlMs });
  } catch {
    // JSON.parse takes any depth and JSON.stringify does not.
    return failure(request.id, { name: 'TOO_LARGE', message: 'the server’s answer is nested too deeply' });
  }
}

function paramsFor(server: Era, agent: BackendContext, params: Params | undefined): Params | undefined {
  if (server === agent.era) return params;
  return server === 'session' ? sessionParams(params) : statelessParams(params, callerFor(agent));
}

/** A session-era agent as a stateless server is to see it: it can be asked what its client can do. */
function callerFor({ ask, client = NO_ABILITIES, logLevel }: BackendContext): Caller {
  return { ...OURSELVES, capabilities: capabilitiesOf(ask === undefined ? NO_ABILITIES : client), logLevel };
}

function withTrace(params: Params | undefined, traceparent: string | undefined): Params | undefined {
  if (traceparent === undefined) return params;
  const meta = params?.['_meta'];
  return { ...params, _meta: { ...(isObject(meta) ? meta : {}), traceparent } };
}

function progressTokenOf(params: Params | undefined): string | number | undefined {
  const meta = params?.['_meta'];
  const token = isObject(meta) ? meta['progressToken'] : undefined;
  return typeof token === 'string' || typeof token === 'number' ? token : undefined;
}

function replyFor(
  request: RpcRequest,
  ending: Ending,
  way: { readonly from: Era; readonly agent: BackendContext; readonly ttlMs: number },
): BackendReply {
  const { id, method } = request;
  const { era: to } = way.agent;
  switch (ending.kind) {
    case 'result': {
      if (way.from === to) return success(id, ending.result);
      if (to === 'stateless') return success(id, statelessResult(method, ending.result, way));
      const result = sessionResult(ending.result);
      if (result !== undefined) return success(id, result);
      return failure(id, { name: 'INTERNAL_ERROR', message: 'the server’s answer is of an unknown type' });
    }
    case 'error':
      return to === 'stateless' ? statelessError(id, ending.error, way.agent) : serverError(id, ending.error);
    case 'failed':
      return failedReply(id, ending.failure);
    case 'deadline':
      return endedByCaller(
        id,
        { name: 'DEADLINE_EXCEEDED', message: 'the server did not answer in time' },
        ending.written,
      );
    case 'cancelled':
      return endedByCaller(id, { name: 'OUTCOME_UNKNOWN', message: 'the caller cancelled the call' }, ending.written);
    case 'refused':
      return ending.because === 'busy' ? busy(id) : unavailable(id, 'the server is going away');
  }
}

/** Two errors belong to the session era alone: that of an unknown resource, and that elicitations must come first. */
function statelessError(id: RpcId, error: RpcError, { client = NO_ABILITIES }: BackendContext): BackendReply {
  if (error.code === ERRORS.RESOURCE_NOT_FOUND.code) {
    return serverError(id, { ...error, code: ERRORS.INVALID_PARAMS.code });
  }
  const required = elicitationsRequired(error);
  if (required === undefined) return serverError(id, error);
  if (required === 'malformed') return serverError(id, { ...error, code: ERRORS.INTERNAL_ERROR.code });
  const lacking = required.map((question) => missingCapability(question, client)).find((each) => each !== undefined);
  if (lacking !== undefined) return serverError(id, lacking);
  // The retry is the whole call anew, and needs no state: the server knows what it waits for.
  const inputRequests = Object.fromEntries(required.map((question, at) => [`elicitation-${at + 1}`, question]));
  return success(id, { resultType: 'input_required', inputRequests });
}

function failedReply(id: string | number, cause: ExchangeFailure): BackendReply {
  switch (cause.kind) {
    case 'too-large':
      return failure(id, { name: 'TOO_LARGE', message: 'the server’s answer is larger than 8 MiB' });
    case 'unknown':
      return failure(
        id,
        {
          name: 'OUTCOME_UNKNOWN',
          message: `the server went away before it answered: ${cause.problem.split('\n', 1)[0]}`,
        },
        { outcome: 'unknown' },
      );
    case 'not-started':
      return unavailable(id, DOWN);
    case 'session-lost':
      return unavailable(id, 'the server forgot the session');
  }
}

function endedByCaller(
  id: string | number,
  problem: { readonly name: 'DEADLINE_EXCEEDED' | 'OUTCOME_UNKNOWN'; readonly message: string },
  written: boolean,
): BackendReply {
  return failure(id, problem, written ? { outcome: 'unknown' } : { notStarted: true });
}

/** What a server printed as it died may hold anything: it is for `status` and the log of its own node, never for whoever calls. */
export const DOWN = 'it is down, and the status of its node says why';

export function unavailable(id: string | number, problem: string): BackendReply {
  return failure(
    id,
    { name: 'NO_HEALTHY_SERVER', message: `the server is not available: ${problem}` },
    { notStarted: true },
  );
}

export function busy(id: string | number): BackendReply {
  const message = 'the server is busy: too many calls are waiting for it';
  return failure(id, { name: 'NO_HEALTHY_SERVER', message }, { notStarted: true, retryAfterMs: 1_000 });
}
