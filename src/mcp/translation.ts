import { isObject } from './envelope.ts';
import { META } from './eras.ts';
import type { LogLevel } from './log-level.ts';

type Params = Readonly<Record<string, unknown>>;

/** Who speaks and what it can do: repeated in every request of the stateless era. */
export interface Caller {
  readonly version: string;
  readonly clientInfo: { readonly name: string; readonly version: string };
  readonly capabilities: Params;
  /** The least grave log message it wants to hear. */
  readonly logLevel?: LogLevel | undefined;
}

const RESERVED: readonly string[] = [META.protocolVersion, META.clientInfo, META.clientCapabilities, META.logLevel];

/**
 * Params of a stateless request as a session-era server reads them: without the caller, without what only a retry carries, and
 * without `task`, which means nothing in that era: a task could never be asked for again.
 */
export function sessionParams(params: Params | undefined): Params | undefined {
  if (params === undefined) return undefined;
  const { _meta: meta, inputResponses: _responses, requestState: _state, task: _task, ...rest } = params;
  if (!isObject(meta)) return meta === undefined ? rest : { ...rest, _meta: meta };
  const kept = Object.fromEntries(Object.entries(meta).filter(([key]) => !RESERVED.includes(key)));
  return Object.keys(kept).length === 0 ? rest : { ...rest, _meta: kept };
}

/** Params of a session-era request as a stateless server wants them: with the caller. */
export function statelessParams(params: Params | undefined, caller: Caller): Params {
  const meta = params?.['_meta'];
  return {
    ...params,
    _meta: {
      ...(isObject(meta) ? meta : {}),
      [META.protocolVersion]: caller.version,
      [META.clientInfo]: caller.clientInfo,
      [META.clientCapabilities]: caller.capabilities,
      ...(caller.logLevel === undefined ? {} : { [META.logLevel]: caller.logLevel }),
    },
  };
}

/** A session-era result as a stateless agent reads it. `ttlMs`: how long a read may be reused. */
export function statelessResult(method: string, result: Params, options: { readonly ttlMs: number }): Params {
  const complete = { ...result, resultType: 'complete' };
  return method === 'resources/read' ? { ...complete, ttlMs: options.ttlMs, cacheScope: 'private' } : complete;
}

/** A stateless result as a session-era agent reads it; undefined when it asks for input, which no session-era result can say. */
export function sessionResult(result: Params): Params | undefined {
  const { resultType, ttlMs: _ttl, cacheScope: _scope, ...rest } = result;
  if (resultType !== undefined && resultType !== 'complete') return undefined;
  const meta = rest['_meta'];
  if (!isObject(meta) || !(META.serverInfo in meta)) return rest;
  const { [META.serverInfo]: _, ...kept } = meta;
  const { _meta: __, ...bare } = rest;
  return Object.keys(kept).length === 0 ? bare : { ...bare, _meta: kept };
}
